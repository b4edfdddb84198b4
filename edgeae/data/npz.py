"""Rows saved by numpy: `.npz` and `.npy`."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.values import check_labels, check_rows
from edgeae.errors import BadInput
from edgeae.reading import arrays

_KNOWN = ("x_train", "y_train", "x_test", "y_test", "x", "y", "arr_0")
#: What `numpy.savez` calls an array that is given no name.
_UNNAMED = "arr_0"


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read an archive: `x_train` and `x_test` with their labels, or `x` and perhaps `y`.

    Rows alone may also be called `x_test`, or be the one array without a name. An archive of
    `x_train` alone serves as a training file.

    Raises:
        BadInput: it is none, holds none of these arrays, or they hold what is no number.
        OSError: it cannot be read.
    """
    names, found = arrays.read_npz(path, _KNOWN)
    if not found.keys() & {"x_train", "x_test", "x"} and names != [_UNNAMED]:
        raise BadInput(
            f"{path}: no array 'x_train'; an .npz needs x_train and x_test, or rows alone as x "
            f"(it holds: {', '.join(names) or 'nothing'})"
        )
    for key in ("x_train", "x_test", "x", _UNNAMED):
        if key in found:
            check_rows(f"{path}: {key}", found[key])
            labels = "y" + key[1:]
            if labels in found:
                check_labels(f"{path}: {labels}", found[labels], found[key])
    return _roles(found)


def _roles(found: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if "x_train" in found:
        wanted = {key: key for key in ("x_train", "y_train", "x_test", "y_test")}
    elif "x_test" in found:
        wanted = {"x": "x_test", "y": "y_test"}
    elif "x" in found:
        wanted = {"x": "x", "y": "y"}
    else:
        wanted = {"x": _UNNAMED}
    return {role: found[key] for role, key in wanted.items() if key in found}


def read_npy(path: Path) -> dict[str, NDArray[Any]]:
    """Read one array of rows as `x`.

    Raises:
        BadInput: it is none, or holds what is no number.
        OSError: it cannot be read.
    """
    rows = arrays.read_npy(path)
    check_rows(str(path), rows)
    return {"x": rows}
