"""Layout `wasm`: kernels of WebAssembly that compute 16 rows of weights at once.

With SIMD128 and without, the same weights are read, so that both modules have the same data.
"""

from edgeae.codegen.layouts.panels import (
    COLUMNS,
    ROWS,
    filled,
    fits,
    matrix,
    panels,
    up,
    with_kernel,
)
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Step


def lower(operation: Operation) -> list[Step] | None:
    """Return the step of an operator of int8; None for all that portable C computes."""
    given = matrix(operation)
    if given is None or not fits(given.weights, given.bias, 128):
        return None
    members = {
        "weights": panels(given.weights, (ROWS,), ROWS),
        "bias": filled("bias", given.bias),
    }
    return [with_kernel(given, "wasm", members, up(given.weights.shape[1] + COLUMNS, COLUMNS))]
