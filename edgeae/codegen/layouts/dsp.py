"""Layout dsp: Cortex-M4, M7 and M33 with the DSP extension.

Eight rows at a time, the weights of two rows in one halfword: see `edgeae/codegen/c/dsp_rows.c`.
What the layout cannot hold is left to portable C.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.layouts.fused import absorbed, output_and_table
from edgeae.codegen.layouts.rescaled import high_words
from edgeae.codegen.operation import Operation
from edgeae.codegen.operators.fully_connected import folded_bias, matrix, scales_and_limits
from edgeae.codegen.step import Alias, Constant, Step

_ROWS = 8
_COLUMNS = 4
#: With fewer rows, most of a block of eight rows would be empty.
_FEWEST_ROWS = 4


def lower(operation: Operation) -> Sequence[Step | Alias] | None:
    """Return the steps of an operator; None if portable C computes it."""
    producer = absorbed(operation)
    if producer is not None and lower(producer) is not None:
        return ()
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    return None


def _fully_connected(operation: Operation) -> Sequence[Step] | None:
    weights = matrix(operation)
    rows, columns = weights.shape
    bias = folded_bias(operation, weights)
    constants = high_words(operation, scales_and_limits(operation, weights, bias))
    if constants is None or rows < _FEWEST_ROWS or not packable(weights):
        return None
    shifted = bias - 128 * weights.sum(axis=1, dtype=np.int64)  # the kernel reads input + 128
    target, table = output_and_table(operation)
    members = {
        "weights": Constant("weights", blocks(weights, shifted)),
        "constants": Constant("constants", _per_block(constants)),
        "table": None if table is None else Constant("table", table),
        "batches": math.prod(operation.input().shape) // columns,
        "rows": rows,
        "columns": columns,
        "step": 12 if len(constants) > 1 else 0,
    }
    return [
        Step(
            "fully_connected_int8_dsp",
            (operation.inputs[0],),
            target,
            members,
            operator=operation.index,
        )
    ]


def _per_block(constants: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the constants as the kernel reads them: of one row for all, or of whole blocks."""
    empty = -len(constants) % _ROWS if len(constants) > 1 else 0
    return np.concatenate([constants, np.tile(np.array([0, 0, 1], np.int32), (empty, 1))]).reshape(-1)


def packable(weights: NDArray[np.int8]) -> bool:
    """Return whether 256 × even row + odd row fits into 16 bits for all weights."""
    odd = np.zeros_like(weights[::2], dtype=np.int64)
    odd[: len(weights) // 2] = weights[1::2]
    return bool((256 * weights[::2].astype(np.int64) + odd).min(initial=0) >= -(1 << 15))


def blocks(weights: NDArray[np.int8], bias: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return biases and weights, modulo 2^32, as `dsp_rows.c` reads them."""
    rows, columns = weights.shape
    padded = np.zeros((-(-rows // _ROWS) * _ROWS, -(-columns // _COLUMNS) * _COLUMNS), np.int64)
    padded[:rows, :columns] = weights
    full = np.zeros(len(padded), np.int64)
    full[:rows] = bias
    pairs = (256 * padded[0::2] + padded[1::2]) & 0xFFFF  # (pairs, columns)
    four = pairs.reshape(-1, 4, padded.shape[1] // _COLUMNS, _COLUMNS).transpose(0, 2, 1, 3)
    words = np.stack([four[..., 0] | four[..., 2] << 16, four[..., 1] | four[..., 3] << 16], -1)
    heads = np.stack([256 * full[0::2] + full[1::2], full[1::2]], -1).reshape(-1, _ROWS)
    whole = np.concatenate([heads, words.reshape(len(heads), -1)], axis=1)
    return (whole & 0xFFFFFFFF).astype(np.uint32).reshape(-1)
