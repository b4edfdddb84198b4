"""RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1: limits of the output, and for integers a new scale."""

from collections.abc import Sequence

import numpy as np

from edgeae.codegen.elementwise import (
    INT8_VALUES,
    by_table,
    each_value,
    known_type,
    one_scale,
    same_size,
    zero_points_of_int16,
)
from edgeae.codegen.fixed_point import rescale_twice
from edgeae.codegen.float_limits import LARGEST
from edgeae.codegen.operation import Operation, quantized, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Step

#: Operator → its smallest and largest real output; None is no limit.
_LIMITS: dict[str, tuple[float, float | None]] = {
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def moderate_ratio(operation: Operation) -> bool:
    """The input scale is less than 2^15 times the output scale."""
    return _ratio(operation) < 1 << 15


def known_to_the_reference(operation: Operation) -> bool:
    """int16 is that of RELU or RELU6; the reference kernels of the others have no int16."""
    return operation.name in ("RELU", "RELU6") or operation.input().dtype != "int16"


CONSTRAINTS = (
    known_type,
    same_size,
    one_scale,
    zero_points_of_int16,
    moderate_ratio,
    known_to_the_reference,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: a table for int8."""
    dtype = operation.input().dtype
    if dtype == "float32":
        low, high = _LIMITS[operation.name]
        largest = LARGEST if high is None else high
        return [each_value(operation, "limit_float32", {"low": low, "high": largest})]
    smallest, highest = _limits(operation)
    multiplier, shift = quantize_multiplier(_ratio(operation))
    if dtype == "int8":
        rescaled = rescale_twice(INT8_VALUES - zero_point(operation.input()), multiplier, shift)
        steps = rescaled + zero_point(operation.output())
        return [by_table(operation, np.minimum(np.maximum(steps, smallest), highest))]
    members = {
        "multiplier": multiplier,
        "shift": shift,
        "negative_multiplier": multiplier,
        "negative_shift": shift,
        "low": smallest,
        "high": highest,
    }
    return [each_value(operation, "relu_int16", members)]


def _ratio(operation: Operation) -> float:
    """Return the ratio of the scales, in float32 as `ReluPrepare` computes it."""
    return float(np.float32(scale(operation.input())) / np.float32(scale(operation.output())))


def _limits(operation: Operation) -> tuple[int, int]:
    """Return the smallest and largest output integer."""
    target = operation.output()
    low, high = _LIMITS[operation.name]
    limits = np.iinfo(target.dtype)
    largest = limits.max if high is None else min(int(limits.max), quantized(target, high))
    return max(int(limits.min), quantized(target, low)), int(largest)
