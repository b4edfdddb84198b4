"""Arrays saved by numpy: `.npz` and `.npy`, never with pickled objects inside."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.values import check_labels, check_rows
from edgeae.errors import BadInput

__all__ = ["read_npy", "read_npz"]

_KNOWN = ("x_train", "y_train", "x_test", "y_test", "x", "y", "arr_0")
#: What `numpy.savez` calls an array that is given no name.
_UNNAMED = "arr_0"
_NPY, _ZIP = b"\x93NUMPY", b"PK"
#: The first byte of a pickle since protocol 2.
_PICKLE = b"\x80"


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read an archive: `x_train` and `x_test` with their labels, or `x` and perhaps `y`.

    Rows alone may also be called `x_test`, or be the one array without a name. An archive of
    `x_train` alone serves as a training file.

    Raises:
        BadInput: it is none, holds none of these arrays, or they hold what is no number.
        OSError: it cannot be read.
    """
    _check_start(path, _ZIP, ".npz")
    names, arrays = _load_npz(path)
    if not arrays.keys() & {"x_train", "x_test", "x"} and names != [_UNNAMED]:
        raise BadInput(
            f"{path}: no array 'x_train'; an .npz needs x_train and x_test, or rows alone as x "
            f"(it holds: {', '.join(names) or 'nothing'})"
        )
    for key in ("x_train", "x_test", "x", _UNNAMED):
        if key in arrays:
            check_rows(f"{path}: {key}", arrays[key])
            labels = "y" + key[1:]
            if labels in arrays:
                check_labels(f"{path}: {labels}", arrays[labels], arrays[key])
    return _roles(arrays)


def _roles(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if "x_train" in arrays:
        wanted = {key: key for key in ("x_train", "y_train", "x_test", "y_test")}
    elif "x_test" in arrays:
        wanted = {"x": "x_test", "y": "y_test"}
    elif "x" in arrays:
        wanted = {"x": "x", "y": "y"}
    else:
        wanted = {"x": _UNNAMED}
    return {role: arrays[key] for role, key in wanted.items() if key in arrays}


def read_npy(path: Path) -> dict[str, NDArray[Any]]:
    """Read one array of rows as `x`.

    Raises:
        BadInput: it is none, or holds what is no number.
        OSError: it cannot be read.
    """
    _check_start(path, _NPY, ".npy")
    try:
        with path.open("rb") as stream:
            rows = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:
        raise _unreadable(path, ".npy", error) from None
    check_rows(str(path), rows)
    return {"x": rows}


def _load_npz(path: Path) -> tuple[list[str], dict[str, NDArray[Any]]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            names = list(archive.files)
            arrays = {key: archive[key] for key in names if key in _KNOWN}
        for key, array in arrays.items():
            if not isinstance(array, np.ndarray):  # numpy hands out what is no array as bytes
                raise ValueError(f"{key} is not an array")
    except Exception as error:  # numpy and zipfile raise a dozen classes on damaged bytes
        raise _unreadable(path, ".npz", error) from None
    return names, arrays


def _check_start(path: Path, magic: bytes, ending: str) -> None:
    # numpy takes whatever it does not know for a pickle, and says so
    with path.open("rb") as stream:
        found = stream.read(len(_NPY))
    if found.startswith(magic):
        return
    if found.startswith(_PICKLE):
        raise _pickled(path)
    kind = next((f"; it is an {end}" for end, start in _starts() if found.startswith(start)), "")
    raise BadInput(f"{path}: not a readable {ending}{kind}")


def _starts() -> tuple[tuple[str, bytes], ...]:
    return (".npy", _NPY), (".npz", _ZIP)


def _unreadable(path: Path, ending: str, error: Exception) -> BadInput:
    reason = " ".join(str(error).split()) or type(error).__name__
    if "allow_pickle" in reason:
        return _pickled(path)
    return BadInput(f"{path}: not a readable {ending} ({reason})")


def _pickled(path: Path) -> BadInput:
    return BadInput(f"{path}: pickled objects are refused, they can run code; save plain numbers")
