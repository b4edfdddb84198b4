"""Layout helium: Cortex-M55 and M85.

Eight rows at a time, sixteen columns at a time: see
`edgeae/codegen/c/fully_connected_int8_helium.c`. What the layout cannot hold is left to portable C.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.layouts import helium_conv
from edgeae.codegen.layouts.eight_rows import ROWS, band_of_rows
from edgeae.codegen.layouts.fused import absorbed, output_and_table
from edgeae.codegen.layouts.helium_packing import COLUMNS, ORDER, blocks
from edgeae.codegen.layouts.rescaled import high_words
from edgeae.codegen.operation import Operation
from edgeae.codegen.operators.fully_connected import folded_bias, matrix, scales_and_limits
from edgeae.codegen.step import Alias, Constant, Step


def lower(operation: Operation) -> Sequence[Step | Alias] | None:
    """Return the steps of an operator; None if portable C computes it."""
    producer = absorbed(operation)
    if producer is not None and lower(producer) is not None:
        return ()
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    if operation.name == "CONV_2D":
        return helium_conv.lower(operation)
    return None


def _fully_connected(operation: Operation) -> Sequence[Step] | None:
    weights = matrix(operation)
    rows, columns = weights.shape
    bias = folded_bias(operation, weights)
    target, table = output_and_table(operation)
    constants = high_words(
        operation,
        scales_and_limits(operation, weights, bias),
        before=0,
        index_from=0 if table is None else 128,
    )
    if constants is None:
        return None
    whole = (columns - 1) // COLUMNS * COLUMNS
    words, batches = blocks(weights, bias), math.prod(operation.input().shape) // columns
    members = {
        "weights": Constant("weights", words),
        "constants": Constant("constants", _per_block(constants)),
        "table": None if table is None else Constant("table", table),
        "step": 12 * ROWS if len(constants) > 1 else 0,
        "rows": rows,
        "whole": whole,
        "rest": columns - whole,
        "batches": batches,
    }
    return [
        Step(
            "fully_connected_int8_helium",
            (operation.inputs[0],),
            target,
            members,
            operator=operation.index,
            band=band_of_rows(words, constants, rows) if batches == 1 else None,
        )
    ]


def _per_block(constants: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the constants of one block for all, or of each block, in the vectors' order."""
    rows = ROWS if len(constants) == 1 else -(-len(constants) // ROWS) * ROWS
    full = np.tile(np.array([0, 0, 1], np.int32), (rows, 1))
    full[: rows if len(constants) == 1 else len(constants)] = constants
    full[:, 2] *= -1  # the kernel shifts left by a negative number
    ordered = full.reshape(-1, ROWS, 3)[:, ORDER].transpose(0, 2, 1)
    return np.ascontiguousarray(ordered).reshape(-1)
