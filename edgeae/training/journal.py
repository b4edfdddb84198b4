"""Checkpoints of a training: after each epoch, the state from which another process continues.

All randomness of a training depends only on the seed and the step's number. A process that
continues after the last complete epoch therefore ends with the same weights, bit for bit.
"""

import io
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.reading import files, typed
from edgeae.reading.arrays import parse_npz
from edgeae.reading.parsing import parse_json
from edgeae.system import atomic

#: Folder of the checkpoints in the model's folder; it exists during the training.
FOLDER = ".training"


@dataclass
class State:
    """The state of a fit at the end of an epoch.

    Attributes:
        epoch: number of epochs done.
        finished: whether this is the state after the last epoch.
        seconds: time spent so far.
        curve: per epoch term → value.
        best_epoch: see `Fit`.
        variables, optimizer: values of the objective's and of the optimizer's variables, in order.
        best: the model's weights at the best epoch; empty if the last epoch's are kept.
    """

    epoch: int
    finished: bool
    seconds: float
    curve: list[dict[str, float]]
    best_epoch: int
    variables: list[NDArray[Any]]
    optimizer: list[NDArray[Any]]
    best: list[NDArray[Any]]


class Journal:
    """The checkpoints of one training.

    Args:
        folder: their folder; created if it is missing.
        key: everything that the training depends on; checkpoints with another key are deleted.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        if not folder.is_dir() or _read(folder / "key") != key:
            self.discard()
            atomic.write_text(folder / "key", key)

    def load(self, stage: str) -> State | None:
        """Return the last state of a stage; None if there is no readable state."""
        path = self._folder / f"{stage}.npz"
        try:
            content = files.read(path)
            names, _ = parse_npz(content, str(path), ())
            _, arrays = parse_npz(content, str(path), names)
            stored = typed.build(_Said, parse_json(str(arrays["said"]).encode(), str(path)))
            lists: dict[str, Any] = {name: _list(arrays, name) for name in _LISTS}
        except (OSError, BadInput, KeyError):
            return None  # missing or damaged: the stage is trained from its beginning
        return State(**asdict(stored), **lists)

    def save(self, stage: str, state: State) -> None:
        """Replace the state of a stage atomically."""
        scalars = {key: value for key, value in asdict(state).items() if key not in _LISTS}
        arrays = {
            f"{name}.{number}": array
            for name in _LISTS
            for number, array in enumerate(getattr(state, name))
        }
        stream = io.BytesIO()
        np.savez(stream, said=np.array(json.dumps(scalars)), **arrays)
        atomic.write_bytes(self._folder / f"{stage}.npz", stream.getvalue())

    def discard(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


_LISTS = ("variables", "optimizer", "best")


@dataclass(frozen=True)
class _Said:
    """The fields of a `State` that are not arrays."""

    epoch: int
    finished: bool
    seconds: float
    curve: list[dict[str, float]]
    best_epoch: int


def _read(path: Path) -> str:
    try:
        return files.read(path, files.TEXT_BYTES).decode(errors="replace")
    except (OSError, BadInput):
        return ""  # differs from every key


def _list(arrays: dict[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    count = sum(key.startswith(f"{name}.") for key in arrays)
    return [arrays[f"{name}.{number}"] for number in range(count)]
