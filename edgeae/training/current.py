"""Checks before a training: whether the model is up to date, and whether it can be written.

This module needs no TensorFlow.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae import data as datasets
from edgeae.artifacts.model import TRAIN, Training, open_model
from edgeae.data import AS_STORED, Dataset, Reading
from edgeae.errors import EdgeaeError
from edgeae.families.settings import Settings
from edgeae.system import atomic
from edgeae.system.extras import versions

TOOLS = ("tensorflow", "tf-keras")


def tool_versions() -> dict[str, str]:
    """Return package → version of the packages that influence the weights.

    Raises:
        RuntimeUnavailable: one of the packages is not installed.
    """
    return versions(TOOLS)


def current(
    folder: Path, settings: Settings, data: str, reading: Reading = AS_STORED
) -> Training | None:
    """Return the training in `folder` if these settings and data would repeat it; else None."""
    training = _of_settings(folder, settings)
    if training is None:
        return None
    try:
        # no download: a model that `auto` trained on digits stays current until MNIST is local
        dataset = datasets.load(data, download=False, reading=reading)
    except EdgeaeError:
        return None
    return training if _is_of(training, dataset.sha256, reading) else None


def current_on(
    folder: Path, settings: Settings, sha256: str, reading: Reading = AS_STORED
) -> Training | None:
    """Return what `current` does, for a dataset of this hash that is known already."""
    training = _of_settings(folder, settings)
    return training if training and _is_of(training, sha256, reading) else None


def _of_settings(folder: Path, settings: Settings) -> Training | None:
    if not (folder / TRAIN).exists():
        return None
    try:
        training = open_model(folder)
    except EdgeaeError:
        return None  # damaged, or replaced only in part
    if not trained_as(training, settings) or training.tools != tool_versions():
        return None
    if datasets.is_path(training.data) and not Path(training.data).exists():
        return None  # an export would read the data from this path
    return training


def trained_as(training: Training, settings: Settings) -> bool:
    """Return whether a training ended, and had these settings."""
    if training.interrupted or training.family != settings.family:
        return False
    asked: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return training.configuration == asked


def _is_of(training: Training, sha256: str, reading: Reading) -> bool:
    try:
        return datasets.asked_of(training) == reading and sha256 == training.dataset["sha256"]
    except EdgeaeError:
        return False


def journal_key(settings: Settings, dataset: Dataset) -> str:
    """Return everything that a training's weights depend on, as one text."""
    depends = [
        __version__,
        asdict(settings),
        dataset.sha256,
        dataset.labels_sha256,
        tool_versions(),
        *([dataset.reading.to_json()] if dataset.reading != AS_STORED else []),
    ]
    return json.dumps(depends, sort_keys=True)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Lock a model's folder for the duration of a `with` block; create it if it is missing.

    Raises:
        Busy: another process is training the same model.
        OSError: the folder is not writable.
    """
    with atomic.lock(folder / ".train.lock", str(folder)):
        # an old lock file can be locked although the folder is no longer writable
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        yield
