"""Layout `wasm`: kernels of WebAssembly that compute 16 rows of weights at once.

With SIMD128 and without, the same weights are read, so that both modules have the same data.
"""

from edgeae.codegen.layouts.panels import sixteen_rows
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Step


def lower(operation: Operation) -> list[Step] | None:
    """Return the step of an operator of int8; None for all that portable C computes."""
    return sixteen_rows(operation, "wasm")
