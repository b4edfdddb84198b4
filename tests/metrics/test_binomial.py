import math
from itertools import accumulate
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.metrics.binomial import (
    beta_binomial_interval,
    beta_cdf,
    beta_interval,
    beta_quantile,
    clopper_pearson,
)


def stats() -> ModuleType:
    """scipy.stats, whose import takes a second that every worker would."""
    import scipy.stats

    return scipy.stats


sides = st.one_of(st.integers(1, 2000), st.floats(0.1, 500.0))


@given(st.floats(1e-9, 1 - 1e-9), sides, sides)
def test_the_beta_distribution_is_scipys(x, a, b):
    assert beta_cdf(x, a, b) == pytest.approx(stats().beta.cdf(x, a, b), rel=1e-8, abs=1e-12)


def test_the_beta_distribution_by_hand():
    # of one score, the rate above it is uniform; I_x(1, b) = 1 − (1 − x)^b
    assert beta_cdf(0.3, 1, 1) == pytest.approx(0.3)
    assert beta_cdf(0.3, 1, 4) == pytest.approx(1 - 0.7**4)
    assert beta_cdf(0.3, 4, 1) == pytest.approx(0.3**4)
    assert (beta_cdf(0.0, 2, 3), beta_cdf(1.0, 2, 3)) == (0.0, 1.0)


@pytest.mark.parametrize(("a", "b"), [(1, 99), (10, 991), (10_000, 990_001), (0.5, 0.5)])
@pytest.mark.parametrize("share", [0.001, 0.025, 0.5, 0.975])
def test_quantiles_are_scipys(a, b, share):
    assert beta_quantile(share, a, b) == pytest.approx(stats().beta.ppf(share, a, b), rel=1e-6)


@given(st.integers(1, 3000), st.data())
def test_clopper_and_pearsons_interval_is_scipys(n, data):
    hits = data.draw(st.integers(0, n))
    known = stats().binomtest(hits, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, n) == pytest.approx((known.low, known.high), rel=1e-6, abs=1e-12)


def test_clopper_and_pearsons_interval_of_nothing_and_of_all_by_hand():
    # no hit of n: the upper end u has (1 − u)^n = 2.5 %
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025 ** (1 / 10)))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025 ** (1 / 10)), 1.0)


def chances(n: int, a: int, b: int) -> list[float]:
    """The beta-binomial distribution by binomial coefficients of whole numbers: exact."""
    every = math.comb(n + a + b - 1, n)
    return [math.comb(x + a - 1, x) * math.comb(n - x + b - 1, n - x) / every for x in range(n + 1)]


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 200))
def test_a_predicted_count_leaves_at_most_a_tail_on_each_side(n, a, b):
    low, high = beta_binomial_interval(n, a, b)
    upto = list(accumulate(chances(n, a, b)))
    below = upto[low - 1] if low else 0.0
    assert below <= 0.025 + 1e-9 and 1 - upto[high] <= 0.025 + 1e-9
    # one count fewer on a side would leave more than a tail there
    assert upto[low] > 0.025 - 1e-9
    assert high == low or 1 - upto[high - 1] > 0.025 - 1e-9


def test_a_predicted_count_of_many_rows_is_scipys():
    low, high = beta_binomial_interval(200_000, 100, 9901)
    known = stats().betabinom(200_000, 100, 9901)
    assert (low, high) == (known.ppf(0.025), known.ppf(0.975))


def test_few_scores_make_the_prediction_wider_than_the_binomial_one():
    low, high = beta_binomial_interval(1000, 1, 99)
    assert low <= stats().binom.ppf(0.025, 1000, 0.01) - 2
    assert high >= stats().binom.ppf(0.975, 1000, 0.01) + 10
    assert beta_interval(1, 99) == pytest.approx(
        (1 - 0.975 ** (1 / 99), 1 - 0.025 ** (1 / 99)), rel=1e-9
    )
    assert np.isclose(beta_interval(1, 1), (0.025, 0.975)).all()
