"""The command that trains a model again, with its settings as options of `edgeae train`.

This module needs no TensorFlow, because the report uses it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.data import asked_of
from edgeae.errors import unknown
from edgeae.families.settings import flag
from edgeae.families.table import ALWAYS, FAMILIES, OPTIONS, model_name


def train_command(training: Training) -> list[str]:
    """Return the words of the command; options with the family's default values are left out.

    Args:
        training: the `train.json` of a model that edgeae trained.

    Raises:
        BadInput: this version of edgeae does not have the family.
    """
    if training.family not in FAMILIES:
        raise unknown("family", training.family, FAMILIES)
    family = FAMILIES[training.family]
    chosen = training.configuration
    words = ["edgeae", "train", training.family, "--data", training.data]
    words += asked_of(training).words()
    if training.model != model_name(family.defaults.having(code=chosen.get("code"))):
        words += ["--name", training.model]
    return words + options({"family": training.family, **chosen})


def options(configuration: Mapping[str, Any]) -> list[str]:
    """Return the options that give these settings; the family's default values are left out.

    Args:
        configuration: fields of `Settings` by name; those that are missing have the defaults.
    """
    family = FAMILIES[configuration["family"]]
    defaults, words = asdict(family.defaults), list[str]()
    for key in (*ALWAYS, *(key for key in OPTIONS if key in family.options)):
        value = configuration.get(key, defaults[key])
        value = tuple(value) if isinstance(value, list) else value
        if value != defaults[key]:
            words += _option(key, value)
    return words


def _option(key: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag(key)]  # every switch is off by default
    if isinstance(value, tuple):
        return [flag(key), ",".join(map(str, value))]
    return [flag(key), str(value)]
