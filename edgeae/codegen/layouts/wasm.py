"""Layout `wasm`: kernels of WebAssembly that compute 16 rows of weights at once.

With SIMD128 and without, the same weights are read, so that both modules have the same data.
"""

from edgeae.codegen.layouts.panels import sixteen_rows
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Step

#: Of a panel for so many channels, most is empty.
_FEW = 2


def lower(operation: Operation) -> list[Step] | None:
    """Return the step of an operator of int8; None for all that portable C computes."""
    if _has_few_channels(operation):
        return None
    return sixteen_rows(operation, "wasm")


def _has_few_channels(operation: Operation) -> bool:
    """Return whether a layer is a convolution to so few channels that portable C is faster."""
    convolution = operation.name in ("CONV_2D", "TRANSPOSE_CONV")
    return convolution and operation.output().shape[-1] <= _FEW
