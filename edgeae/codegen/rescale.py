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
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput

Integers: TypeAlias = NDArray[np.int64]

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


def rounded(accumulators: Integers, scale: float) -> Integers:
    """Return the results of the rule `once` for accumulators, before the zero point is added."""
    real = accumulators.astype(np.float64) * scale
    whole = np.trunc(real)
    away = np.abs(real - whole) >= 0.5  # exact, unlike floor(real + 0.5)
    return (whole + np.copysign(away, real)).astype(np.int64)


def first_accumulators(outputs: Integers, scale: float) -> Integers:
    """Return for each output the smallest accumulator that gives at least it under `once`."""
    with np.errstate(over="ignore"):
        real = (outputs - 0.5) / scale
    # infinite, or among floats that are more than 1 apart: no accumulator is there
    near = np.abs(real) <= _NO_ACCUMULATOR
    real = np.clip(real, -_NO_ACCUMULATOR, _NO_ACCUMULATOR)
    firsts: Integers = np.floor(real).astype(np.int64)
    while (low := near & (rounded(firsts, scale) >= outputs)).any():
        firsts -= low
    while (high := near & (rounded(firsts, scale) < outputs)).any():
        firsts += high
    return firsts


def first_accumulators_twice(outputs: Integers, scale: float) -> Integers:
    """Return for each output the smallest accumulator that gives at least it under `twice`.

    Raises:
        BadInput: the scale is 1 or more.
    """
    multiplier, shift = quantize_multiplier(scale)
    if shift > 0 or multiplier == 0:
        raise BadInput(f"a scale of {scale!r}: allowed are scales below 1")
    firsts = []
    for output in outputs.tolist():
        # what the first rounding has to reach for the second one, which rounds halves away from 0
        least = output if shift == 0 else ((2 * output - 1) << (-shift - 1)) + (output <= 0)
        first = -(((1 << 30) - (least << 31)) // multiplier)
        firsts.append(max(-_NO_ACCUMULATOR, min(first, _NO_ACCUMULATOR)))
    return np.array(firsts, np.int64)


def fixed_point(
    scale: float, low: int, high: int, limits: tuple[int, int], bits: int = 31
) -> tuple[int, int]:
    """Return multiplier (below 2^bits) and shift (1 to 62) that equal the rule `once`.

    Args:
        scale: input scale × weight scale ÷ output scale, in float64 and above 0.
        low, high: smallest and largest result before the zero point is added.
        limits: smallest and largest accumulator that can occur, of 32 bits.
        bits: bits of the multiplier, at most 31.

    Raises:
        BadInput: there is no such multiplier.
    """
    _, exponent = math.frexp(scale)
    shift = min(bits - exponent, 62)
    if shift < 1:
        raise BadInput(f"a scale of {scale!r}: allowed are scales below 2^{bits - 1}")
    firsts = first_accumulators(np.arange(low + 1, high + 1), scale)
    lowest, highest = _between(firsts, _halves(low, high, shift), limits, (1 << bits) - 1)
    multiplier = min(max(math.floor(scale * 2.0**shift + 0.5), lowest), highest)
    if not lowest <= multiplier <= highest:
        raise BadInput(f"a scale of {scale!r}: no multiplier of {bits} bits gives its rounding")
    return multiplier, shift


def high_word(
    scale: float,
    firsts: Integers,
    outputs: Integers,
    limits: tuple[int, int],
    before: int = 8,
    nudge: int = 0,
) -> tuple[int, int, int] | None:
    """Return multiplier, rounding and shift that equal a monotone rule, or None if none do.

    The expression is `((accumulator × 2^before × multiplier >> 32) + rounding) >> shift`: what a
    core with a multiplication that gives the high word computes in three instructions.

    Args:
        scale: the factor of the rule, above 0.
        firsts: for each of `outputs`, the smallest accumulator that gives at least it.
        outputs: the results before the zero point is added, all but the smallest one.
        limits: smallest and largest accumulator that can occur.
        before: bits by which the accumulator is shifted left first.
        nudge: what to add to a half as rounding, in 2^-shift of a step; not 0 for a rule that
            rounds twice.
    """
    _, exponent = math.frexp(scale)
    shift = min(before - 1 - exponent, 22)  # 22: rounding and zero point fit into 30 bits
    if shift < 1 or not -(1 << 31) <= limits[0] << before <= limits[1] << before < 1 << 31:
        return None
    rounding = (1 << (shift - 1)) + nudge
    edges = ((outputs << shift) - rounding) << (32 - before)
    lowest, highest = _between(firsts, edges, limits, (1 << 31) - 1)
    multiplier = min(max(math.floor(math.ldexp(scale, 32 - before + shift) + 0.5), lowest), highest)
    return (multiplier, rounding, shift) if lowest <= multiplier <= highest else None


@cache
def _halves(low: int, high: int, shift: int) -> Integers:
    """Return the half below each result, in 2^-shift, within what a product can reach."""
    far = 1 << 62  # 31 bits × 31 bits
    edges = [(2 * output - 1) << (shift - 1) for output in range(low + 1, high + 1)]
    return np.array([max(-far, min(edge, far)) for edge in edges], np.int64)


def _between(
    firsts: Integers, edges: Integers, limits: tuple[int, int], highest: int
) -> tuple[int, int]:
    """Return the smallest and largest multiplier with which each output begins at its accumulator.

    `first × multiplier` has to reach the edge, and `(first − 1) × multiplier` to miss it, as far as
    these accumulators can occur.

    Returns:
        The two; the first is the larger if there is no multiplier.
    """
    occurs = firsts <= limits[1]
    reaching, reached = np.maximum(firsts[occurs], limits[0]), edges[occurs]
    occurs = firsts > limits[0]
    missing, missed = np.minimum(firsts[occurs] - 1, limits[1]), edges[occurs]
    if (reached[reaching == 0] > 0).any() or (missed[missing == 0] <= 0).any():
        return 1, 0
    above, below = reaching > 0, reaching < 0
    lows = [-(-reached[above] // reaching[above])]
    highs = [reached[below] // reaching[below]]
    above, below = missing > 0, missing < 0
    lows.append(missed[below] // missing[below] + 1)
    highs.append(-(-missed[above] // missing[above]) - 1)
    return (
        max(0, *(int(item.max(initial=0)) for item in lows)),
        min(highest, *(int(item.min(initial=highest)) for item in highs)),
    )
