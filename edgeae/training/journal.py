"""Training that survives its end: after each epoch, everything that the next one depends on.

Whatever is random in a training depends on the seed and the number of the step alone; so a process
that goes on from the last whole epoch ends with the very weights of an undisturbed one.
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
from edgeae.reading import files
from edgeae.reading.arrays import parse_npz
from edgeae.reading.parsing import parse_json
from edgeae.reading.typed_json import rebuild
from edgeae.system import atomic

#: Below the model's folder, while it is being trained.
FOLDER = ".training"


@dataclass
class State:
    """One fit at the end of an epoch.

    Attributes:
        epoch: epochs done.
        finished: whether that was the last.
        seconds: time spent until then.
        curve: per epoch term → value.
        best_epoch: see `Fit`.
        variables, optimizer, best: arrays in the order of the variables; `best` may be empty.
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
    """The folder in which one training's states are kept.

    Args:
        folder: it; made when missing.
        key: what the training depends on: of a journal with another key nothing is kept.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        if not folder.is_dir() or _read(folder / "key") != key:
            self.discard()
            atomic.write_text(folder / "key", key)

    def load(self, stage: str) -> State | None:
        """Return the last state of a stage, or None before its first epoch's end."""
        path = self._folder / f"{stage}.npz"
        try:
            content = files.read(path)
            names, _ = parse_npz(content, str(path), ())
            _, arrays = parse_npz(content, str(path), names)
            said: _Said = rebuild(_Said, parse_json(str(arrays["said"]).encode(), str(path)))
            lists: dict[str, Any] = {name: _list(arrays, name) for name in _LISTS}
        except (OSError, BadInput, KeyError):
            return None  # not there, or damaged on the disk: what it held is trained again
        return State(**asdict(said), **lists)

    def save(self, stage: str, state: State) -> None:
        """Replace the state of a stage, in one step."""
        said = {key: value for key, value in asdict(state).items() if key not in _LISTS}
        arrays = {
            f"{name}.{number}": array
            for name in _LISTS
            for number, array in enumerate(getattr(state, name))
        }
        stream = io.BytesIO()
        np.savez(stream, said=np.array(json.dumps(said)), **arrays)
        atomic.write_bytes(self._folder / f"{stage}.npz", stream.getvalue())

    def discard(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)


_LISTS = ("variables", "optimizer", "best")


@dataclass(frozen=True)
class _Said:
    """What of a `State` is no array."""

    epoch: int
    finished: bool
    seconds: float
    curve: list[dict[str, float]]
    best_epoch: int


def _read(path: Path) -> str:
    try:
        return files.read(path, files.TEXT_BYTES).decode(errors="replace")
    except (OSError, BadInput):
        return ""  # another key than any


def _list(arrays: dict[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    count = sum(key.startswith(f"{name}.") for key in arrays)
    return [arrays[f"{name}.{number}"] for number in range(count)]
