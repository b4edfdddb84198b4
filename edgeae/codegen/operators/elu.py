"""ELU: e^x − 1 for negative x."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.elementwise import by_table, each_value, one_scale, rounded_table, same_size
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step


def known_type(operation: Operation) -> bool:
    """Input and output are both int8 or both float32; the reference kernel has no int16."""
    return operation.input().dtype == operation.output().dtype in ("int8", "float32")


CONSTRAINTS = (known_type, same_size, one_scale)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: a table for int8."""
    if operation.input().dtype == "float32":
        return [each_value(operation, "elu_float32", {})]
    return [by_table(operation, rounded_table(operation, _elu))]


def _elu(real: NDArray[np.float32]) -> NDArray[np.float32]:
    below = np.expm1(np.minimum(real, 0).astype(np.float64)).astype(np.float32)
    return np.where(real < 0, below, real)
