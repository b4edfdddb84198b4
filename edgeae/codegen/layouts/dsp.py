"""Layout dsp: Cortex-M4, M7 and M33 with the DSP extension.

Eight rows at a time, the weights of two rows in one halfword: see `edgeae/codegen/c/dsp_rows.c`.
What the layout cannot hold is left to portable C.
"""

import math
from collections.abc import Sequence

import numpy as np

from edgeae.codegen.layouts import dsp_conv
from edgeae.codegen.layouts.dsp_packing import blocks, packable, per_block, step
from edgeae.codegen.layouts.eight_rows import band_of_rows
from edgeae.codegen.layouts.fused import absorbed, output_and_table
from edgeae.codegen.layouts.rescaled import high_words
from edgeae.codegen.operation import Operation
from edgeae.codegen.operators.fully_connected import folded_bias, matrix, scales_and_limits
from edgeae.codegen.step import Alias, Constant, Step

#: With fewer rows, most of a block of eight rows would be empty.
_FEWEST_ROWS = 4


def lower(operation: Operation) -> Sequence[Step | Alias] | None:
    """Return the steps of an operator; None if portable C computes it."""
    producer = absorbed(operation)
    if producer is not None and lower(producer) is not None:
        return ()
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    if operation.name == "CONV_2D":
        return dsp_conv.lower(operation)
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
    words, batches = blocks(weights, shifted), math.prod(operation.input().shape) // columns
    members = {
        "weights": Constant("weights", words),
        "constants": Constant("constants", per_block(constants).reshape(-1)),
        "table": None if table is None else Constant("table", table),
        "batches": batches,
        "rows": rows,
        "columns": columns,
        "step": step(constants),
    }
    return [
        Step(
            "fully_connected_int8_dsp",
            (operation.inputs[0],),
            target,
            members,
            operator=operation.index,
            band=band_of_rows(words, constants, rows) if batches == 1 else None,
        )
    ]
