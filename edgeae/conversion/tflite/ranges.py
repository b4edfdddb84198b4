"""Chooses the range of an activation from its values over the calibration images.

A range always includes 0, which padding and ReLU need exactly. The integer grid of a range is that
of TFLite's quantizer: int8 divides the range into 255 steps and rounds the zero point; int16 is
symmetric, with 32,767 steps from 0 to the end that is farther from 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.metrics.quantization import Affine, dequantize, quantize

#: Candidate ends as shares of the farthest value, in decreasing order.
_FACTORS = np.arange(50, 0, -1) / 50
#: Limit of rounds; each searches for one end and then the other, until neither changes.
_TURNS = 6
_SHORTEST = 1e-9
#: Number of values over which errors are summed; more values are sampled.
_TRIED = 1 << 17
_SEED = 0


@dataclass(frozen=True)
class Range:
    """The range of an activation.

    Attributes:
        least: lower end, 0 or below.
        most: upper end, 0 or above.
    """

    least: float
    most: float

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Range":
        """Return the range of all values and 0."""
        return cls(min(float(values.min()), 0.0), max(float(values.max()), 0.0))

    def clipped(self, values: NDArray[np.floating]) -> int:
        """Return the number of values outside of the range."""
        return int(np.count_nonzero((values < self.least) | (values > self.most)))


def percentile(values: NDArray[np.floating], share: float) -> Range:
    """Return the range that includes at least a share of the values, with equal tails.

    Args:
        values: values of any shape.
        share: share in percent; 100 includes all values.
    """
    tail = (100 - share) / 2
    least = np.percentile(values, tail, method="lower")
    most = np.percentile(values, 100 - tail, method="higher")
    return Range(min(float(least), 0.0), max(float(most), 0.0))


def least_error(values: NDArray[np.floating], dtype: str) -> Range:
    """Return the range with the least squared quantization error: argmin Σ (v − q(v))².

    q(v) is v rounded to the range's grid and clamped to it. The candidates of each end are 2 %,
    4 % … 100 % of the farthest value on its side; one end is searched at a time. M. Nagel et al.,
    "A White Paper on Neural Network Quantization", 2021, section 3.1, "Mean squared error".

    Args:
        values: values of any shape.
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
                tried_error = squared_error(values, tried, dtype)
                if tried_error < error:
                    best, error = tried, tried_error
        if best == before:
            break
    return best


def squared_error(values: NDArray[np.floating], within: Range, dtype: str) -> float:
    """Return Σ (v − q(v))² on the grid of a range; see `least_error`."""
    on = grid(within, dtype)
    difference = dequantize(quantize(values, on), on).astype(np.float64) - values
    return float(np.square(difference).sum())


def grid(within: Range, dtype: str) -> Affine:
    """Return the integer grid of a range; see the module."""
    if dtype == "int16":
        farthest = max(-within.least, within.most, _SHORTEST)
        return Affine(float(np.float32(farthest / 32767)), 0, dtype)
    scale = float(np.float32(max(within.most - within.least, _SHORTEST) / 255))
    return Affine(scale, round(-128 - within.least / scale), dtype)
