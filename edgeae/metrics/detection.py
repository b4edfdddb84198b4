"""Anomaly detection by a score and a threshold: false alarms, AUC, ROC; pure functions.

A row is an alarm if its score is above the threshold.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput, OutOfTolerance
from edgeae.metrics.binomial import beta_binomial_interval, beta_interval
from edgeae.metrics.loss import squared_errors

Scores = NDArray[np.float64]

#: Quantile of the normal distribution for a two-sided 95 % interval.
_Z = 1.959963984540054
#: Steps of the bisection of an interval's end: 60 halve 1 to 1e-18.
_STEPS = 60
#: Least deviation of a column, as a share of the largest deviation.
_FLOOR = 1e-6


@dataclass(frozen=True)
class Rank:
    """Which of the normal scores is the threshold, and the false-alarm rates that this gives.

    Of n scores of one continuous distribution, the share of further scores above the k-th largest
    is Beta(k, n − k + 1) distributed, whatever the distribution of the scores. With ties, false
    alarms are at most so frequent.

    Attributes:
        n: number of normal scores, 1 or more.
        k: the threshold is the k-th largest of them, 1 to n.
        expected: the expected false-alarm rate, k ÷ (n + 1).
        low, high: the true false-alarm rate is between these with a probability of 95 %.

    Source: David and Nagaraja, Order Statistics, 2003, section 2.3 (the distribution of F at an
    order statistic); Wilks, "Determination of sample sizes for setting tolerance limits", Annals of
    Mathematical Statistics 12, 1941.
    """

    n: int
    k: int
    expected: float
    low: float
    high: float

    def predicted(self, rows: int) -> tuple[int, int]:
        """Return how many of so many fresh normal rows are alarms, with at least 95 % probability.

        The count is beta-binomial: it contains the uncertainty of the threshold, from n scores,
        and that of the fresh rows.
        """
        return beta_binomial_interval(rows, self.k, self.n - self.k + 1)


def rank(n: int, rate: float) -> Rank:
    """Return the rank of the lowest threshold whose expected false-alarm rate is at most `rate`.

    Raises:
        BadInput: even a threshold at the largest of n scores has a higher expected rate.
    """
    # the share times n + 1 may be a whole number but for its last digit
    k = min(n, math.floor(rate * (n + 1) + 1e-9))
    if k < 1:
        least = math.ceil(1 / rate - 1 - 1e-9)
        raise BadInput(
            f"{n:,} normal rows are too few for a false-alarm rate of {rate:g}: the threshold "
            f"would be above the largest score; {least:,} rows or more can set it, or ask for "
            f"{_ceiled(1 / (n + 1)):g} or more"
        )
    return Rank(n, k, k / (n + 1), *beta_interval(k, n - k + 1))


def _ceiled(rate: float) -> float:
    """Return a rate, rounded up to two significant digits."""
    unit = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return round(math.ceil(rate / unit - 1e-9) * unit, 15)


def threshold(scores: Scores, found: Rank) -> float:
    """Return the k-th largest of the normal scores, (n,)."""
    return float(np.partition(scores, len(scores) - found.k)[len(scores) - found.k])


def errors_of(
    reconstruction: NDArray[np.floating], rows: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the squared error of each value, (n, values), float64; both arrays are real values.

    Raises:
        OutOfTolerance: a reconstruction is NaN or infinite.
    """
    errors = squared_errors(reconstruction, rows)
    wrong = int(np.count_nonzero(~np.isfinite(errors).all(axis=1)))
    if wrong:
        raise OutOfTolerance(f"{wrong:,} of {len(rows):,} rows have a score of NaN or infinity")
    return errors


@dataclass(frozen=True)
class Deviations:
    """The deviation of each column's error on normal rows, by which errors are standardized.

    Attributes:
        squares: (values,) sums of the squared errors over the normal rows.
        n: number of normal rows.
    """

    squares: NDArray[np.float64]
    n: int

    @classmethod
    def of(cls, errors: NDArray[np.float64]) -> "Deviations":
        """Return the deviations of squared errors (n, values) of normal rows, n at least 2."""
        return cls(errors.sum(axis=0), len(errors))

    @property
    def columns(self) -> NDArray[np.float64]:
        """The root mean squared error of each column, (values,); see `_floored`."""
        roots: NDArray[np.float64] = np.sqrt(_floored(self.squares / self.n))
        return roots

    def scores(self, errors: NDArray[np.float64]) -> Scores:
        """Return the mean of each row's squared errors, each divided by its column's; (n,)."""
        scores: Scores = (errors / _floored(self.squares / self.n)).mean(axis=1)
        return scores

    def own_scores(self, errors: NDArray[np.float64]) -> Scores:
        """Return the scores of the normal rows themselves, (n,).

        A row's own errors are left out of the deviations that its score is divided by, as those of
        a fresh row are; with them, a large error would hide itself, and false alarms would be more
        frequent than stated.
        """
        others = (self.squares - errors) / max(1, self.n - 1)
        scores: Scores = (errors / _floored(np.maximum(others, 0))).mean(axis=1)
        return scores


def _floored(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean squares, (…, values), without 0, so that they can be divided by.

    A deviation is at least the largest column's × 1e-6; if all are 0, each becomes 1.
    """
    largest = means.max(axis=-1, keepdims=True)
    floor = np.where(largest > 0, largest * _FLOOR**2, 1.0)
    return np.maximum(means, floor)


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: the figure.
        low, high: its 95 % confidence interval.
    """

    value: float
    low: float
    high: float


def auc(normal: Scores, anomalous: Scores) -> float:
    """Return how often an anomalous row has a larger score than a normal one; ties count half.

    This is the area under the ROC curve, and Mann and Whitney's U ÷ (rows × rows).

    Args:
        normal, anomalous: (n,) and (m,) scores, at least one each.
    """
    ordered = np.sort(normal)
    below = np.searchsorted(ordered, anomalous, side="left")
    upto = np.searchsorted(ordered, anomalous, side="right")
    return float((below + upto).mean() / (2 * len(normal)))


def auc_interval(value: float, normal: int, anomalous: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an AUC.

    Unlike Wald intervals, it is not empty at an AUC of 1.

    Args:
        value: the AUC.
        normal, anomalous: numbers of rows.

    Source: Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic. Part 2", Statistics in Medicine 25, 2006, method 5: the ends are the AUCs from which
    `value` is 1.96 standard errors away, with the standard error of Hanley and McNeil, Radiology
    143, 1982, and the mean number of rows in its numerator.
    """
    return (
        _end(value, 0.0, normal, anomalous) if value > 0 else 0.0,
        _end(value, 1.0, normal, anomalous) if value < 1 else 1.0,
    )


def _end(value: float, far: float, normal: int, anomalous: int) -> float:
    """Return the AUC between `value` and `far` at 1.96 standard errors from `value`."""
    near = value
    for _ in range(_STEPS):
        middle = (near + far) / 2
        if abs(middle - value) < _Z * math.sqrt(_variance(middle, normal, anomalous)):
            near = middle
        else:
            far = middle
    return near


def _variance(value: float, normal: int, anomalous: int) -> float:
    mean = (normal + anomalous) / 2 - 1
    spread = 1 + mean * ((1 - value) / (2 - value) + value / (1 + value))
    return value * (1 - value) * spread / (normal * anomalous)


def auc_estimate(normal: Scores, anomalous: Scores) -> Estimate:
    """Return the AUC with its interval; see `auc` and `auc_interval`."""
    value = auc(normal, anomalous)
    return Estimate(value, *auc_interval(value, len(normal), len(anomalous)))


def auc_drop(before: tuple[Scores, Scores], after: tuple[Scores, Scores]) -> Estimate:
    """Return the AUC of one score minus that of another on the same rows, with its interval.

    Args:
        before, after: scores of the normal rows (n,) and of the anomalous rows (m,), at least two
            each, in the same order.

    Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves", Biometrics 44, 1988.
    """
    drop = auc(*before) - auc(*after)
    variance = 0.0
    for old, new in zip(_components(*before), _components(*after), strict=True):
        variance += float(np.var(old - new, ddof=1)) / len(old) if len(old) > 1 else math.inf
    reach = min(1.0, _Z * math.sqrt(variance))
    return Estimate(drop, max(-1.0, drop - reach), min(1.0, drop + reach))


def _components(normal: Scores, anomalous: Scores) -> tuple[Scores, Scores]:
    """Return for each normal row the share of anomalous rows above it, and vice versa."""
    return _above(normal, np.sort(anomalous)), 1 - _above(anomalous, np.sort(normal))


def _above(scores: Scores, others: Scores) -> Scores:
    upto = np.searchsorted(others, scores, side="left") + np.searchsorted(others, scores, "right")
    shares: Scores = 1 - upto / (2 * len(others))
    return shares


def roc(normal: Scores, anomalous: Scores, most: int) -> tuple[tuple[float, float], ...]:
    """Return points (false-alarm rate, recall) of the ROC curve, from (0, 0) to (1, 1).

    Scores that are equal give one point. If there are more than `most` points, points are left out
    evenly along the curve; the area under the others may differ from the AUC in its third digit.

    Args:
        normal, anomalous: (n,) and (m,) scores, at least one each.
        most: the most points, at least 2.
    """
    levels = np.unique(np.concatenate([normal, anomalous]))[::-1]
    rates = [
        1 - np.searchsorted(np.sort(scores), levels, side="left") / len(scores)
        for scores in (normal, anomalous)
    ]
    across, up = (np.concatenate([[0.0], rate]) for rate in rates)
    if len(across) > most:
        wanted = np.linspace(0, 2, most)
        places = np.unique(np.searchsorted(across + up, wanted).clip(max=len(across) - 1))
        across, up = across[places], up[places]
    return tuple((float(x), float(y)) for x, y in zip(across, up, strict=True))
