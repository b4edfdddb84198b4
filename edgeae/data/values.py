"""Checks of a dataset's arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput

#: Least number of rows; fewer could not be split into calibration, validation and test rows.
LEAST_ROWS = 10
#: Allowed sizes of a float in bytes; numpy has longer floats, which no other library reads.
_FLOAT_BYTES = (2, 4, 8)


def check_rows(place: str, rows: NDArray[Any], rank: int = 2, least: int = LEAST_ROWS) -> None:
    """Check that an array contains rows of finite numbers.

    Args:
        place: the file, and the array's key if the file has keys; for errors.
        rows: (n, …).
        rank: least number of axes; 1 for a recording, whose samples may be single numbers.
        least: least number of rows.

    Raises:
        BadInput: the shape, the element type or a value is not allowed.
    """
    floats = rows.dtype.kind == "f" and rows.dtype.itemsize in _FLOAT_BYTES
    if rows.dtype.kind not in "iu" and not floats:
        raise BadInput(f"{place}: elements are {rows.dtype}; allowed are integers and floats")
    if rows.ndim < rank or len(rows) < least or rows[0].size == 0:
        raise BadInput(
            f"{place}: shape {rows.shape}; allowed are {least} rows or more, of one value or "
            "more each"
        )
    if not floats:
        return  # float32's range contains every integer type
    with np.errstate(over="ignore"):
        bad = int(np.count_nonzero(~np.isfinite(rows.astype(np.float32, copy=False))))
    if bad:
        raise BadInput(f"{place}: {bad} values are NaN, infinite or too large for float32")


def check_labels(place: str, labels: NDArray[Any], rows: NDArray[Any]) -> None:
    """Check that there is one label for each row.

    Raises:
        BadInput: the labels have another shape.
    """
    if labels.shape != rows.shape[:1]:
        raise BadInput(f"{place}: shape {labels.shape}; allowed is one label for {len(rows)} rows")
