"""The range of an activation, from the values that calibration images give it.

A range always holds 0, which padding and ReLU need exactly. The integers that stand for a range
are those of TFLite's quantizer: int8 spreads 255 steps over it, with the zero point rounded; int16
is symmetric, 32,767 steps to the end that is farther from 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.metrics.quantization import Affine, dequantize, quantize

#: Ends that are tried, as shares of the farthest value, by falling size.
_FACTORS = np.arange(50, 0, -1) / 50
#: The two ends are found in turn; a turn that moves neither is the last one.
_TURNS = 6
_SHORTEST = 1e-9
#: Values that errors are summed over; of more, this many are drawn.
_TRIED = 1 << 17
_SEED = 0


@dataclass(frozen=True)
class Range:
    """What an activation's integers reach.

    Attributes:
        least: 0 or below.
        most: 0 or above.
    """

    least: float
    most: float

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Range":
        """Return the range that holds all values, and 0."""
        return cls(min(float(values.min()), 0.0), max(float(values.max()), 0.0))

    def clipped(self, values: NDArray[np.floating]) -> int:
        """How many values lie outside."""
        return int(np.count_nonzero((values < self.least) | (values > self.most)))


def percentile(values: NDArray[np.floating], share: float) -> Range:
    """Return the range that holds at least a share of the values and leaves both tails alike.

    Args:
        values: of any shape.
        share: percent; 100 holds all.
    """
    tail = (100 - share) / 2
    least = np.percentile(values, tail, method="lower")
    most = np.percentile(values, 100 - tail, method="higher")
    return Range(min(float(least), 0.0), max(float(most), 0.0))


def least_error(values: NDArray[np.floating], dtype: str) -> Range:
    """Return the range whose integers lie closest to the values: argmin Σ (v − q(v))².

    q(v) is v rounded to the range's grid and clamped to it. Ends are tried at 2 %, 4 % … 100 % of
    the farthest value on their side, one side at a time. M. Nagel et al., "A White Paper on Neural
    Network Quantization", 2021, section 3.1, "Mean squared error".

    Args:
        values: of any shape.
        dtype: `int8` or `int16`.
    """
    values = np.asarray(values, np.float32).reshape(-1)
    whole = best = Range.of(values)
    if values.size > _TRIED:
        values = values[np.random.default_rng(_SEED).integers(0, values.size, _TRIED)]
    error = squared_error(values, best, dtype)
    for _ in range(_TURNS):
        before = best
        for side in ("least", "most"):
            for end in getattr(whole, side) * _FACTORS:
                ends = {"least": best.least, "most": best.most} | {side: float(end)}
                tried = Range(**ends)
                found = squared_error(values, tried, dtype)
                if found < error:
                    best, error = tried, found
        if best == before:
            break
    return best


def squared_error(values: NDArray[np.floating], within: Range, dtype: str) -> float:
    """Return Σ (v − q(v))² on the grid of a range; see `least_error`."""
    on = grid(within, dtype)
    difference = dequantize(quantize(values, on), on).astype(np.float64) - values
    return float(np.square(difference).sum())


def grid(within: Range, dtype: str) -> Affine:
    """Return the integers that stand for a range; see the module."""
    if dtype == "int16":
        farthest = max(-within.least, within.most, _SHORTEST)
        return Affine(float(np.float32(farthest / 32767)), 0, dtype)
    scale = float(np.float32(max(within.most - within.least, _SHORTEST) / 255))
    return Affine(scale, round(-128 - within.least / scale), dtype)
