"""How the kernels of the layout helium have biases and weights."""

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.layouts.eight_rows import ROWS

COLUMNS = 16
#: The vectors of the kernels have the even rows of eight, then the odd ones.
ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def blocks(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Return biases and weights as the kernel reads them."""
    rows, columns = weights.shape
    padded = np.zeros((-(-rows // ROWS) * ROWS, -(-columns // COLUMNS) * COLUMNS), np.int8)
    padded[:rows, :columns] = weights
    full = np.zeros(len(padded), "<i4")
    full[:rows] = bias
    groups = padded.reshape(-1, ROWS, padded.shape[1] // COLUMNS, COLUMNS)
    words = np.ascontiguousarray(groups.transpose(0, 2, 1, 3)).view("<u4")
    heads = full.view("<u4").reshape(-1, ROWS)
    whole = np.concatenate([heads, words.reshape(len(heads), -1)], axis=1)
    return whole.astype(np.uint32).reshape(-1)
