"""The command that trains a model again: its settings as options of `edgeae train`.

No TensorFlow here: the report asks.
"""

from dataclasses import asdict
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.errors import unknown
from edgeae.families.settings import flag
from edgeae.families.table import ALWAYS, FAMILIES, OPTIONS


def train_command(training: Training) -> list[str]:
    """Return the words of the command; only what differs from the family's defaults is said.

    Args:
        training: of a model that edgeae trained.

    Raises:
        BadInput: its family is not one of this edgeae's.
    """
    if training.family not in FAMILIES:
        raise unknown("family", training.family, FAMILIES)
    family = FAMILIES[training.family]
    said, defaults = training.configuration, asdict(family.defaults)
    words = ["edgeae", "train", training.family, "--data", training.data]
    if training.model != family.defaults.having(code=said.get("code")).model:
        words += ["--name", training.model]
    for key in (*ALWAYS, *(key for key in OPTIONS if key in family.options)):
        value = said.get(key, defaults[key])
        value = tuple(value) if isinstance(value, list) else value
        if value != defaults[key]:
            words += _option(key, value)
    return words


def _option(key: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag(key)]  # no family has a switch that is on by itself
    if isinstance(value, tuple):
        return [flag(key), ",".join(map(str, value))]
    return [flag(key), str(value)]
