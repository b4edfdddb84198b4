"""Functions over raw samples; nothing here is ever stored."""

import math
from collections.abc import Sequence

__all__ = ["median", "median_interval", "percentile"]

#: Two-sided 95 % of the normal distribution.
_Z = 1.959963984540054


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the linearly interpolated percentile (Hyndman and Fan's type 7, numpy's default).

    Args:
        samples: at least one.
        share: 0 to 1.

    Raises:
        ValueError: no samples, or a share outside 0 to 1.
    """
    if not samples or not 0 <= share <= 1:
        raise ValueError(f"percentile {share} of {len(samples)} samples")
    ordered = sorted(samples)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(samples: Sequence[float]) -> float:
    """Return the 50th percentile."""
    return percentile(samples, 0.5)


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % confidence interval of the median from order statistics, free of distribution.

    The number of samples below the true median is binomial(n, ½); its normal approximation gives
    the ranks (David and Nagaraja, Order Statistics, 2003, section 7.1). Fewer than 6 samples cannot
    reach 95 %: the whole range is returned.

    Raises:
        ValueError: no samples.
    """
    if not samples:
        raise ValueError("interval of no samples")
    ordered, n = sorted(samples), len(samples)
    reach = _Z * math.sqrt(n) / 2
    low = math.floor(n / 2 - reach) - 1
    high = math.ceil(n / 2 + reach)
    return ordered[max(0, low)], ordered[min(n - 1, high)]
