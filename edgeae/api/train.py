"""`edgeae.train`: trains a model in a child process, which loads TensorFlow."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

from edgeae.api.model import Model
from edgeae.api.telling import ProgressTo, teller
from edgeae.data import Reading
from edgeae.errors import (
    BadInput,
    EdgeaeError,
    ManifestMismatch,
    NotMeasured,
    RuntimeCrashed,
    unknown,
)
from edgeae.families.command import options
from edgeae.families.settings import Settings
from edgeae.families.table import ALWAYS, OPTIONS, model_name, settings
from edgeae.reading import typed
from edgeae.reading.names import ALLOWED, RESERVED, is_name

_ERRORS = (BadInput, NotMeasured, ManifestMismatch, RuntimeCrashed)


def train(
    family: str,
    *,
    data: str | os.PathLike[str] = "auto",
    name: str | None = None,
    build: str | os.PathLike[str] = "build",
    columns: Sequence[str] = (),
    drop: Sequence[str] = (),
    label: str | None = None,
    standardize: bool = False,
    split: tuple[int, int, int] | None = None,
    split_seed: int = 0,
    window: int = 0,
    step: int = 0,
    force: bool = False,
    progress: ProgressTo = False,
    **chosen: Any,
) -> Model:
    """Train a model, as `edgeae train`; a model that is up to date is not trained again.

    Args:
        family: a family, as `edgeae train --list` names them, such as `deep`.
        data: `mnist`, `digits`, `auto` or the path of a file.
        name: name of the model; None for the family's.
        build: the folder of models.
        columns, drop, label, standardize, split, split_seed, window, step: how the rows of a file
            are read, as the options of these names: `split=(70, 10, 20)`.
        force: train even if nothing changed.
        progress: True prints progress to standard error; a function gets its lines.
        **chosen: settings of the family, as `code=16, hidden=(128, 64), epochs=5, seed=1`; see
            `edgeae.families.settings.Settings`.

    Raises:
        BadInput: a value is not allowed, or the data cannot be read.
        RuntimeUnavailable: TensorFlow is not installed.
        Busy: another process is training this model.
        KeyboardInterrupt: Ctrl-C; the same call continues after the last complete epoch.
    """
    from edgeae.training.current import tool_versions
    from edgeae.training.zoo import train_one

    plan = settings(family, **_typed(chosen))
    reading = Reading(
        tuple(columns), tuple(drop), label, standardize, split, split_seed, window, step
    )
    tool_versions()  # raises if TensorFlow is missing
    folder = Path(build) / _checked(name or model_name(plan))
    words = [family, "--data", os.fspath(data), "--build", os.fspath(build), "--name", folder.name]
    words += [*options(asdict(plan)), *reading.words(), *(["--force"] if force else [])]
    code, problem = train_one(words, teller(progress))
    if code:
        raise _error(code)(problem)
    return Model.at(folder)


def _typed(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose names and types are checked."""
    kinds = get_type_hints(Settings)
    for key, value in chosen.items():
        if key not in (*ALWAYS, *OPTIONS):
            raise unknown("setting", key, (*ALWAYS, *OPTIONS))
        typed.value(kinds[key], list(value) if isinstance(value, tuple) else value, key)
    return chosen


def _checked(name: str) -> str:
    if not is_name(name) or name.casefold() in RESERVED:
        raise BadInput(
            f"name {name!r:.60}: allowed is {ALLOWED}, and none of {', '.join(RESERVED)}"
        )
    return name


def _error(code: int) -> type[EdgeaeError]:
    return next((kind for kind in _ERRORS if kind.code == code), EdgeaeError)
