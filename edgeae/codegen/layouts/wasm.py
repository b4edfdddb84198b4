"""Layout `wasm`: kernels of WebAssembly that compute 16 rows of weights at once.

With SIMD128 and without, the same weights are read, so that both modules have the same data.
"""

from edgeae.codegen.layouts.panels import has_few_channels, sixteen_rows
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Step


def lower(operation: Operation) -> list[Step] | None:
    """Return the step of an operator of int8; None for all that portable C computes."""
    if operation.name in ("CONV_2D", "TRANSPOSE_CONV") and has_few_channels(operation):
        return None
    return sixteen_rows(operation, "wasm")
