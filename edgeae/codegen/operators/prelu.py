"""PRELU: negative values are multiplied by a learned alpha, such as one per channel."""

import math
from collections.abc import Sequence

import numpy as np

from edgeae.codegen import operands
from edgeae.codegen.elementwise import each_value, one_scale, same_size
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Constant, Member, Step


def known_type(operation: Operation) -> bool:
    """Input, alpha and output are all int8 or all float32."""
    tensors = operation.input(), operation.input(1), operation.output()
    return {tensor.dtype for tensor in tensors} in ({"int8"}, {"float32"})


def repeated_alpha(operation: Operation) -> bool:
    """Alpha is a constant; its shape, without leading ones, is the end of the input's shape."""
    alpha, shape = operation.constant(1), operation.input().shape
    if alpha is None or alpha.ndim > len(shape):
        return False
    padded = (1,) * (len(shape) - alpha.ndim) + alpha.shape
    first = next((place for place, size in enumerate(padded) if size != 1), len(shape))
    return padded[first:] == shape[first:]


def moderate_ratio(operation: Operation) -> bool:
    """The input scale is below 2^15, and times that of alpha below 2^14, output scales."""
    ratio, alpha_ratio = _ratios(operation)
    return ratio < 1 << 15 and alpha_ratio < 1 << 14


CONSTRAINTS = (known_type, same_size, one_scale, repeated_alpha, moderate_ratio)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    alpha = operands.values(operation, 1)  # float32, also where the file has float16
    assert alpha is not None
    members: dict[str, Member] = {
        "alpha": Constant("alpha", alpha.reshape(-1)),
        "alphas": math.prod(alpha.shape),
    }
    dtype = operation.input().dtype
    if dtype == "int8":
        members |= _int8_members(operation)
    return [each_value(operation, f"prelu_{dtype}", members)]


def _int8_members(operation: Operation) -> dict[str, Member]:
    (multiplier, shift), (negative, negative_shift) = map(quantize_multiplier, _ratios(operation))
    return {
        "input_zero_point": zero_point(operation.input()),
        "alpha_zero_point": zero_point(operation.input(1)),
        "zero_point": zero_point(operation.output()),
        "multiplier": multiplier,
        "shift": shift,
        "negative_multiplier": negative,
        "negative_shift": negative_shift,
    }


def _ratios(operation: Operation) -> tuple[float, float]:
    """Return the factors of positive and negative values, in float32 as `PreluPrepare`."""
    source, target = np.float32(scale(operation.input())), np.float32(scale(operation.output()))
    alpha = np.float32(scale(operation.input(1)))
    return float(source / target), float(source * alpha / target)
