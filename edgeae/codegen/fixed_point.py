"""Fixed-point arithmetic of the reference kernels, for the tables that are computed here.

The functions take and return int64 arrays that hold 32-bit values (16-bit where `bits` is 16).
Their rules are those of gemmlowp's `fixedpoint.h`, which LiteRT's reference kernels call; the C
kernels `high_product`, `shift_rounded` and `rescale_twice` follow the same rules.
"""

import math

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

#: Bits of the fraction of an exponent's argument: 31 bits, of which 5 are integer bits.
_EXPONENT_BITS = 26


def high_product(left: Integers, right: Integers | int, bits: int = 32) -> Integers:
    """Return left × right ÷ 2^(bits − 1), rounded, halves up: `SaturatingRoundingDoublingHighMul`.

    Both factors at their smallest value would exceed the result's type; no caller does that.
    """
    product: Integers = left * right + (1 << (bits - 2))
    return product >> (bits - 1)


def shift_rounded(values: Integers, bits: int) -> Integers:
    """Return values ÷ 2^bits, rounded, halves away from zero: `RoundingDivideByPOT`."""
    if bits == 0:
        return values
    shifted: Integers = (values + (1 << (bits - 1)) - (values < 0)) >> bits
    return shifted


def rescale_twice(values: Integers, multiplier: int, shift: int) -> Integers:
    """Return values × multiplier × 2^(shift − 31): `MultiplyByQuantizedMultiplier`."""
    return shift_rounded(high_product(values << max(shift, 0), multiplier), max(-shift, 0))


def exponential(values: Integers) -> Integers:
    """Return e^x with 31 bits of fraction, for x ≤ 0 with 26: `exp_on_negative_values`.

    A polynomial gives e^x on (−1/4, 0]; each bit of the rest multiplies by a constant.
    """
    quarter = 1 << (_EXPONENT_BITS - 2)
    fraction = (values & (quarter - 1)) - quarter
    result = _near_zero(fraction << (31 - _EXPONENT_BITS))
    rest = fraction - values
    for power in range(-2, 5):
        factor = math.floor(math.exp(-(2.0**power)) * 2.0**31 + 0.5)
        chosen = rest & (1 << (_EXPONENT_BITS + power)) != 0
        result = np.where(chosen, high_product(result, factor), result)
    return np.where(values == 0, (1 << 31) - 1, result)


def _near_zero(values: Integers) -> Integers:
    """Return e^x for x in [−1/4, 0), both with 31 bits of fraction, by its series about −1/8."""
    centre = math.floor(math.exp(-1 / 8) * 2.0**31 + 0.5)
    third = math.floor(2.0**31 / 3 + 0.5)
    x = values + (1 << 28)
    square = high_product(x, x)
    cube = high_product(square, x)
    fourth = shift_rounded(high_product(square, square), 2)
    rest = shift_rounded(high_product(fourth + cube, third) + square, 1)
    return centre + high_product(x + rest, centre)
