"""Exact intervals of shares: quantiles of the beta and of the beta-binomial distribution.

They are computed here because a device has no scipy.
"""

import math

import numpy as np
from numpy.typing import NDArray

#: Confidence of all intervals.
CONFIDENCE = 0.95
#: Convergence of the continued fraction: relative, and the most terms of it.
_EPSILON, _TERMS = 1e-15, 100_000
#: Replaces 0 in a denominator of the continued fraction.
_TINY = 1e-300


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), 0 ≤ x ≤ 1.

    Args:
        x: a share.
        a, b: above 0.

    Source: the continued fraction of DLMF 8.17.22, evaluated by Lentz's method; it converges fast
    if x < (a + 1) / (a + b + 2), and I_x(a, b) = 1 − I_{1−x}(b, a) otherwise.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d₁/(1 + d₂/(1 + …)) of DLMF 8.17.22, by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, _TERMS):
        m = term // 2
        if term % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + step * d or _TINY)
        c = 1 + step / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_quantile(share: float, a: float, b: float) -> float:
    """Return the x with I_x(a, b) = `share`, by bisection to the last digit."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if not low < middle < high or high - low < 1e-15 * high:
            return middle
        if beta_cdf(middle, a, b) < share:
            low = middle
        else:
            high = middle


def beta_interval(a: float, b: float) -> tuple[float, float]:
    """Return the central 95 % interval of a beta distribution."""
    tail = (1 - CONFIDENCE) / 2
    return beta_quantile(tail, a, b), beta_quantile(1 - tail, a, b)


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % confidence interval of a binomial share.

    Args:
        hits: how many of `n` trials succeeded.
        n: number of trials, 1 or more.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26, 1934; its limits are quantiles of beta distributions.
    """
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits == 0 else beta_quantile(tail, hits, n - hits + 1)
    high = 1.0 if hits == n else beta_quantile(1 - tail, hits + 1, n - hits)
    return low, high


def beta_binomial_interval(n: int, a: float, b: float) -> tuple[int, int]:
    """Return the counts that contain a beta-binomial count with at least 95 % probability.

    The count is that of `n` trials whose unknown chance is Beta(a, b) distributed. At most 2.5 %
    lie below the lower count, and at most 2.5 % above the upper one.

    Args:
        n: number of trials, 0 or more.
        a, b: above 0.
    """
    tail = (1 - CONFIDENCE) / 2
    below = np.cumsum(_beta_binomial(n, a, b))
    low = int(np.searchsorted(below, tail, side="right"))
    high = int(np.searchsorted(below, 1 - tail, side="left"))
    return low, min(high, n)


def _beta_binomial(n: int, a: float, b: float) -> NDArray[np.float64]:
    """Return the probability of each count, 0 to n, from the ratios of neighbours."""
    count = np.arange(n, dtype=np.float64)
    ratios = np.log(n - count) + np.log(count + a) - np.log(count + 1) - np.log(n - count - 1 + b)
    first = _log_beta(a, n + b) - _log_beta(a, b)
    logs = first + np.concatenate([[0.0], np.cumsum(ratios)])
    chances: NDArray[np.float64] = np.exp(logs)
    return chances
