"""Read `.npy` and `.npz` files within bounds, without pickled objects.

numpy allocates the size that a header declares before it reads the data, and if pickles are allowed
it loads objects that can run code. `numpy.lib.format` describes the layout of an `.npy`.
"""

import contextlib
import io
import math
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.reading.unpacking import Allowance, checked_member

_NPY, _ZIP = b"\x93NUMPY", b"PK"
_KINDS = ((".npy", _NPY), (".npz", _ZIP))
#: The first byte of a pickle since protocol 2.
_PICKLE = b"\x80"
_CHUNK = 1 << 20


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array in an `.npy` file.

    Raises:
        BadInput: the file is not an `.npy`, is damaged, holds objects, or unpacks to more bytes
            than allowed.
        OSError: the file cannot be read.
    """
    with files.open_regular(path) as stream:
        return _npy(stream, str(path))


def parse_npy(content: bytes, origin: str) -> NDArray[Any]:
    """Return the array in an `.npy` file's bytes; `origin` names the file. See `read_npy`."""
    return _npy(io.BytesIO(content), origin)


def read_npz(path: Path, wanted: Collection[str]) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Read the wanted arrays of an `.npz` file; other arrays are not unpacked.

    Returns:
        The names of all arrays in the file, and name → array for the wanted ones.

    Raises:
        BadInput: the file is not an `.npz`, is damaged, holds objects, or unpacks to more bytes
            than allowed.
        OSError: the file cannot be read.
    """
    with files.open_regular(path) as stream:
        return _npz(stream, str(path), wanted)


def parse_npz(
    content: bytes, origin: str, wanted: Collection[str]
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Return the wanted arrays in an `.npz` file's bytes; `origin` names the file."""
    return _npz(io.BytesIO(content), origin, wanted)


def _npy(stream: IO[bytes], origin: str) -> NDArray[Any]:
    _check_start(stream, origin, ".npy")
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    with _readable(origin, ".npy"):
        return _array(stream, size, origin, Allowance(origin))


def _npz(
    stream: IO[bytes], origin: str, wanted: Collection[str]
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    _check_start(stream, origin, ".npz")
    allowance = Allowance(origin)
    with _readable(origin, ".npz"), zipfile.ZipFile(stream) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        arrays = {}
        for key, member in members.items():
            if key in wanted:
                entry = checked_member(archive, member, allowance)
                with archive.open(entry) as inner:
                    arrays[key] = _array(inner, entry.file_size, key, allowance=None)
    return list(members), arrays


def _array(stream: IO[bytes], size: int, name: str, allowance: Allowance | None) -> NDArray[Any]:
    """Read one array of an `.npy` of `size` bytes.

    Raises:
        ValueError: the array is damaged, or its header states another size.
    """
    shape, fortran_order, dtype = _header(stream)
    if dtype.hasobject:
        raise ValueError("allow_pickle")
    expected, found = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if expected != found:
        raise ValueError(f"{name}: {found} bytes of values, its header states {shape} of {dtype}")
    if allowance is not None:
        allowance.take(expected, name)
    array = np.empty(shape, dtype, order="F" if fortran_order else "C")
    _fill(array.reshape(-1, order="A"), stream, name)
    return array


def _fill(values: NDArray[Any], stream: IO[bytes], name: str) -> None:
    """Fill a one-dimensional array with bytes of a stream, piece by piece."""
    target = values.view(np.uint8) if values.nbytes else np.empty(0, np.uint8)
    for start in range(0, len(target), _CHUNK):
        piece = target[start : start + _CHUNK]
        part = stream.read(len(piece))
        if len(part) < len(piece):
            raise ValueError(f"{name}: ends after {start + len(part)} of {len(target)} bytes")
        piece[:] = np.frombuffer(part, np.uint8)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:  # version 3 is of arrays with named fields
        raise ValueError(f"version {version} of the format; allowed are 1.0 and 2.0")
    shape, fortran_order, dtype = readers[version](stream)
    return shape, fortran_order, dtype


def _check_start(stream: IO[bytes], origin: str, ending: str) -> None:
    found = stream.read(len(_NPY))
    stream.seek(0)
    if found.startswith(dict(_KINDS)[ending]):
        return
    if found.startswith(_PICKLE):
        raise _pickled(origin)
    kind = next((f"; it is an {end}" for end, start in _KINDS if found.startswith(start)), "")
    raise BadInput(f"{origin}: not a readable {ending}{kind}")


@contextlib.contextmanager
def _readable(origin: str, ending: str) -> Iterator[None]:
    """Turn the errors of numpy and zipfile about damaged bytes into a BadInput."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # a dozen classes
        reason = " ".join(str(error).split()) or type(error).__name__
        if "allow_pickle" in reason:
            raise _pickled(origin) from None
        raise BadInput(f"{origin}: not a readable {ending} ({reason})") from None


def _pickled(origin: str) -> BadInput:
    return BadInput(f"{origin}: pickled objects are refused: they can run code; save plain numbers")
