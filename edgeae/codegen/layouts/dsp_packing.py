"""How the kernels of the layout dsp have biases, weights and constants; see `dsp_rows.c`."""

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.layouts.eight_rows import ROWS

COLUMNS = 4


def per_block(constants: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the constants of whole blocks of rows, or of one block if all rows have the same."""
    if len(constants) == 1:
        return np.tile(constants, (ROWS, 1))
    empty = np.tile(np.array([0, 0, 1], np.int32), (-len(constants) % ROWS, 1))
    return np.concatenate([constants, empty])


def step(constants: NDArray[np.int32]) -> int:
    """Return the bytes from the constants of a block, once read, to those of the next block."""
    return 0 if len(constants) > 1 else -12 * ROWS


def packable(weights: NDArray[np.int8]) -> bool:
    """Return whether 256 × even row + odd row fits into 16 bits for all weights."""
    odd = np.zeros_like(weights[::2], dtype=np.int64)
    odd[: len(weights) // 2] = weights[1::2]
    return bool((256 * weights[::2].astype(np.int64) + odd).min(initial=0) >= -(1 << 15))


def blocks(weights: NDArray[np.int8], bias: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return biases and weights, modulo 2^32, as `dsp_rows.c` reads them."""
    rows, columns = weights.shape
    padded = np.zeros((-(-rows // ROWS) * ROWS, -(-columns // COLUMNS) * COLUMNS), np.int64)
    padded[:rows, :columns] = weights
    full = np.zeros(len(padded), np.int64)
    full[:rows] = bias
    pairs = (256 * padded[0::2] + padded[1::2]) & 0xFFFF  # (pairs, columns)
    four = pairs.reshape(-1, 4, padded.shape[1] // COLUMNS, COLUMNS).transpose(0, 2, 1, 3)
    words = np.stack([four[..., 0] | four[..., 2] << 16, four[..., 1] | four[..., 3] << 16], -1)
    heads = np.stack([256 * full[0::2] + full[1::2], full[1::2]], -1).reshape(-1, ROWS)
    whole = np.concatenate([heads, words.reshape(len(heads), -1)], axis=1)
    return (whole & 0xFFFFFFFF).astype(np.uint32).reshape(-1)
