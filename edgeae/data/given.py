"""Rows that a model is to run on: any number of them, as they are stored in a file."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.csv_file import read_csv
from edgeae.data.reading import AS_STORED, Reading
from edgeae.data.rows import Rows
from edgeae.errors import BadInput, system_error
from edgeae.reading import arrays

#: Names of the array in an `.npz`, the first that is there.
_NAMES = ("x", "x_test", "arr_0")
#: Axes of a recording: samples, or samples and channels.
_RECORDING_AXES = 2


def read_given(path: Path, reading: Reading = AS_STORED) -> NDArray[Any]:
    """Return the rows in an `.npy`, `.npz` or `.csv`, (n, …); n may be 1.

    Args:
        path: the file.
        reading: that of the model: the columns of a CSV with a header by their names, and windows,
            which are cut out of a recording of one or two axes. Its split is not used.

    Raises:
        BadInput: the file cannot be read, its content is not valid, or it lacks a column.
    """
    try:
        rows = _stored(path, reading)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise system_error(error) from None
    if reading.window and rows.ndim <= _RECORDING_AXES:
        return Rows(rows, None).windows(str(path), "whole", reading).x
    return rows


def _stored(path: Path, reading: Reading) -> NDArray[Any]:
    ending = path.suffix.lower()
    if ending == ".npy":
        return arrays.read_npy(path)
    if ending == ".npz":
        return _of_archive(path)
    if ending == ".csv":
        return read_csv(path, reading, least=1).arrays["x"]
    path.stat()  # if the file is missing, report that first
    raise BadInput(f"{path}: allowed are .npy, .npz and .csv files")


def _of_archive(path: Path) -> NDArray[Any]:
    names, found = arrays.read_npz(path, _NAMES)
    for name in _NAMES:
        if name in found:
            return found[name]
    raise BadInput(
        f"{path}: no array {', '.join(_NAMES)} (the file has: {', '.join(names) or 'no array'})"
    )
