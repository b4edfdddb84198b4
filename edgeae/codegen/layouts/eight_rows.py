"""Layers whose kernel computes eight rows at once, as those of dsp and helium do."""

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.step import Band

ROWS = 8
#: Multiplier, rounding and shift.
_CONSTANTS = 3
#: Blocks of eight rows in a band: for each band, the kernel prepares its input again.
_BLOCKS = 8


def band_of_rows(weights: NDArray[np.uint32], constants: NDArray[np.int32], rows: int) -> Band:
    """Return a band of 64 rows.

    Args:
        weights: those of all rows, as the kernel reads them.
        constants: shape (1 or rows, 3).
        rows: rows of the layer.
    """
    words = len(weights) // -(-rows // ROWS)
    own = ROWS * _CONSTANTS if len(constants) > 1 else 0
    advance = {"weights": _BLOCKS * words, "constants": _BLOCKS * own}
    return Band("rows", 1, advance, block=_BLOCKS * ROWS)
