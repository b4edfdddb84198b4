"""SOFTMAX over the last dimension.

The rules are those of tflite/kernels/internal/reference/softmax.h and of `SoftmaxPrepare` in
tflite/kernels/activations.cc. For int8, e^(x − largest) has at most 256 values: they are a table.
For int16, e^x and 1 ÷ (1 + x) are tables of 513 values that are read between the values.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.elementwise import (
    half_away,
    known_type,
    one_scale,
    same_size,
    zero_points_of_int16,
)
from edgeae.codegen.fixed_point import exponential, high_product
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Constant, Member, Step

#: Integer bits of the argument of the exponential of int8; 31 bits in all.
_INTEGER_BITS = 5
#: Below this, an exponential of 31 bits adds nothing to the sum, and its output is 0.
_NEGLIGIBLE = 1 << 11


def output_scale(operation: Operation) -> bool:
    """The output is scaled by 1/256 from −128 for int8, and by 1/32768 for int16."""
    target = operation.output()
    if target.dtype == "float32":
        return True
    expected, lowest = {"int8": (2**-8, -128), "int16": (2**-15, 0)}[target.dtype]
    return abs(scale(target) - expected) < 0.001 * expected and zero_point(target) == lowest


def positive_beta(operation: Operation) -> bool:
    """Beta is above 0; beta × input scale is above 2^-26 for integers and below 4.9 for int16."""
    dtype, beta = operation.input().dtype, operation.options["beta"]
    lowest = 0 if dtype == "float32" else 2**-26
    highest = 4.9 if dtype == "int16" else math.inf
    return bool(beta > 0 and lowest < beta * scale(operation.input()) < highest)


def moderate_depth(operation: Operation) -> bool:
    """The last dimension of int8 has at most 4,095 values, that of int16 at most 65,535."""
    most = {"int8": 4095, "int16": 65535}
    depth = operation.input().shape[-1]
    return 0 < depth <= most.get(operation.input().dtype, depth)


CONSTRAINTS = (
    known_type,
    one_scale,
    same_size,
    zero_points_of_int16,
    output_scale,
    positive_beta,
    moderate_depth,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    source = operation.input()
    makers = {"int8": _int8_members, "int16": _int16_members, "float32": _float_members}
    depth = source.shape[-1]
    members = {
        **makers[source.dtype](operation),
        "rows": math.prod(source.shape) // depth,
        "depth": depth,
    }
    return [
        Step(
            f"softmax_{source.dtype}",
            (operation.inputs[0],),
            operation.outputs[0],
            members,
            in_place=True,
            operator=operation.index,
        )
    ]


def _int8_members(operation: Operation) -> dict[str, Member]:
    table = _exponentials(operation.options["beta"], scale(operation.input()))
    return {"exponentials": Constant("exponentials", table), "count": len(table)}


def _exponentials(beta: float, input_scale: float) -> NDArray[np.int32]:
    """Return e^(−i × beta × scale) with 31 bits of fraction, for i from 0 while it counts."""
    largest = float((1 << 31) - 1)
    real = min(beta * input_scale * float(1 << (31 - _INTEGER_BITS)), largest)
    multiplier, shift = quantize_multiplier(real)
    radius = ((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / (1 << shift)
    distance = np.arange(min(255, math.floor(radius)) + 1)
    table = exponential(high_product(-distance << shift, multiplier))
    count = int((table >= _NEGLIGIBLE).sum())  # the table falls
    return table[:count].astype(np.int32)


def _int16_members(operation: Operation) -> dict[str, Member]:
    product = np.float32(scale(operation.input())) * np.float32(operation.options["beta"])
    multiplier, shift = quantize_multiplier(float(product) / (10.0 / 65535.0))
    exponent = _interpolated(math.exp, 10.0 / 65535, 32767)
    reciprocal = _interpolated(lambda x: 1.0 / (1.0 + x), 1.0 / 65535, -32768)
    return {
        "exponentials": Constant("exponentials", exponent),
        "reciprocals": Constant("reciprocals", reciprocal),
        "multiplier": multiplier,
        "shift": shift,
    }


def _float_members(operation: Operation) -> dict[str, Member]:
    return {"beta": float(operation.options["beta"])}


def _interpolated(
    function: Callable[[float], float], input_scale: float, input_zero_point: int
) -> NDArray[np.int16]:
    """Return a function's outputs at 513 points, each shifted by half the error between two.

    The outputs have a scale of 2/65535. The rule is that of `LUTPopulateInt16` in
    tflite/kernels/internal/common.h.
    """
    output_scale = 2.0 / 65535
    smallest, largest = (input_scale * (end - input_zero_point) for end in (-32768, 32767))
    inverse = 65536 / (output_scale * 32767 - output_scale * -32768)
    step = (largest - smallest) / 512
    places = [smallest + index * step for index in range(512)]
    here = np.array([function(place) for place in places]) * inverse
    middle = np.array([function(place + step / 2) for place in places]) * inverse
    following = (
        np.array([function(smallest + (index + 1) * step) for index in range(512)]) * inverse
    )
    error = half_away((following + half_away(here)) / 2) - half_away(middle)
    table = half_away(here) - half_away(error / 2)
    last = half_away(np.array([function(largest) * inverse]))
    return np.clip(np.append(table, last), -32768, 32767).astype(np.int16)
