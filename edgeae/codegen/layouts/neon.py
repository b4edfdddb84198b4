"""Layout `neon`: kernels of AArch64 that compute 16 rows of weights at once.

Cores with and without the dot product run the same file: it asks the system at run time.
"""

from edgeae.codegen.layouts.panels import has_few_channels, sixteen_rows
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Step


def lower(operation: Operation) -> list[Step] | None:
    """Return the step of an operator of int8; None for all that portable C computes."""
    if operation.name == "TRANSPOSE_CONV" and has_few_channels(operation):
        return None
    return sixteen_rows(operation, "neon")
