"""NumPy files of rows: `.npz` and `.npy`."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.columns import Stored, refuse_names
from edgeae.data.reading import Reading
from edgeae.data.values import check_labels, check_rows
from edgeae.errors import BadInput
from edgeae.reading import arrays

_KNOWN = ("x_train", "y_train", "x_test", "y_test", "x", "y", "arr_0")
#: The name that `numpy.savez` gives an array without a name.
_UNNAMED = "arr_0"


def read_npz(path: Path, reading: Reading) -> Stored:
    """Read an archive: `x_train` and `x_test`, or rows `x`, each with optional labels.

    Rows without training rows can also be named `x_test`, or be the only array without a name. An
    archive with only `x_train` is a training file.

    Raises:
        BadInput: the file is no archive or has none of these arrays, a value is no finite number,
            or the reading names columns.
        OSError: the file cannot be read.
    """
    refuse_names(str(path), reading)
    names, stored = arrays.read_npz(path, _KNOWN)
    if not stored.keys() & {"x_train", "x_test", "x"} and names != [_UNNAMED]:
        raise BadInput(
            f"{path}: no array 'x_train'; an .npz needs x_train and x_test, or only rows as x "
            f"(the file has: {', '.join(names) or 'no array'})"
        )
    for key in ("x_train", "x_test", "x", _UNNAMED):
        if key in stored:
            check_rows(f"{path}: {key}", stored[key], _rank(reading))
            labels = "y" + key[1:]
            if labels in stored:
                check_labels(f"{path}: {labels}", stored[labels], stored[key])
    return Stored(_roles(stored))


def _rank(reading: Reading) -> int:
    """Return the least rank of an array: the samples of a recording may be single numbers."""
    return 1 if reading.window else 2


def _roles(stored: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if "x_train" in stored:
        wanted = {key: key for key in ("x_train", "y_train", "x_test", "y_test")}
    elif "x_test" in stored:
        wanted = {"x": "x_test", "y": "y_test"}
    elif "x" in stored:
        wanted = {"x": "x", "y": "y"}
    else:
        wanted = {"x": _UNNAMED}
    return {role: stored[key] for role, key in wanted.items() if key in stored}


def read_npy(path: Path, reading: Reading) -> Stored:
    """Read one array of rows as `x`, (n, …); of a recording, also (n,).

    Raises:
        BadInput: the file is no `.npy`, a value is no finite number, or the reading names columns.
        OSError: the file cannot be read.
    """
    refuse_names(str(path), reading)
    rows = arrays.read_npy(path)
    check_rows(str(path), rows, _rank(reading))
    return Stored({"x": rows})
