import itertools
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeae.errors import BadInput, OutOfTolerance
from edgeae.metrics.detection import (
    Deviations,
    auc,
    auc_drop,
    auc_estimate,
    auc_interval,
    errors_of,
    rank,
    roc,
    threshold,
)


def stats() -> ModuleType:
    """scipy.stats, whose import takes a second that every worker would."""
    import scipy.stats

    return scipy.stats


#: Scores with many ties.
coarse = arrays.arrays(np.float64, st.integers(1, 30), elements=st.integers(0, 5))


def row(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_the_rank_by_hand():
    # of 99 scores the largest has an expected rate of 1 in 100: P(a 100th is the largest)
    found = rank(99, 0.01)
    assert (found.n, found.k, found.expected) == (99, 1, 0.01)
    assert (found.low, found.high) == pytest.approx(
        (1 - 0.975 ** (1 / 99), 1 - 0.025 ** (1 / 99)), rel=1e-9
    )
    assert rank(999, 0.01).k == 10 and rank(998, 0.01).k == 9
    assert rank(99, 0.07).k == 7 and rank(99, 0.29).k == 29  # 0.29 × 100 is 28.999999999999996
    assert rank(1, 0.9999).k == 1


def test_too_few_rows_say_what_they_can_support():
    with pytest.raises(BadInput) as caught:
        rank(50, 0.01)
    assert str(caught.value) == (
        "50 normal rows are too few for a false-alarm rate of 0.01: the threshold would be above "
        "the largest score; 99 rows or more can set it, or ask for 0.02 or more"
    )
    assert rank(50, 0.02).k == 1
    with pytest.raises(BadInput, match=r"ask for 0\.01 or more"):
        rank(99, 0.005)


@given(st.integers(1, 5000), st.floats(1e-4, 0.9))
def test_what_the_error_offers_is_enough(n, rate):
    try:
        found = rank(n, rate)
    except BadInput as error:
        offered = float(str(error).rpartition("ask for ")[2].split()[0])
        least = int(str(error).rpartition("score; ")[2].split()[0].replace(",", ""))
        assert rank(n, offered).k == 1 and rank(least, rate).k >= 1
        with pytest.raises(BadInput):
            rank(least - 1, rate)
    else:
        assert found.expected <= rate + 1e-9 < (found.k + 1) / (n + 1) + 1e-9


@given(arrays.arrays(np.float64, 60, elements=st.floats(0, 1e6)), st.floats(0.02, 0.9))
def test_the_threshold_leaves_fewer_than_its_rank_above_it(scores, rate):
    found = rank(60, rate)
    level = threshold(scores, found)
    assert level == sorted(scores, reverse=True)[found.k - 1]
    assert np.count_nonzero(scores > level) <= found.k - 1


def test_intervals_contain_what_they_promise_in_simulation():
    """200 scores set a threshold, 300 fresh ones are judged: 4,000 times."""
    random = np.random.default_rng(5)
    found = rank(200, 0.05)
    low, high = found.predicted(300)
    level = np.sort(random.exponential(size=(4000, 200)), axis=1)[:, -found.k]
    rates = np.exp(-level)
    assert np.mean(rates) == pytest.approx(found.expected, abs=0.001)
    assert np.mean((found.low <= rates) & (rates <= found.high)) == pytest.approx(0.95, abs=0.012)
    alarms = random.binomial(300, rates)
    inside = np.mean((low <= alarms) & (alarms <= high))
    assert 0.945 <= inside <= 0.985  # counts are whole: at least 95 %
    # the interval of the true rate is not one of what is measured on 300 rows
    shares = alarms / 300
    assert np.mean((found.low <= shares) & (shares <= found.high)) < 0.93


def test_ties_only_make_false_alarms_rarer():
    random = np.random.default_rng(6)
    scores = random.poisson(3, (2000, 100)).astype(float)
    found = rank(100, 0.05)
    levels = np.sort(scores, axis=1)[:, -found.k]
    assert stats().poisson.sf(levels, 3).mean() <= found.expected


def test_the_auc_by_hand():
    assert auc(row(1, 2, 3), row(4, 5)) == 1.0
    assert auc(row(4, 5), row(1, 2, 3)) == 0.0
    assert auc(row(1, 1), row(1)) == 0.5
    # of six pairs, 3 above 1 and 2, a tie with 3; 2 above 1, a tie with 2: 2 + 0.5 + 1 + 0.5
    assert auc(row(1, 2, 3), row(3, 2)) == pytest.approx(4 / 6)


@given(coarse, coarse)
def test_the_auc_is_scikit_learns_and_that_of_all_pairs(normal, anomalous):
    from sklearn.metrics import roc_auc_score

    value = auc(normal, anomalous)
    pairs = [(a > n) + (a == n) / 2 for a in anomalous for n in normal]
    assert value == pytest.approx(np.mean(pairs))
    truth = [False] * len(normal) + [True] * len(anomalous)
    assert value == pytest.approx(roc_auc_score(truth, np.concatenate([normal, anomalous])))
    assert auc(anomalous, normal) == pytest.approx(1 - value)


@given(st.floats(0, 1), st.integers(1, 500), st.integers(1, 500))
def test_the_interval_of_an_auc_holds_it(value, normal, anomalous):
    low, high = auc_interval(value, normal, anomalous)
    assert 0 <= low <= value <= high <= 1
    mirrored = auc_interval(1 - value, anomalous, normal)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_perfect_auc_is_not_certain():
    (few, _), (many, top) = auc_interval(1.0, 10, 10), auc_interval(1.0, 1000, 1000)
    assert 0.6 < few < 0.9 < 0.99 < many < 1 == top


@pytest.mark.parametrize(("apart", "n", "m"), [(1.0, 40, 25), (2.0, 60, 60), (3.0, 100, 30)])
def test_the_interval_of_an_auc_contains_the_true_one_in_simulation(apart, n, m):
    random = np.random.default_rng(7)
    truth = stats().norm.cdf(apart / np.sqrt(2))
    hits = 0
    for _ in range(1000):
        found = auc_estimate(random.normal(size=n), random.normal(apart, size=m))
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 1000 <= 0.985


def test_the_interval_of_a_drop_contains_the_true_one_in_simulation():
    random = np.random.default_rng(8)
    truth = stats().norm.cdf(1.5 / np.sqrt(2)) - stats().norm.cdf(1.5 / np.sqrt(2 * 1.25))
    hits = 0
    for _ in range(500):
        normal, anomalous = random.normal(size=150), random.normal(1.5, size=100)
        noisy = [part + random.normal(0, 0.5, len(part)) for part in (normal, anomalous)]
        found = auc_drop((normal, anomalous), (noisy[0], noisy[1]))
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 500 <= 0.98


def test_the_same_scores_drop_by_nothing():
    pair = (row(1, 2, 3, 3), row(2, 3, 9))
    found = auc_drop(pair, pair)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    one = auc_drop((row(1), row(2)), (row(1), row(0)))
    assert (one.value, one.low, one.high) == (1.0, 0.0, 1.0)  # of one row each nothing is known


def delong(before: tuple, after: tuple) -> float:
    """The variance of the drop by the definition: all pairs, one by one."""
    kernels = [
        np.array([[(a > n) + (a == n) / 2 for a in anomalous] for n in normal])
        for normal, anomalous in (before, after)
    ]
    apart = kernels[0] - kernels[1]
    return sum(apart.mean(axis=1 - axis).var(ddof=1) / apart.shape[axis] for axis in (0, 1))


@given(st.data())
def test_the_interval_of_a_drop_is_delongs(data):
    n, m = data.draw(st.integers(2, 9)), data.draw(st.integers(2, 9))
    scores = st.integers(0, 6)
    before, after = (
        tuple(data.draw(arrays.arrays(np.float64, size, elements=scores)) for size in (n, m))
        for _ in range(2)
    )
    found = auc_drop(before, after)
    reach = 1.959963984540054 * np.sqrt(delong(before, after))
    assert found.value == pytest.approx(auc(*before) - auc(*after))
    assert found.high == pytest.approx(min(1, found.value + min(1, reach)), abs=1e-9)
    assert found.low == pytest.approx(max(-1, found.value - min(1, reach)), abs=1e-9)


def test_a_roc_curve_by_hand():
    # scores above each level, from the largest: 4 | 3 3 | 2 | 1; normal are 1, 2 and 3
    across, up = zip(*roc(row(1, 2, 3), row(3, 4), 100), strict=True)
    assert across == pytest.approx((0, 0, 1 / 3, 2 / 3, 1))
    assert up == pytest.approx((0, 0.5, 1, 1, 1))


@given(coarse, coarse, st.integers(2, 40))
def test_a_roc_curve_rises_from_corner_to_corner(normal, anomalous, most):
    points = roc(normal, anomalous, most)
    assert points[0] == (0, 0) and points[-1] == (1, 1)
    assert len(points) <= max(most, 2)
    for (left, below), (right, above) in itertools.pairwise(points):
        assert left <= right and below <= above


@given(coarse, coarse)
def test_the_area_under_the_whole_curve_is_the_auc(normal, anomalous):
    across, up = zip(*roc(normal, anomalous, 1000), strict=True)
    assert np.trapezoid(up, across) == pytest.approx(auc(normal, anomalous))


def test_a_score_that_is_no_number_is_refused():
    rows = np.zeros((3, 2), np.float32)
    wrong = rows.copy()
    wrong[1, 0] = np.nan
    with pytest.raises(OutOfTolerance, match="1 of 3 rows have a score of NaN or infinity"):
        errors_of(wrong, rows)


def test_standardized_scores_by_hand():
    errors = np.array([[1.0, 100.0], [3.0, 300.0], [2.0, 200.0]])
    known = Deviations.of(errors)
    assert known.columns == pytest.approx(np.sqrt([2.0, 200.0]))
    # both columns weigh alike, however different their units are
    assert known.scores(np.array([[2.0, 0.0], [0.0, 200.0]])) == pytest.approx([0.5, 0.5])
    # a row's own errors are left out: (3 + 2) ÷ 2 is the first row's measure
    assert known.own_scores(errors) == pytest.approx([1 / 2.5, 3 / 1.5, 2 / 2.0])


def test_a_column_without_errors_divides_by_no_zero():
    errors = np.array([[1.0, 0.0], [4.0, 0.0]])
    known = Deviations.of(errors)
    assert np.isfinite(known.own_scores(errors)).all()
    assert known.scores(np.array([[0.0, 1e-6]]))[0] > 1000
    assert Deviations.of(np.zeros((2, 2))).own_scores(np.zeros((2, 2))).tolist() == [0, 0]


def test_leaving_out_a_rows_own_errors_keeps_the_promise_in_simulation():
    """Heavy tails, few rows: with its own errors in the measure, a row's score is too small."""
    random = np.random.default_rng(9)
    found = rank(60, 0.05)
    honest, naive = [], []
    for _ in range(800):
        errors = random.standard_t(3, (60 + 200, 12)) ** 2
        known = Deviations.of(errors[:60])
        fresh = known.scores(errors[60:])
        honest.append(np.mean(fresh > threshold(known.own_scores(errors[:60]), found)))
        naive.append(np.mean(fresh > threshold(known.scores(errors[:60]), found)))
    assert np.mean(honest) <= found.expected * 1.03
    assert np.mean(naive) > found.expected * 1.15
