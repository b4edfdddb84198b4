"""HARD_SWISH: x × min(max(x + 3, 0), 6) ÷ 6."""

from collections.abc import Sequence

import numpy as np

from edgeae.codegen.elementwise import INT8_VALUES, by_table, each_value, one_scale, same_size
from edgeae.codegen.fixed_point import Integers, high_product, shift_rounded
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Step


def known_type(operation: Operation) -> bool:
    """Input and output are both int8 or both float32; the reference kernel has no int16."""
    return operation.input().dtype == operation.output().dtype in ("int8", "float32")


def moderate_scales(operation: Operation) -> bool:
    """The input scale of int8 is above 2^-21, and 2^-9 to 127 times the output scale."""
    exponents = [quantize_multiplier(item)[1] for item in _multipliers(operation)]
    return operation.input().dtype != "int8" or (
        -15 <= exponents[0] <= 0 and -15 <= exponents[1] <= 30
    )


CONSTRAINTS = (known_type, same_size, one_scale, moderate_scales)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step: a table for int8."""
    if operation.input().dtype == "float32":
        return [each_value(operation, "hard_swish_float32", {})]
    return [by_table(operation, _table(operation))]


def _multipliers(operation: Operation) -> tuple[float, float]:
    """Return the multipliers of the output and of the factor, in float32: `HardSwishPrepare`."""
    fine = np.float32(1 / 128) * np.float32(scale(operation.input()))
    return (
        float(fine / np.float32(scale(operation.output()))),
        float(fine / (np.float32(3) / np.float32(32768))),
    )


def _table(operation: Operation) -> Integers:
    """Return the output for each int8 value, in 16-bit arithmetic as `HardSwish` computes it.

    Source: tflite/kernels/internal/reference/hard_swish.h.
    """
    fine = (INT8_VALUES - zero_point(operation.input())) * 128
    (output, output_shift), (factor, factor_shift) = (
        (_int16_multiplier(multiplier), shift)
        for multiplier, shift in map(quantize_multiplier, _multipliers(operation))
    )
    share = _limited(fine << max(factor_shift - 1, 0))
    share = high_product(share, factor, 16)
    if factor_shift > 0:
        share = _limited(share << 1)
    share = (shift_rounded(share, max(-factor_shift, 0)) + (1 << 15)) >> 1
    product = share * high_product(fine, output, 16)
    whole = np.sign(product) * (np.abs(product) >> 15)  # truncated, not rounded
    steps = shift_rounded(whole, -output_shift) + zero_point(operation.output())
    return (steps + (1 << 15)) % (1 << 16) - (1 << 15)  # the sum is kept in 16 bits


def _int16_multiplier(multiplier: int) -> int:
    """Return a 31-bit multiplier with 15 bits: `DownScaleInt32ToInt16Multiplier`."""
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1)


def _limited(values: Integers) -> Integers:
    return np.clip(values, -(1 << 15), (1 << 15) - 1)
