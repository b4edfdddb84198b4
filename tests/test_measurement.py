import gc
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import NotMeasured
from edgeae.timing import measurement, statistics
from edgeae.timing.measurement import BLOCK_NS, Patience, measure, time_block

PATIENCE = Patience(max_ns=300_000_000, warm_up_ns=30_000_000)


class FakeClock:
    """A clock that calls alone move; `reads` counts how often it was looked at."""

    def __init__(self) -> None:
        self.now = self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        return self.now


class FakeCall:
    """A call that takes each of `costs_ns` in turn, for ever, on a fake clock."""

    def __init__(self, clock: FakeClock, *costs_ns: int) -> None:
        self._clock, self._costs = clock, itertools.cycle(costs_ns)
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        self._clock.now += next(self._costs)


def run(*costs_ns: int, patience: Patience = PATIENCE) -> tuple[measurement.Measurement, FakeClock]:
    clock = FakeClock()
    return measure(FakeCall(clock, *costs_ns), patience, clock), clock


@pytest.mark.parametrize(
    ("cost_ns", "block"), [(1_000, 300), (37_000, 8), (200_000, 2), (5_000_000, 1), (250, 1200)]
)
def test_a_block_aims_at_three_tenths_of_a_millisecond(cost_ns, block):
    found, _ = run(cost_ns, patience=Patience(max_ns=2_000_000_000))
    assert found.block == block
    if cost_ns < BLOCK_NS:
        assert 200_000 <= found.block * cost_ns <= 400_000
    assert set(found.samples_ns) == {block * cost_ns}


def test_samples_are_what_the_clock_said_in_its_order():
    rising = range(1_000_000, 2_000_000, 1_000)
    found, clock = run(*rising)
    assert found.block == 1
    # every call after the warm-up is one sample, and the clock stands at the sum of all
    first = rising.index(found.samples_ns[0])
    expected = itertools.islice(itertools.cycle(rising), first, first + len(found.samples_ns))
    assert found.samples_ns == tuple(expected)
    assert clock.now >= sum(found.samples_ns)


def test_a_block_is_as_many_calls_as_it_says():
    clock = FakeClock()
    call = FakeCall(clock, 7)
    assert time_block(call, 300, clock) == 2100
    assert call.calls == 300 and clock.reads == 2


def test_quiet_calls_settle_as_soon_as_they_may():
    found, _ = run(1_000)
    assert found.settled and len(found.samples_ns) == PATIENCE.min_blocks


def test_more_blocks_are_taken_until_the_median_is_known():
    random = np.random.default_rng(5)
    costs = random.normal(300_000, 45_000, 4096).astype(int).tolist()
    found, _ = run(*costs, patience=Patience(max_ns=10_000_000_000, warm_up_ns=3_000_000))
    assert found.settled and len(found.samples_ns) > PATIENCE.min_blocks
    low, high = statistics.median_interval(found.samples_ns)
    assert (high - low) / 2 <= 0.01 * float(np.median(found.samples_ns))
    # and not one batch later than that
    before = found.samples_ns[:-50]
    low, high = statistics.median_interval(before)
    assert (high - low) / 2 > 0.01 * float(np.median(before))


def test_noise_runs_to_the_limit_and_says_so():
    random = np.random.default_rng(6)
    costs = np.exp(random.normal(math.log(300_000), 2.0, 4096)).astype(int).tolist()
    patience = Patience(max_ns=200_000_000, warm_up_ns=3_000_000)
    found, _ = run(*costs, patience=patience)
    assert not found.settled
    assert sum(found.samples_ns[:-1]) < patience.max_ns <= sum(found.samples_ns)


def test_the_limit_holds_even_before_there_are_enough_blocks():
    patience = Patience(max_ns=10_000_000, warm_up_ns=1_000_000)
    found, _ = run(1_000_000, patience=patience)
    assert len(found.samples_ns) == 10 < patience.min_blocks


def test_a_call_slower_than_the_limit_still_gives_a_spread():
    found, _ = run(5_000_000_000, patience=Patience(max_ns=1_000_000_000))
    assert found.block == 1 and found.samples_ns == (5_000_000_000,) * 2


def test_the_warm_up_ends_in_its_time_even_while_calls_still_get_faster():
    clock = FakeClock()
    falling = itertools.chain(range(3_000_000, 300_000, -3_000), itertools.repeat(300_000))
    samples_before = []

    def call() -> None:
        clock.now += next(falling)
        samples_before.append(clock.now)

    found = measure(call, Patience(max_ns=30_000_000, warm_up_ns=300_000_000), clock)
    warm_up_ns = clock.now - sum(found.samples_ns)
    assert 300_000_000 <= warm_up_ns <= 310_000_000


def test_no_collection_happens_inside_and_collecting_goes_on_after():
    states = set()
    clock = FakeClock()

    def call() -> None:
        states.add(gc.isenabled())
        clock.now += 300_000

    assert gc.isenabled()
    measure(call, PATIENCE, clock)
    assert states == {False} and gc.isenabled()


def test_collecting_goes_on_after_a_call_that_fails():
    def call() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure(call, PATIENCE)
    assert gc.isenabled()


def test_a_caller_without_collecting_stays_without():
    gc.disable()
    try:
        run(1_000)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_clock_that_stands_still_is_no_measurement_and_no_endless_loop():
    with pytest.raises(NotMeasured, match="clock"):
        measure(lambda: None, Patience(min_blocks=50), clock=lambda: 7)


@pytest.mark.parametrize("still_for", [3, 20, 200])
def test_a_clock_that_sleeps_at_first_is_waited_for(still_for):
    reads = itertools.count()
    patience = Patience(max_ns=200_000_000, warm_up_ns=10_000_000, min_blocks=50)
    found = measure(lambda: None, patience, clock=lambda: max(0, next(reads) - still_for) * 10**6)
    assert len(found.samples_ns) >= 2 and found.block <= 15_000


def test_a_coarse_clock_does_not_pass_for_a_settled_zero():
    clock = FakeClock()
    tick_ns = 15_000_000
    patience = Patience(max_ns=1_000_000_000, warm_up_ns=30_000_000)
    coarse = measure(FakeCall(clock, 100), patience, lambda: clock.now // tick_ns * tick_ns)
    assert set(coarse.samples_ns) == {0, tick_ns} and statistics.median(coarse.samples_ns) == 0
    assert not coarse.settled


def test_real_calls_on_the_real_clock():
    found = measure(lambda: sum(range(100)), Patience(max_ns=50_000_000, warm_up_ns=20_000_000))
    assert found.block > 1
    assert 50_000 < float(np.median(found.samples_ns)) < 3_000_000


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
