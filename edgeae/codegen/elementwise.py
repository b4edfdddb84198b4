"""Operators that compute each output value from the input value at the same place."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.step import ELEMENTWISE, Constant, Member, Step

#: All int8 values, in the order of the tables.
INT8_VALUES = np.arange(-128, 128)


def known_type(operation: Operation) -> bool:
    """Input and output are both int8, both int16 or both float32."""
    return operation.input().dtype == operation.output().dtype in ("int8", "int16", "float32")


def same_size(operation: Operation) -> bool:
    """The output has as many values as the input."""
    return math.prod(operation.input().shape) == math.prod(operation.output().shape)


def one_scale(operation: Operation) -> bool:
    """Integer input and output have one scale each, above 0."""
    tensors = operation.input(), operation.output()
    return all(
        tensor.dtype == "float32" or (len(tensor.scales) == 1 and tensor.scales[0] > 0)
        for tensor in tensors
    )


def zero_points_of_int16(operation: Operation) -> bool:
    """The zero points of int16 are 0."""
    tensors = operation.input(), operation.output()
    return all(tensor.dtype != "int16" or zero_point(tensor) == 0 for tensor in tensors)


def each_value(operation: Operation, kernel: str, members: Mapping[str, Member]) -> Step:
    """Return the step of a kernel whose last member is the number of values."""
    return Step(
        kernel,
        (operation.inputs[0],),
        operation.outputs[0],
        {**members, "size": math.prod(operation.input().shape)},
        in_place=True,
        band=ELEMENTWISE,
        operator=operation.index,
    )


def by_table(operation: Operation, table: NDArray[np.integer]) -> Step:
    """Return the step that looks each int8 value up.

    Args:
        operation: the operator.
        table: its outputs for −128 … 127, before they are limited to int8.
    """
    limited = np.clip(table, -128, 127).astype(np.int8)
    return each_value(operation, "table_int8", {"table": Constant("table", limited)})


def rounded_table(
    operation: Operation, function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.int64]:
    """Return the output of a real function for each int8 value.

    The rule is that of `LUTPopulate` in tflite/kernels/internal/common.h: float32 throughout, the
    output multiplied by the inverse of its scale, halves away from zero.
    """
    source, target = operation.input(), operation.output()
    real = np.float32(scale(source)) * (INT8_VALUES - zero_point(source)).astype(np.float32)
    steps = function(real) * (np.float32(1) / np.float32(scale(target)))
    rounded: NDArray[np.int64] = half_away(steps) + zero_point(target)
    return rounded


def half_away(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return values rounded to integers, halves away from zero."""
    whole = np.trunc(values)
    away = np.where(np.abs(values - whole) >= 0.5, np.sign(values), 0)
    limit = 2.0**30  # far outside every integer type that a table has
    rounded: NDArray[np.int64] = np.clip(whole + away, -limit, limit).astype(np.int64)
    return rounded
