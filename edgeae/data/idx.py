"""IDX files, the format MNIST came in (http://yann.lecun.com/exdb/mnist, "file formats")."""

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.values import check_labels, check_rows
from edgeae.errors import BadInput

__all__ = ["is_idx", "read_idx", "read_idx_folder"]

#: The type byte of the header → the elements, big-endian as all of the file is.
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
    """Tell by its name: `t10k-images-idx3-ubyte`, `mine.idx`, either with `.gz`."""
    return _NAME.search(path.name) is not None


def read_idx(path: Path) -> dict[str, NDArray[Any]]:
    """Read one file of rows as `x`.

    Raises:
        BadInput: it is none, or holds what is no number.
        OSError: it cannot be read.
    """
    rows = _read(path, _ROWS_RANKS)
    check_rows(str(path), rows)
    return {"x": rows}


def read_idx_folder(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the four files of MNIST, plain or .gz.

    Raises:
        BadInput: one is missing, or is not as it should be.
        OSError: one cannot be read.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for key, stem in _FOLDER.items():
        path = _one_of(folder, stem)
        labels = key.startswith("y")
        arrays[key] = _read(path, (1,) if labels else _ROWS_RANKS)
        if labels:
            check_labels(str(path), arrays[key], arrays["x" + key[1:]])
        else:
            check_rows(str(path), arrays[key])
    return arrays


def _one_of(folder: Path, stem: str) -> Path:
    candidates = [folder / stem, folder / f"{stem}.gz"]
    path = next((candidate for candidate in candidates if candidate.exists()), None)
    if path is None:
        raise BadInput(f"{folder}: neither {stem} nor {stem}.gz is there")
    return path


def _read(path: Path, ranks: tuple[int, ...]) -> NDArray[Any]:
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _ELEMENTS:
        raise BadInput(f"{path}: not an IDX file: its magic is {content[:4].hex() or 'missing'}")
    rank = content[3]
    if rank not in ranks:
        allowed = " to ".join(str(end) for end in dict.fromkeys((ranks[0], ranks[-1])))
        raise BadInput(f"{path}: an IDX file of rank {rank}; allowed here is {allowed}")
    start = 4 + 4 * rank
    if len(content) < start:
        raise BadInput(f"{path}: {len(content)} bytes, its header alone has {start}")
    shape = struct.unpack(f">{rank}I", content[4:start])
    elements = np.dtype(_ELEMENTS[content[2]])
    if len(content) - start != math.prod(shape) * elements.itemsize:
        raise BadInput(
            f"{path}: {len(content) - start} bytes of data, its header says {shape} × "
            f"{elements.itemsize}"
        )
    stored = np.frombuffer(content, elements, offset=start).reshape(shape)
    return stored.astype(elements.newbyteorder("="), copy=False)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: not readable ({error})") from None
