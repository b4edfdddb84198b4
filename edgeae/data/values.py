"""What the arrays of a dataset may hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput

#: Fewer would leave nothing to calibrate with, or to judge on.
_LEAST_ROWS = 10
#: Bytes of a float; numpy also knows longer ones, which no other library reads.
_FLOAT_BYTES = (2, 4, 8)


def check_rows(place: str, rows: NDArray[Any]) -> None:
    """Refuse what is no set of rows of finite numbers.

    Args:
        place: file, and key where it has keys.
        rows: (n, …), n at least 10.

    Raises:
        BadInput: the shape, the element type or a value is none of a dataset.
    """
    floats = rows.dtype.kind == "f" and rows.dtype.itemsize in _FLOAT_BYTES
    if rows.dtype.kind not in "iu" and not floats:
        raise BadInput(f"{place}: elements are {rows.dtype}; allowed are integers and floats")
    if rows.ndim < 2 or len(rows) < _LEAST_ROWS or rows[0].size == 0:
        raise BadInput(
            f"{place}: shape {rows.shape}; allowed are {_LEAST_ROWS} rows or more, of one value "
            "or more each"
        )
    if not floats:
        return  # every integer is within float32
    with np.errstate(over="ignore"):
        bad = int(np.count_nonzero(~np.isfinite(rows.astype(np.float32, copy=False))))
    if bad:
        raise BadInput(f"{place}: {bad} of its values are NaN, infinite or too large for float32")


def check_labels(place: str, labels: NDArray[Any], rows: NDArray[Any]) -> None:
    """Refuse labels that are not one a row.

    Raises:
        BadInput: they have another shape.
    """
    if labels.shape != rows.shape[:1]:
        raise BadInput(f"{place}: shape {labels.shape}; allowed is one label for {len(rows)} rows")
