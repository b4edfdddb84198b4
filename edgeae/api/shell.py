"""What the commands `encode`, `decode` and `score` do: a file of rows in, a file of answers out."""

import contextlib
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.api.values import CODES, IMAGES
from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.manifest import Manifest
from edgeae.data import reading_of
from edgeae.data.given import read_given
from edgeae.errors import BadInput
from edgeae.system import atomic, children
from edgeae.system.scratch import scratch, write_scratch

#: Endings of the files that are written.
ENDINGS = (".npy", ".csv")
_TIMEOUT_S = 86_400.0


def check_output(path: Path) -> None:
    """Check, before the work, that a file of answers can have this name.

    Raises:
        BadInput: its ending is not one of `ENDINGS`, or it is a folder.
    """
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"-o {path}: allowed are files that end with {' or '.join(ENDINGS)}")
    if path.is_dir():
        raise BadInput(f"-o {path}: a folder; allowed is a file's name")


@dataclass(frozen=True, eq=False)
class Given:
    """The rows in a file.

    Attributes:
        path: the file.
        rows: (n, …) as they are stored.
    """

    path: Path
    rows: NDArray[Any]


def images_in(path: Path, manifest: Manifest) -> Given:
    """Return the images, or the rows of a table, in a file, as they are stored.

    Of a table the model's columns are taken, by their names; of a recording, windows are cut.

    Raises:
        BadInput: the file cannot be read, its content is not valid, or it lacks a column.
    """
    return Given(path, read_given(path, reading_of(manifest).labelled(None)))


def codes_in(path: Path) -> Given:
    """Return the codes in a file, as they are stored.

    Raises:
        BadInput: the file cannot be read, or its content is not valid.
    """
    return Given(path, read_given(path))


def answer(bundle: Path, method: str, given: Given, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return the answers of a bundle's method, called in a child process.

    Args:
        bundle: see `edgeae.open`.
        method: `encode`, `decode` or `score`.
        given: images or codes; see `edgeae.Bundle`.
        settings: arguments of the method, as JSON values.

    Raises:
        EdgeaeError: see the method.
        RuntimeCrashed: the engine crashed.
    """
    with scratch() as place:
        write_scratch(place / "rows.npy", npy_bytes(given.rows))
        job = {
            "bundle": str(bundle),
            "method": method,
            "rows": str(place / "rows.npy"),
            "answers": str(place / "answers.npy"),
            "settings": dict(settings),
        }
        with _naming(given.path):
            children.run("edgeae.api.child", job, timeout_s=_TIMEOUT_S)
        answers: NDArray[Any] = np.load(place / "answers.npy")
        return answers


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors about the images or codes in it."""
    try:
        yield
    except BadInput as error:
        about_rows = str(error).startswith((f"{IMAGES}: ", f"{CODES}: "))
        raise BadInput(f"{path}: {error}") if about_rows else error from None


@dataclass(frozen=True)
class Written:
    """A file of answers.

    Attributes:
        path: the file.
        shape, dtype: of the answers.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: str

    def to_json(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return {"output": str(self.path), "shape": list(self.shape), "dtype": self.dtype}

    def to_text(self) -> str:
        """Return the values in a line."""
        n, *axes = self.shape
        of = f" of {' × '.join(map(str, axes))} values" if axes else ""
        return f"{self.path}: {n:,} rows{of}, {self.dtype}"


def written(path: Path, answers: NDArray[Any]) -> Written:
    """Write answers (n, …) atomically: as an `.npy`, or a line of numbers each in a `.csv`.

    Raises:
        OSError: the file cannot be written.
    """
    if path.suffix.lower() == ".npy":
        atomic.write_bytes(path, npy_bytes(answers))
    else:
        atomic.write_text(path, _csv(answers))
    return Written(path, answers.shape, answers.dtype.name)


def _csv(answers: NDArray[Any]) -> str:
    text = io.StringIO()
    form = {"float32": "%.9g", "float64": "%.17g"}.get(answers.dtype.name, "%d")
    np.savetxt(text, answers.reshape(len(answers), math.prod(answers.shape[1:])), form, ",")
    return text.getvalue()
