import itertools
import math
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.gate.budget import Budget
from edgeae.gate.figures import timed_figures
from edgeae.gate.finding import Figure, worst
from edgeae.gate.rows import PairRow, above_fixed
from edgeae.gate.sequential import ERROR_RATE, FEWEST, MOST, decisive, interval
from edgeae.gate.verdict import absolute, is_open, judge, machine_error, ratio_figure, ratios

CALLS, QUADS = 100, 40
#: From the best verdict to the worst.
RANK = {"pass": 0, "inconclusive": 1, "fail": 2}


def row(
    ratio: float = 1.0,
    *,
    call_ns: float = 3_000.0,
    fixed_ns: float = 0.0,
    control: float = 1.0,
    process: int = 0,
    noise: float = 0.0,
) -> PairRow:
    """A process whose candidate takes `ratio` times the baseline's time, whole calls."""
    random = np.random.default_rng(process)
    spread = 1 + noise * random.standard_normal(QUADS)
    usual = [round(2 * CALLS * call_ns * share) for share in spread]
    return PairRow(
        process=process,
        sessions=2,
        calls=CALLS,
        fixed_calls=CALLS,
        orders="AB" * (QUADS // 2),
        baseline_ns=tuple(usual),
        candidate_ns=tuple(round(ratio * value) for value in usual),
        control_ns=tuple((value, round(control * value)) for value in usual[:20]),
        fixed_ns=(round(CALLS * fixed_ns),) * 10,
        runtime_version="1",
    )


def rows(*ratios: float, **options: float) -> list[PairRow]:
    return [row(ratio, process=number, **options) for number, ratio in enumerate(ratios)]


def verdict(*ratios: float, limit: float = 1.03, **options: float) -> str:
    return ratio_figure(rows(*ratios, **options), limit).verdict


def test_a_over_a_passes_and_ten_percent_fails():
    assert verdict(1.001, 0.999, 1.0, 1.002, 0.998, 1.003) == "pass"
    assert verdict(1.10, 1.101, 1.099, 1.102, 1.098, 1.1) == "fail"


def test_a_fail_names_ratio_interval_and_budget():
    figure = ratio_figure(rows(1.10, 1.12, 1.09, 1.11, 1.08, 1.13), 1.03)
    assert figure.value == pytest.approx(1.105, abs=1e-4)
    assert figure.low == pytest.approx(1.08, abs=1e-4)
    assert figure.high == pytest.approx(1.13, abs=1e-4)
    assert figure.reason == "ratio 1.105 [1.080, 1.130], budget 1.030"


@pytest.mark.parametrize("n", range(FEWEST))
def test_too_few_processes_never_pass_or_fail(n):
    assert verdict(*[1.0] * n) in ("inconclusive", "missing")
    assert verdict(*[9.0] * n) in ("inconclusive", "missing")


def test_a_candidate_at_its_budget_is_inconclusive_for_ever():
    assert verdict(*[1.03] * MOST) == "inconclusive"
    mixed = [1.03 + (-1) ** number * 0.001 for number in range(MOST)]
    assert verdict(*mixed) == "inconclusive"


def test_one_outlier_process_neither_fails_nor_is_forgotten():
    calm = [1.0] * 5
    assert verdict(*calm, 1.5) == "inconclusive"
    assert verdict(*calm, *[1.0] * 6, 1.5) == "pass"  # 11 of 12
    slow = [1.1] * 11
    assert verdict(*slow, 0.7) == "fail"


def test_zero_variance_is_a_clear_answer():
    assert verdict(*[1.0] * FEWEST) == "pass"
    assert verdict(*[1.0300001] * FEWEST, limit=1.02) == "fail"


def test_drift_within_processes_cancels():
    """Both sides get 30 % slower over a process: the quads' ratios do not know."""
    drifting = []
    for number in range(6):
        usual = [600_000 + number * 1000 + 4_500 * quad for quad in range(QUADS)]
        drifting.append(
            replace(row(process=number), baseline_ns=tuple(usual), candidate_ns=tuple(usual))
        )
    assert ratio_figure(drifting, 1.03).verdict == "pass"
    assert ratio_figure(drifting, 1.03).value == 1.0


def test_no_rows_are_missing_and_so_is_a_process_without_times():
    assert ratio_figure([], 1.03).verdict == "missing"
    broken = [*rows(*[1.0] * 6), PairRow(6, error="crashed with SIGKILL", code=5)]
    figure = ratio_figure(broken, 1.03)
    assert figure.verdict == "missing" and "SIGKILL" in figure.reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_no_measurement(value):
    assert judge([1.0] * 5 + [value], 1.03) == "missing"
    assert judge([value] * 12, 1.03) == "missing"
    none = [replace(item, fixed_ns=(value,)) for item in rows(*[1.0] * 6)]
    assert ratio_figure(none, 1.03).verdict == "missing"


@pytest.mark.parametrize(
    ("ratio", "share", "expected"),
    [
        (1.03, 0.0, 1.03),
        (1.03, 0.1, 1.03),  # a tenth or less is left in
        (1.02, 0.5, 1.04),
        (0.99, 0.5, 0.98),
        (1.01, 0.8, 1.05),
        (1.001, 0.95, 1.02),
        (1.01, 0.96, 1.01),  # too little is left to resolve
        (1.0, 0.7, 1.0),
    ],
)
def test_the_ratio_above_the_fixed_cost(ratio, share, expected):
    assert above_fixed(ratio, share) == pytest.approx(expected)


def test_a_five_percent_slower_model_is_caught_behind_a_large_fixed_cost():
    """1.2 µs of work behind 1.3 µs of fixed cost: +5 % of the work is +2.4 % of a call."""
    ratio = (1.3 + 1.2 * 1.05) / 2.5
    assert ratio < 1.03
    assert verdict(*[ratio] * 6, call_ns=2_500, fixed_ns=1_300) == "fail"
    assert verdict(*[ratio] * 6, call_ns=2_500, fixed_ns=0) == "pass"


def test_the_machines_own_error_widens():
    biased = rows(*[1.035] * 6, control=1.01)
    assert machine_error(biased) == pytest.approx(0.01, abs=1e-4)
    assert ratio_figure(biased, 1.03).verdict == "inconclusive"
    assert ratio_figure(rows(*[1.035] * 6), 1.03).verdict == "fail"
    assert ratio_figure(rows(*[1.025] * 6, control=0.99), 1.03).verdict == "inconclusive"
    assert ratio_figure(rows(*[1.025] * 6), 1.03).verdict == "pass"


def test_a_machine_whose_error_is_larger_than_the_budget_lets_nothing_pass_but_still_fails():
    for ratio in (1.0, 1.02, 1.06):
        figure = ratio_figure(rows(*[ratio] * 6, control=1.04), 1.03)
        assert figure.verdict == "inconclusive"
        assert "own error, 4.0%, is larger than the budget" in figure.reason
    assert verdict(*[3.0] * 6, control=1.04) == "fail"
    assert verdict(*[0.9] * 6, control=1.04) == "pass"  # faster than any error explains


def test_behind_too_large_a_fixed_cost_nothing_passes_and_it_is_said():
    """A model 10 % slower behind 96 % of fixed cost shows 0.4 % in a call."""
    hidden = rows(*[1.004] * 6, call_ns=3_000, fixed_ns=2_880)
    figure = ratio_figure(hidden, 1.03)
    assert figure.verdict == "inconclusive" and "96% of a call is fixed cost" in figure.reason
    assert ratio_figure(rows(*[1.2] * 6, fixed_ns=2_880), 1.03).verdict == "fail"


def test_all_processes_are_judged_on_one_scale():
    """The fixed cost's share wobbles about the tenth from which it is taken out."""
    wobbling = [
        row(1.028, process=number, fixed_ns=3_000 * share)
        for number, share in enumerate((0.099, 0.101) * 3)
    ]
    assert {round(ratio, 6) for ratio in ratios(wobbling)} == {round(ratios(wobbling)[0], 6)}


def test_the_verdict_of_several_is_the_worst():
    assert worst([]) == "missing"
    assert worst(["pass", "pass"]) == "pass"
    assert worst(["pass", "inconclusive"]) == "inconclusive"
    assert worst(["inconclusive", "missing", "pass"]) == "missing"
    assert worst(["missing", "fail"]) == "fail"


def test_absolute_limits():
    timed = rows(*[1.0] * 6, call_ns=3_000)

    def p50(item: PairRow) -> float:
        return item.candidate_p50_ns

    assert absolute(timed, "p50", p50, 3_100.0).verdict == "pass"
    failed = absolute(timed, "p50", p50, 2_900.0)
    assert failed.verdict == "fail" and failed.reason == "p50 3.00 µs, budget 2.90 µs"
    assert absolute(timed[:3], "p50", p50, 2_900.0).verdict == "inconclusive"
    assert absolute([], "p50", p50, 2_900.0).verdict == "missing"
    assert absolute([*timed, PairRow(6, error="x", code=5)], "p50", p50, 1e9).verdict == "missing"


def test_a_gate_stays_open_only_while_a_process_could_decide():
    unclear = Figure("p50 ratio", "×", 1.03, "inconclusive")
    assert is_open([unclear], 6) and is_open([unclear], MOST - 1)
    assert not is_open([unclear], MOST)
    assert not is_open([replace(unclear, verdict="fail")], 6)
    assert not is_open([replace(unclear, verdict="missing")], 3)


RATIOS = st.lists(st.floats(0.8, 1.3), min_size=1, max_size=MOST)


@given(RATIOS, st.floats(0, 0.2), st.floats(0, 0.99), st.floats(0.9, 1.1))
def test_a_slower_candidate_never_gets_a_better_verdict(found, slower, fixed, control):
    options = {"fixed_ns": 3_000 * fixed, "control": control}
    before, after = (
        timed_figures(rows(*[ratio * times for ratio in found], **options), Budget())[0].verdict
        for times in (1.0, 1 + slower)
    )
    assert RANK[after] >= RANK[before]


def test_a_figure_keeps_its_first_decision_while_others_are_open():
    """Six clear processes decide the ratio, whatever later ones show."""
    timed = rows(*[1.2] * 6, *[1.0] * 12)
    assert timed_figures(timed, Budget())[0].verdict == "fail"
    assert ratio_figure(timed, 1.03).verdict == "inconclusive"


def test_figures_of_a_start_are_those_of_processes_that_load_the_candidate_first():
    timed = [
        replace(item, candidate_first=number % 2 == 1, load_ns=(1, 900_000 if number % 2 else 200))
        for number, item in enumerate(rows(*[1.0] * 12))
    ]
    _, load = timed_figures(timed, Budget(max_load_ms=0.5))
    assert load.verdict == "fail" and load.value == 900_000
    _, load = timed_figures(timed[:6], Budget(max_load_ms=0.5))
    assert load.verdict == "inconclusive"  # three of six


def test_unknown_memory_is_missing_not_small():
    _, memory = timed_figures(
        [replace(item, candidate_first=True) for item in rows(*[1.0] * 6)], Budget(max_rss_mb=1)
    )
    assert memory.verdict == "missing"


@given(RATIOS, st.floats(0.9, 1.2), st.floats(0, 0.2), st.floats(0.9, 1.1), st.floats(0, 0.99))
def test_a_larger_budget_never_gets_a_worse_verdict(found, limit, more, control, fixed):
    timed = rows(*found, control=control, fixed_ns=3_000 * fixed)
    strict, lenient = (timed_figures(timed, Budget(max_ratio=m))[0] for m in (limit, limit + more))
    assert RANK[lenient.verdict] <= RANK[strict.verdict]


@given(RATIOS, st.randoms(use_true_random=False))
def test_the_order_of_the_processes_does_not_matter_to_one_look(found, random):
    shuffled = random.sample(found, len(found))
    assert judge(found, 1.03) == judge(shuffled, 1.03)
    assert interval(found) == interval(shuffled)


@given(RATIOS, st.floats(0.9, 1.2))
def test_the_interval_lies_on_the_side_that_the_verdict_says(ratios, limit):
    found = interval(ratios)
    assert (found is None) == (len(ratios) < FEWEST)
    if found is not None:
        low, high = found
        assert low <= median(ratios) <= high
        assert (judge(ratios, limit) == "fail") == (low > limit)
        assert (judge(ratios, limit) == "pass") == (high < limit)


def brute_force(rate: float, most: int) -> float:
    """The chance of ever deciding `fail` on fair coins, by walking every sequence of them."""
    wrong = 0
    for coins in itertools.product((0, 1), repeat=most):
        heads = itertools.accumulate(coins)
        if any(count >= decisive(n, rate) for n, count in enumerate(heads, 1)):
            wrong += 1
    return wrong / 2**most


@pytest.mark.parametrize("rate", [0.01, 0.025, 0.05])
def test_looking_often_keeps_the_error_rate(rate):
    assert 0.3 * rate < brute_force(rate, 14) <= rate


def test_the_error_rate_holds_to_the_last_look():
    draws = np.random.default_rng(1).integers(0, 2, (40_000, MOST)).cumsum(axis=1)
    bounds = np.array([decisive(n) for n in range(1, MOST + 1)])
    rate = float((draws >= bounds).any(axis=1).mean())
    assert 0.6 * ERROR_RATE < rate <= ERROR_RATE + 3 * math.sqrt(ERROR_RATE / 40_000)


def test_a_gate_looks_no_more_after_the_last_look():
    assert decisive(MOST + 1) == MOST + 2
    assert all(decisive(n) > n for n in range(FEWEST))
    assert decisive(FEWEST) == FEWEST
    # a bound below or at one half would let both sides win
    assert all(decisive(n) > n / 2 for n in range(1, MOST + 1))
