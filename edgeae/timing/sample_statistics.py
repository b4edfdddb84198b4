"""Statistics of raw samples: percentiles, confidence intervals and trends; pure functions."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Quantile of the normal distribution for a two-sided 95 % interval.
_Z = 1.959963984540054
#: Number of stretches into which samples are divided before a test for a trend.
_STRETCHES = 40
#: Fewer samples give no 95 % interval of the median: their whole range has a lower confidence.
FEWEST_SAMPLES = 6
#: Fewer samples give no 95 % interval of the 99th percentile.
FEWEST_FOR_P99 = 563
#: Fewer points cannot show a trend: any order of 4 points is too likely by chance.
FEWEST_POINTS = 5


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


def mad(samples: Sequence[float]) -> float:
    """Return the median absolute deviation from the median, in the samples' unit; not scaled.

    Raises:
        ValueError: no samples.
    """
    middle = median(samples)
    return median([abs(sample - middle) for sample in samples])


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % confidence interval of the median; see `percentile_interval`."""
    return percentile_interval(samples, 0.5)


def percentile_interval(samples: Sequence[float], share: float) -> tuple[float, float]:
    """Return a 95 % confidence interval of a percentile from order statistics.

    The interval is distribution-free. The number of samples below the true percentile is
    binomial(n, share); its normal approximation gives the ranks (David and Nagaraja, Order
    Statistics, 2003, section 7.1). If a rank lies outside the samples, the interval ends at the
    outermost sample and has less than 95 % confidence: for the median with fewer than 6 samples,
    for the 99th percentile with fewer than 563.


    Raises:
        ValueError: no samples, or a share outside 0 to 1.
    """
    if not samples or not 0 <= share <= 1:
        raise ValueError(f"interval of percentile {share} of {len(samples)} samples")
    ordered, n = sorted(samples), len(samples)
    reach = _Z * math.sqrt(n * share * (1 - share))
    low = math.floor(n * share - reach) - 1
    high = math.ceil(n * share + reach)
    return ordered[max(0, low)], ordered[min(n - 1, high)]


@dataclass(frozen=True)
class Trend:
    """The trend of samples in the order in which they were taken.

    Attributes:
        change: change from the first sample to the last along the fitted line ÷ the median.
        significant: whether the probability of such an order by chance is below 5 %.
    """

    change: float
    significant: bool


def trend(samples: Sequence[float]) -> Trend:
    """Return the trend: the Theil–Sen slope and the Mann–Kendall test, both robust to outliers.

    Many samples are first divided into 40 stretches, and the trend is that of their medians.


    Raises:
        ValueError: no samples.
    """
    middle = median(samples)
    points = _stretches(samples)
    if len(points) < FEWEST_POINTS or middle <= 0:
        return Trend(0.0, significant=False)
    pairs = list(itertools.combinations(enumerate(points), 2))
    slope = median([(later - sooner) / (j - i) for (i, sooner), (j, later) in pairs])
    signs = sum((later > sooner) - (later < sooner) for (_, sooner), (_, later) in pairs)
    n = len(points)
    tied = sum(t * (t - 1) * (2 * t + 5) for t in Counter(points).values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    z = (abs(signs) - 1) / math.sqrt(variance) if variance > 0 else 0.0
    per_sample = slope * n / len(samples)
    return Trend(per_sample * (len(samples) - 1) / middle, significant=z > _Z)


def _stretches(samples: Sequence[float]) -> list[float]:
    n = len(samples)
    if n <= _STRETCHES:
        return list(samples)
    edges = [n * place // _STRETCHES for place in range(_STRETCHES + 1)]
    return [median(samples[start:end]) for start, end in itertools.pairwise(edges)]
