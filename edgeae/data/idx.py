"""IDX files, MNIST's original format (http://yann.lecun.com/exdb/mnist, "file formats")."""

import gzip
import math
import re
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.columns import Stored, refuse_names
from edgeae.data.reading import Reading
from edgeae.data.values import check_labels, check_rows
from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.reading.unpacking import Allowance

#: The header's type byte → the big-endian element type.
_ELEMENTS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_ROWS_RANKS = (2, 3, 4)
_FOLDER = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_NAME = re.compile(r"[.-]idx\d?(-[a-z]+)?(\.gz)?$", re.IGNORECASE)


def is_idx(path: Path) -> bool:
    """Return whether a file's name is an IDX name: `t10k-images-idx3-ubyte`, `mine.idx`, or .gz."""
    return _NAME.search(path.name) is not None


def read_idx(path: Path, reading: Reading) -> Stored:
    """Read one file of rows as `x`, (n, …).

    Raises:
        BadInput: the file is no IDX file, a value is no finite number, or the reading names
            columns.
        OSError: the file cannot be read.
    """
    refuse_names(str(path), reading)
    rows = _read(path, _ROWS_RANKS)
    check_rows(str(path), rows)
    return Stored({"x": rows})


def read_idx_folder(folder: Path, reading: Reading) -> Stored:
    """Read the four files of MNIST, plain or .gz, as `x_train`, `y_train`, `x_test`, `y_test`.

    Raises:
        BadInput: a file is missing, its content is not valid, or the reading names columns.
        OSError: a file cannot be read.
    """
    refuse_names(str(folder), reading)
    arrays: dict[str, NDArray[Any]] = {}
    for key, stem in _FOLDER.items():
        path = _one_of(folder, stem)
        labels = key.startswith("y")
        arrays[key] = _read(path, (1,) if labels else _ROWS_RANKS)
        if labels:
            check_labels(str(path), arrays[key], arrays["x" + key[1:]])
        else:
            check_rows(str(path), arrays[key])
    return Stored(arrays)


def _one_of(folder: Path, stem: str) -> Path:
    candidates = [folder / stem, folder / f"{stem}.gz"]
    path = next((candidate for candidate in candidates if candidate.exists()), None)
    if path is None:
        raise BadInput(f"{folder}: both {stem} and {stem}.gz are missing")
    return path


def _read(path: Path, ranks: tuple[int, ...]) -> NDArray[Any]:
    with files.open_regular(path) as stream:
        if path.suffix.lower() != ".gz":
            return _parse(path, stream, ranks)
        with gzip.GzipFile(fileobj=stream) as inner:
            try:
                return _parse(path, inner, ranks)
            except (OSError, EOFError, zlib.error) as error:
                raise BadInput(f"{path}: not readable ({error})") from None


def _parse(path: Path, stream: BufferedIOBase, ranks: tuple[int, ...]) -> NDArray[Any]:
    """Read the array that the header declares, and at most one byte beyond it."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _ELEMENTS:
        raise BadInput(f"{path}: not an IDX file: its magic is {magic.hex() or 'missing'}")
    rank = magic[3]
    if rank not in ranks:
        allowed = " to ".join(str(end) for end in dict.fromkeys((ranks[0], ranks[-1])))
        raise BadInput(f"{path}: an IDX file of rank {rank}; allowed here is {allowed}")
    header = stream.read(4 * rank)
    if len(header) < 4 * rank:
        raise BadInput(f"{path}: {4 + len(header)} bytes, but the header has {4 + 4 * rank}")
    shape = struct.unpack(f">{rank}I", header)
    elements = np.dtype(_ELEMENTS[magic[2]])
    declared = math.prod(shape) * elements.itemsize
    Allowance(str(path)).take(declared, f"{shape} × {elements.itemsize} bytes")
    content = stream.read(declared + 1)
    if len(content) != declared:
        actual = f"more than {declared}" if len(content) > declared else len(content)
        raise BadInput(
            f"{path}: {actual} bytes of data, but the header declares {shape} × {elements.itemsize}"
        )
    stored = np.frombuffer(content, elements).reshape(shape)
    return stored.astype(elements.newbyteorder("="), copy=False)
