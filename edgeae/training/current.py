"""Is a model already what a training would make, and may it be written?

Asked without TensorFlow.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from edgeae import __version__
from edgeae import data as datasets
from edgeae.artifacts.model import TRAIN, Training, open_model
from edgeae.data import Dataset
from edgeae.errors import EdgeaeError
from edgeae.families.settings import Settings
from edgeae.system import atomic
from edgeae.system.extras import versions

TOOLS = ("tensorflow", "tf-keras")


def tool_versions() -> dict[str, str]:
    """Return package → version of whatever shapes the weights.

    Raises:
        RuntimeUnavailable: one of them is not installed.
    """
    return versions(TOOLS)


def current(folder: Path, settings: Settings, data: str) -> Training | None:
    """Return the training in `folder` if these settings and this data would give it again."""
    if not (folder / TRAIN).exists():
        return None
    try:
        training = open_model(folder)
    except EdgeaeError:
        return None  # damaged or half replaced: train again
    if training.interrupted or training.family != settings.family:
        return None
    asked = json.loads(json.dumps(asdict(settings)))
    if training.configuration != asked or training.tools != tool_versions():
        return None
    if datasets.is_path(training.data) and not Path(training.data).exists():
        return None  # an export would look there
    try:
        # `auto` that became digits stays digits until MNIST can be had without a network
        dataset = datasets.load(data, download=False)
    except EdgeaeError:
        return None
    return training if dataset.sha256 == training.dataset["sha256"] else None


def journal_key(settings: Settings, dataset: Dataset) -> str:
    """Return what a training's weights depend on, as text; another key, another training."""
    depends = [
        __version__,
        asdict(settings),
        dataset.sha256,
        dataset.labels_sha256,
        tool_versions(),
    ]
    return json.dumps(depends, sort_keys=True)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold a model's folder for the duration of a `with` block; it is made when missing.

    Raises:
        Busy: another process is training the same model.
        OSError: nothing can be written there.
    """
    with atomic.lock(folder / ".train.lock", str(folder)):
        if not os.access(folder, os.W_OK | os.X_OK):  # a lock file may be left from better days
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        yield
