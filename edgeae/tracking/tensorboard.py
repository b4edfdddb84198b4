"""TensorBoard: the event file of a training, `build/tensorboard/MODEL/`, as it grows.

A file holds the settings, a point for each epoch, and at the end the test loss. What it should hold
follows from the training's settings and curve, so that a training that is continued goes on where
the file ends, and the file of a training that has ended can be written from its `train.json`.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.errors import BadInput, naming
from edgeae.reading import files
from edgeae.reading.names import TENSORBOARD
from edgeae.tracking import curve as curves
from edgeae.tracking import event_file

#: TensorBoard takes each file with `tfevents` in its name, and reads a folder's files by name.
_NAME = "events.out.tfevents.{}.edgeae"


def place(folder: Path) -> Path:
    """Return the folder of the event file of a model, given the model's folder."""
    return folder.parent / TENSORBOARD / folder.name


class Board:
    """The event file of one training.

    Only one process may write it at once: the one that holds the lock of the model's folder.

    Args:
        folder: the model's folder.
        configuration: the training's settings, by name.
    """

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        self.folder = place(folder)
        self._configuration = configuration
        self._path: Path | None = None
        self._written: list[bytes] = []

    def show(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Make the file hold these epochs, and no others.

        What it holds of them already stays as it is; a file of another training is replaced.

        Args:
            curve: the epochs so far, as in `train.json`.

        Raises:
            OSError: the file cannot be written.
        """
        self._hold(self._events(curve))

    def finish(self, training: Training) -> None:
        """Make the file hold a training that has ended: its epochs and its test loss."""
        last = event_file.scalars(training.best_epoch, {curves.TEST: training.losses["test"]})
        self._hold([*self._events(training.curve), last])

    def _events(self, curve: Sequence[Mapping[str, float]]) -> list[bytes]:
        figures = enumerate(curves.epochs(self._configuration, curve), 1)
        return [
            event_file.version(),
            event_file.start(),
            event_file.hyperparameters(curves.chosen(self._configuration)),
            *(event_file.scalars(step, values) for step, values in figures),
        ]

    def _hold(self, events: list[bytes]) -> None:
        if self._path is None:
            self._path, self._written = self._found()
        if self._path is None or events[: len(self._written)] != self._written:
            self._path, self._written = self._started(), []
        now, path = time.time(), self._path
        content = b"".join(event_file.record(now, item) for item in events[len(self._written) :])
        self._path = None  # Ctrl-C, or a full disk, leaves a file that has to be read again
        with naming(path), path.open("ab", buffering=0) as stream:
            written = stream.write(content)
            assert written == len(content)
        self._path, self._written = path, events

    def _found(self) -> tuple[Path | None, list[bytes]]:
        """Return the file that is there, and its events; None if there is no whole file."""
        match sorted(self.folder.glob(_NAME.format("*"))):
            case [path]:
                try:
                    found = event_file.events(files.read(path, files.TEXT_BYTES))
                except BadInput:
                    return None, []  # larger than any that edgeae writes
                return (None, []) if found is None else (path, found)
        return None, []

    def _started(self) -> Path:
        """Delete the files of other trainings, and return the path of a new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob(_NAME.format("*")):
            path.unlink()
        return self.folder / _NAME.format(time.time_ns())
