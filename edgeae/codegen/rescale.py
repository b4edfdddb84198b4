"""Integer rescaling that gives exactly the integers of LiteRT's reference kernels.

Two rules exist in them:

- `once`: FULLY_CONNECTED computes `round(accumulator × scale)` in float64, halves away from zero
  (tflite/kernels/internal/reference/integer_ops/fully_connected.h).
- `twice`: the convolutions multiply by a 31-bit multiplier, round, shift right and round again
  (`MultiplyByQuantizedMultiplier` of tflite/kernels/internal/common.cc, double rounding).

A microcontroller has no float64. `fixed_point` returns the multiplier and shift of
`(accumulator × multiplier + 2^(shift − 1)) >> shift` for which that expression equals the rule
`once` for every accumulator whose result is not clamped. Both are monotone in the accumulator, so
they are equal if each output begins at the same accumulator in both: at most 255 comparisons per
scale for int8. Each comparison bounds the multiplier from both sides; `fixed_point` intersects the
bounds.
"""

import math
from collections.abc import Callable, Iterable

from edgeae.errors import BadInput

#: Larger than any accumulator, and a float64 holds every integer below it.
_NO_ACCUMULATOR = 1 << 52


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return multiplier and shift: real ≈ multiplier × 2^(shift − 31), as `QuantizeMultiplier`.

    Source: tensorflow/lite/kernels/internal/quantization_util.cc.

    Raises:
        BadInput: the scale is infinite or NaN.
    """
    if not math.isfinite(real):
        raise BadInput("a ratio of its scales exceeds the range of float32")
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    multiplier = math.floor(abs(mantissa) * (1 << 31) + 0.5) * (1 if mantissa > 0 else -1)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return (1 << 31) - 1, 30
    return multiplier, shift


def twice(real: float, limit: int) -> tuple[int, int]:
    """Return multiplier and shift of the rule `twice`, for the kernel `rescale_twice`.

    Args:
        real: the scale.
        limit: largest magnitude of what is rescaled.

    Raises:
        BadInput: a value may exceed 32 bits on the way, where LiteRT's result is undefined.
    """
    if not real < 1 << 31:
        raise BadInput(f"a scale of {real!r}: a value may exceed 32 bits")
    multiplier, shift = quantize_multiplier(real)
    if limit << max(shift, 0) >= (1 << 31) - (1 << 16):
        raise BadInput(f"a scale of {real!r}: a value may exceed 32 bits")
    return multiplier, shift


def rounded(accumulator: int, scale: float) -> int:
    """Return the result of the rule `once`, before the zero point is added."""
    real = float(accumulator) * scale
    whole = math.trunc(real)
    if abs(real - whole) >= 0.5:  # exact, unlike floor(real + 0.5)
        whole += 1 if real > 0 else -1
    return whole


def first_accumulator(output: int, scale: float) -> int:
    """Return the smallest accumulator whose result under the rule `once` is at least `output`."""
    real = (output - 0.5) / scale
    if abs(real) > _NO_ACCUMULATOR:  # infinite, or among floats that are more than 1 apart
        return _NO_ACCUMULATOR if real > 0 else -_NO_ACCUMULATOR
    guess = math.floor(real)
    while rounded(guess, scale) >= output:
        guess -= 1
    while rounded(guess, scale) < output:
        guess += 1
    return guess


def first_accumulator_twice(output: int, scale: float) -> int:
    """Return the smallest accumulator whose result under the rule `twice` is at least `output`.

    Raises:
        BadInput: the scale is 1 or more.
    """
    multiplier, shift = quantize_multiplier(scale)
    if shift > 0 or multiplier == 0:
        raise BadInput(f"a scale of {scale!r}: allowed are scales below 1")
    # what the first rounding has to reach for the second one, which rounds halves away from 0
    least = output if shift == 0 else ((2 * output - 1) << (-shift - 1)) + (output <= 0)
    return -(((1 << 30) - (least << 31)) // multiplier)


def fixed_point(
    scale: float, low: int, high: int, limits: tuple[int, int], bits: int = 31
) -> tuple[int, int]:
    """Return multiplier (below 2^bits) and shift (1 to 62) that equal the rule `once`.

    Args:
        scale: input scale × weight scale ÷ output scale, in float64 and above 0.
        low, high: smallest and largest result before the zero point is added.
        limits: smallest and largest accumulator that can occur.
        bits: bits of the multiplier.

    Raises:
        BadInput: there is no such multiplier.
    """
    _, exponent = math.frexp(scale)
    shift = min(bits - exponent, 62)
    if shift < 1:
        raise BadInput(f"a scale of {scale!r}: allowed are scales below 2^{bits - 1}")
    lowest, highest = 0, (1 << bits) - 1
    for output in range(low + 1, high + 1):
        first = first_accumulator(output, scale)
        edge = (2 * output - 1) << (shift - 1)
        # `first` reaches the edge and `first − 1` misses it, as far as they can occur
        if first <= limits[1]:
            lowest, highest = _reaching(lowest, highest, max(first, limits[0]), edge)
        if first > limits[0]:
            lowest, highest = _missing(lowest, highest, min(first - 1, limits[1]), edge)
    multiplier = min(max(math.floor(scale * 2.0**shift + 0.5), lowest), highest)
    if not lowest <= multiplier <= highest:
        raise BadInput(f"a scale of {scale!r}: no multiplier of {bits} bits gives its rounding")
    return multiplier, shift


def high_word(
    scale: float,
    first: Callable[[int], int],
    low: int,
    high: int,
    limits: tuple[int, int],
    before: int = 8,
    nudges: Iterable[int] = (0,),
) -> tuple[int, int, int] | None:
    """Return multiplier, rounding and shift that equal a monotone rule, or None if none do.

    The expression is `((accumulator × 2^before × multiplier >> 32) + rounding) >> shift`: what a
    core with a multiplication that gives the high word computes in three instructions.

    Args:
        scale: the factor of the rule, above 0.
        first: result → the smallest accumulator for which the rule gives at least this.
        low, high: smallest and largest result before the zero point is added.
        limits: smallest and largest accumulator that can occur.
        before: bits by which the accumulator is shifted left first.
        nudges: what to add to a half as rounding, in 2^-shift of a step; the first one that works
            is taken. A rule that rounds twice needs one that is not 0.
    """
    _, exponent = math.frexp(scale)
    shift = min(before - 1 - exponent, 22)  # 22: rounding and zero point fit into 30 bits
    if shift < 1 or not -(1 << 31) <= limits[0] << before <= limits[1] << before < 1 << 31:
        return None
    firsts = [(output, first(output)) for output in range(low + 1, high + 1)]
    for nudge in nudges:
        rounding = (1 << (shift - 1)) + nudge
        multiplier = _multiplier(scale, firsts, limits, rounding, shift, before)
        if multiplier is not None:
            return multiplier, rounding, shift
    return None


def _multiplier(
    scale: float,
    firsts: Iterable[tuple[int, int]],
    limits: tuple[int, int],
    rounding: int,
    shift: int,
    before: int,
) -> int | None:
    """Return the multiplier of `high_word` with which each output begins at its accumulator."""
    lowest, highest = 0, (1 << 31) - 1
    for output, first in firsts:
        edge = ((output << shift) - rounding) << (32 - before)
        if first <= limits[1]:
            lowest, highest = _reaching(lowest, highest, max(first, limits[0]), edge)
        if first > limits[0]:
            lowest, highest = _missing(lowest, highest, min(first - 1, limits[1]), edge)
    multiplier = min(max(math.floor(math.ldexp(scale, 32 - before + shift) + 0.5), lowest), highest)
    return multiplier if lowest <= multiplier <= highest else None


def _reaching(lowest: int, highest: int, accumulator: int, edge: int) -> tuple[int, int]:
    """Narrow the multipliers to those with accumulator × multiplier ≥ edge."""
    if accumulator > 0:
        return max(lowest, -(-edge // accumulator)), highest
    if accumulator < 0:
        return lowest, min(highest, edge // accumulator)
    return (lowest, highest) if edge <= 0 else (1, 0)


def _missing(lowest: int, highest: int, accumulator: int, edge: int) -> tuple[int, int]:
    """Narrow the multipliers to those with accumulator × multiplier < edge."""
    if accumulator > 0:
        return lowest, min(highest, -(-edge // accumulator) - 1)
    if accumulator < 0:
        return max(lowest, edge // accumulator + 1), highest
    return (lowest, highest) if edge > 0 else (1, 0)
