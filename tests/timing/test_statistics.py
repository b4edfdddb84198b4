import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.timing import sample_statistics as statistics

SAMPLES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(SAMPLES, st.floats(0, 1))
def test_a_percentile_is_numpys(samples, share):
    expected = float(np.percentile(samples, share * 100))
    scale = max(1.0, *map(abs, samples))
    assert statistics.percentile(samples, share) == pytest.approx(expected, abs=1e-9 * scale)


@given(SAMPLES)
def test_a_median_is_numpys_whatever_the_order(samples):
    expected = pytest.approx(float(np.median(samples)), abs=1e-6)
    assert statistics.median(samples) == expected
    assert statistics.median(samples[::-1]) == expected


@given(SAMPLES)
def test_the_interval_is_made_of_samples_around_the_median(samples):
    low, high = statistics.median_interval(samples)
    assert low in samples and high in samples
    assert low <= statistics.median(samples) <= high
    if len(samples) < 6:
        assert (low, high) == (min(samples), max(samples))


@pytest.mark.parametrize("n", [20, 200])
def test_the_interval_holds_the_true_median_as_often_as_it_says(n):
    draws = np.random.default_rng(n).exponential(size=(2000, n))
    intervals = map(statistics.median_interval, draws.tolist())
    held = [low <= math.log(2) <= high for low, high in intervals]
    # never less than promised, and not so wide that it says nothing
    assert 0.93 <= np.mean(held) <= 0.995


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="percentile"):
        statistics.percentile([1.0, 2.0], share)


@pytest.mark.parametrize(
    "function", [lambda none: statistics.percentile(none, 0.5), statistics.median_interval]
)
def test_no_samples_have_no_statistics(function):
    with pytest.raises(ValueError, match=r"no samples|0 samples"):
        function([])


@pytest.mark.parametrize(("n", "share"), [(600, 0.99), (200, 0.9), (60, 0.25)])
def test_the_interval_of_a_percentile_holds_the_true_one_as_often_as_it_says(n, share):
    draws = np.random.default_rng(n).exponential(size=(2000, n))
    true = -math.log(1 - share)
    intervals = (statistics.percentile_interval(draw, share) for draw in draws.tolist())
    held = [low <= true <= high for low, high in intervals]
    assert 0.93 <= np.mean(held) <= 0.995


def test_an_interval_that_the_samples_cannot_give_ends_at_the_outermost():
    samples = list(map(float, range(100)))
    assert statistics.percentile_interval(samples, 0.99)[1] == 99.0
    assert statistics.percentile_interval(samples, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_an_interval_of_no_share_is_refused(share):
    with pytest.raises(ValueError, match="interval of percentile"):
        statistics.percentile_interval([1.0, 2.0], share)


@given(SAMPLES)
def test_the_absolute_deviation_is_numpys(samples):
    array = np.array(samples)
    expected = float(np.median(np.abs(array - np.median(array))))
    assert statistics.mad(samples) == pytest.approx(expected, abs=1e-6)


def test_a_few_outliers_move_the_deviation_little():
    quiet = [100.0 + step % 5 for step in range(100)]
    assert statistics.mad([*quiet[:-2], 1e9, 1e9]) <= statistics.mad(quiet) + 1


@pytest.mark.parametrize("n", [10, 40, 200, 3000])
@pytest.mark.parametrize("change", [-0.3, -0.05, 0.05, 0.3])
def test_a_trend_is_found_with_its_size_whatever_the_outliers(n, change):
    random = np.random.default_rng(n)
    line = 1000 * (1 + change * (np.arange(n) / (n - 1) - 0.5))
    samples = line + random.normal(0, 2, n)
    samples[random.integers(0, n, n // 20)] *= 30  # a neighbour, now and then
    found = statistics.trend(samples.tolist())
    assert found.significant
    assert found.change == pytest.approx(change, abs=0.02)
    assert statistics.trend(samples[::-1].tolist()).change == pytest.approx(-found.change)


@pytest.mark.parametrize("n", [10, 40, 500])
def test_chance_looks_like_a_trend_as_seldom_as_it_says(n):
    draws = np.random.default_rng(n).exponential(size=(400, n)).tolist()
    found = [statistics.trend(draw).significant for draw in draws]
    assert np.mean(found) <= 0.08


@given(st.lists(st.integers(1, 30).map(float), min_size=10, max_size=40))
def test_slope_and_significance_are_scipys(samples):
    import scipy.stats  # takes a second, which every worker would

    found = statistics.trend(samples)
    places = range(len(samples))
    slope = scipy.stats.theilslopes(samples, places)[0]
    expected = slope * (len(samples) - 1) / float(np.median(samples))
    assert found.change == pytest.approx(expected, abs=1e-9)
    if len(set(samples)) > 1:
        # Kendall's test on the order is Mann's; scipy leaves out the correction for continuity
        chance = scipy.stats.kendalltau(places, samples, method="asymptotic").pvalue
        assert not (found.significant and chance > 0.05)
        assert found.significant or chance > 0.03


@pytest.mark.parametrize(
    "samples", [[5.0], [1.0, 2.0, 3.0, 4.0], [7.0] * 100, [0.0] * 50, [0.0] * 40 + [1.0] * 9]
)
def test_there_is_no_trend_in_too_few_or_equal_samples(samples):
    assert not statistics.trend(samples).significant
