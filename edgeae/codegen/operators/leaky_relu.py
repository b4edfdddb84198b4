"""LEAKY_RELU: negative values are multiplied by alpha."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Step


def moderate_ratio(operation: Operation) -> bool:
    """The input scale, also times alpha, is less than 2^15 times the output scale."""
    return max(map(abs, _ratios(operation))) < 1 << 15


def positive_alpha(operation: Operation) -> bool:
    """The alpha of int16 is not negative."""
    return operation.input().dtype != "int16" or operation.options["alpha"] >= 0


CONSTRAINTS = (
    known_type,
    same_size,
    one_scale,
    zero_points_of_int16,
    moderate_ratio,
    positive_alpha,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: a table for int8."""
    dtype = operation.input().dtype
    if dtype == "float32":
        alpha = float(operation.options["alpha"])
        return [each_value(operation, "leaky_relu_float32", {"alpha": alpha})]
    (multiplier, shift), (negative, negative_shift) = (
        quantize_multiplier(ratio) for ratio in _ratios(operation)
    )
    if dtype == "int8":
        values = INT8_VALUES - zero_point(operation.input())
        upper = rescale_twice(values, multiplier, shift)
        # the sign of alpha is applied last, as `QuantizeLeakyRelu` does: halves round differently
        lower_half = np.sign(negative) * rescale_twice(values, abs(negative), negative_shift)
        steps: NDArray[np.int64] = np.where(values >= 0, upper, lower_half)
        return [by_table(operation, steps + zero_point(operation.output()))]
    members = {
        "multiplier": multiplier,
        "shift": shift,
        "negative_multiplier": negative,
        "negative_shift": negative_shift,
        "low": -(1 << 15),
        "high": (1 << 15) - 1,
    }
    return [each_value(operation, "relu_int16", members)]


def _ratios(operation: Operation) -> tuple[float, float]:
    """Return the factors of positive and negative values, in float32 as `LeakyReluPrepare`."""
    source, target = np.float32(scale(operation.input())), np.float32(scale(operation.output()))
    alpha = np.float32(operation.options["alpha"])
    return float(source / target), float(source * alpha / target)
