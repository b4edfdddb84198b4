"""TANH: the hyperbolic tangent."""

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
from edgeae.codegen.sigmoid_table import moderate_scale, rounded_log2, sigmoid_members
from edgeae.codegen.step import Alias, Step


def output_scale(operation: Operation) -> bool:
    """The output scale of int16 is 1/32768."""
    target = operation.output()
    return target.dtype != "int16" or rounded_log2(scale(target)) == -15


CONSTRAINTS = (known_type, same_size, one_scale, zero_points_of_int16, output_scale, moderate_scale)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: by a table of 256 values for int8, by an interpolated one for int16."""
    dtype = operation.input().dtype
    if dtype == "int8":
        return [by_table(operation, rounded_table(operation, _tanh))]
    members = sigmoid_members(operation, shifts=(0, 1)) if dtype == "int16" else {}
    return [each_value(operation, f"tanh_{dtype}", members)]


def _tanh(real: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tanh(real.astype(np.float64)).astype(np.float32)
