"""Axes: map values to pixels, and choose ticks."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

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
    """Return the powers of ten inside a range, with values between them if there are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        ticks = [step * 10.0**power for power in decades for step in steps]
        ticks = [value for value in ticks if low <= value <= high]
        if len(ticks) >= 4:
            break
    return ticks


def linear_ticks(low: float, high: float) -> list[float]:
    """Return four to nine round values inside a range."""
    rough = (high - low) / 7
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first = math.ceil(low / step)
    return [round(place * step, 12) for place in range(first, math.floor(high / step) + 1)]


def oddness(value: float) -> int:
    """Return a tick's rank by its first digit; powers of ten are first, then 5 and 2.

    Where labels are too near, the one that is drawn first is kept.
    """
    return "152346789".find(f"{value:e}"[0])
