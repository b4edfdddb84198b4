"""Axes: from values to pixels, and the round values between their ends."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = True

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten inside a range; with round values between them where there would be few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        ticks = [step * 10.0**power for power in decades for step in steps]
        ticks = [value for value in ticks if low <= value <= high]
        if len(ticks) >= 4:
            break
    return ticks


def linear_ticks(low: float, high: float) -> list[float]:
    """Round values inside a range, four to nine."""
    rough = (high - low) / 7
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first = math.ceil(low / step)
    return [round(place * step, 12) for place in range(first, math.floor(high / step) + 1)]
