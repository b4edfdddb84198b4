"""LOGISTIC: the sigmoid."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.elementwise import (
    by_table,
    each_value,
    known_type,
    one_scale,
    rounded_table,
    same_size,
    zero_points_of_int16,
)
from edgeae.codegen.operation import Operation, scale
from edgeae.codegen.sigmoid_table import moderate_scale, sigmoid_members
from edgeae.codegen.step import Alias, Step


def output_scale(operation: Operation) -> bool:
    """The output scale is 1/256 for int8 and 1/32768 for int16."""
    target = operation.output()
    return (
        target.dtype == "float32" or scale(target) == {"int8": 2**-8, "int16": 2**-15}[target.dtype]
    )


CONSTRAINTS = (known_type, same_size, one_scale, zero_points_of_int16, output_scale, moderate_scale)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: by a table of 256 values for int8, by an interpolated one for int16."""
    dtype = operation.input().dtype
    if dtype == "int8":
        return [by_table(operation, rounded_table(operation, _sigmoid))]
    members = sigmoid_members(operation, shifts=(0,)) if dtype == "int16" else {}
    return [each_value(operation, f"logistic_{dtype}", members)]


def _sigmoid(real: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        power = np.exp(-real.astype(np.float64)).astype(np.float32)
    result: NDArray[np.float32] = np.float32(1) / (np.float32(1) + power)
    return result
