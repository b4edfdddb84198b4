import gc
import itertools
import math

import numpy as np
import pytest

from edgeae.errors import NotMeasured
from edgeae.timing import clock as clocks
from edgeae.timing import measurement
from edgeae.timing import sample_statistics as statistics
from edgeae.timing.clock import CrossCheckClock, Overhead, overhead
from edgeae.timing.measurement import BLOCK_NS, StoppingRule, calibrate, measure, time_block

PATIENCE = StoppingRule(max_ns=300_000_000, warm_up_ns=30_000_000)


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


def run(
    *costs_ns: int, patience: StoppingRule = PATIENCE
) -> tuple[measurement.Measurement, FakeClock]:
    clock = FakeClock()
    return measure(FakeCall(clock, *costs_ns), patience, clock), clock


@pytest.mark.parametrize(
    ("cost_ns", "block"), [(1_000, 300), (37_000, 8), (200_000, 2), (5_000_000, 1), (250, 1200)]
)
def test_a_block_aims_at_three_tenths_of_a_millisecond(cost_ns, block):
    found, _ = run(cost_ns, patience=StoppingRule(max_ns=2_000_000_000))
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


def test_calls_before_a_block_are_not_timed():
    clock = FakeClock()
    call = FakeCall(clock, 50, 50, 7, 7, 7)
    assert time_block(call, 3, clock, refill=2) == 21
    assert call.calls == 5 and clock.reads == 2


def test_quiet_calls_settle_as_soon_as_they_may():
    found, _ = run(1_000)
    assert found.settled and len(found.samples_ns) == PATIENCE.min_blocks


def test_more_blocks_are_taken_until_the_median_is_known():
    random = np.random.default_rng(5)
    costs = random.normal(300_000, 45_000, 4096).astype(int).tolist()
    found, _ = run(*costs, patience=StoppingRule(max_ns=10_000_000_000, warm_up_ns=3_000_000))
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
    patience = StoppingRule(max_ns=200_000_000, warm_up_ns=3_000_000)
    found, _ = run(*costs, patience=patience)
    assert not found.settled
    assert sum(found.samples_ns[:-1]) < patience.max_ns <= sum(found.samples_ns)


def test_the_limit_holds_even_before_there_are_enough_blocks():
    patience = StoppingRule(max_ns=10_000_000, warm_up_ns=1_000_000)
    found, _ = run(1_000_000, patience=patience)
    assert len(found.samples_ns) == 10 < patience.min_blocks


def test_a_call_slower_than_the_limit_still_gives_a_spread():
    found, _ = run(5_000_000_000, patience=StoppingRule(max_ns=1_000_000_000))
    assert found.block == 1 and found.samples_ns == (5_000_000_000,) * 2


def test_the_warm_up_ends_in_its_time_even_while_calls_still_get_faster():
    clock = FakeClock()
    falling = itertools.chain(range(3_000_000, 300_000, -3_000), itertools.repeat(300_000))
    samples_before = []

    def call() -> None:
        clock.now += next(falling)
        samples_before.append(clock.now)

    found = measure(call, StoppingRule(max_ns=30_000_000, warm_up_ns=300_000_000), clock)
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
        measure(lambda: None, StoppingRule(min_blocks=50), clock=lambda: 7)


@pytest.mark.parametrize("still_for", [3, 20, 200])
def test_a_clock_that_sleeps_at_first_is_waited_for(still_for):
    reads = itertools.count()
    patience = StoppingRule(max_ns=200_000_000, warm_up_ns=10_000_000, min_blocks=50)
    found = measure(lambda: None, patience, clock=lambda: max(0, next(reads) - still_for) * 10**6)
    assert len(found.samples_ns) >= 2 and found.block <= 15_000


def test_a_coarse_clock_does_not_pass_for_a_settled_zero():
    clock = FakeClock()
    tick_ns = 15_000_000
    patience = StoppingRule(max_ns=1_000_000_000, warm_up_ns=30_000_000)
    coarse = measure(FakeCall(clock, 100), patience, lambda: clock.now // tick_ns * tick_ns)
    assert set(coarse.samples_ns) == {0, tick_ns} and statistics.median(coarse.samples_ns) == 0
    assert not coarse.settled


def test_the_fixed_cost_is_timed_between_the_blocks():
    clock = FakeClock()
    order = []

    def called(name: str, cost_ns: int):
        def call() -> None:
            order.append(name)
            clock.now += cost_ns

        return call

    found = measure(called("model", 20_000), PATIENCE, clock, fixed=called("fixed", 5_000))
    assert found.fixed_block == 60 and set(found.fixed_samples_ns) == {300_000}
    assert found.block == 15 and set(found.samples_ns) == {300_000}
    # spread over the whole run and not before it: one after every third block of the model
    assert len(found.fixed_samples_ns) == math.ceil(len(found.samples_ns) / 3)
    timed = "".join(name[0] for name in order)
    assert timed.rstrip("m").endswith("f") and len(timed) - len(timed.rstrip("m")) <= 15 * 3 + 3


def test_without_a_fixed_cost_there_are_no_blocks_of_it():
    found, _ = run(1_000)
    assert found.fixed_block is None and found.fixed_samples_ns == ()


def test_the_warm_up_ends_when_calls_stop_getting_faster():
    clock = FakeClock()
    falling = itertools.chain(range(600_000, 300_000, -2_000), itertools.repeat(300_000))

    def call() -> None:
        clock.now += next(falling)

    found = measure(call, StoppingRule(max_ns=30_000_000, warm_up_ns=900_000_000), clock)
    assert found.warmed_up
    # 150 calls fall and last 67 ms; most of the later half must then be steady ones
    assert 80_000_000 < found.warm_up_ns < 200_000_000
    assert set(found.samples_ns) == {300_000}


def test_a_warm_up_that_reached_its_limit_says_so():
    clock = FakeClock()
    falling = itertools.count(100_000_000, -100_000)

    def call() -> None:
        clock.now += next(falling)

    found = measure(call, StoppingRule(max_ns=300_000_000, warm_up_ns=2_000_000_000), clock)
    assert not found.warmed_up and found.warm_up_ns >= 2_000_000_000


def test_noise_is_no_trend_that_a_warm_up_waits_for():
    random = np.random.default_rng(3)
    costs = random.normal(300_000, 30_000, 4096).astype(int).tolist()
    found, _ = run(*costs, patience=StoppingRule(warm_up_ns=900_000_000))
    assert found.warmed_up and found.warm_up_ns < 60_000_000


@pytest.mark.parametrize(("costs", "aim_ns"), [(Overhead(1, 50.0), 300_000)])
def test_a_cheap_clock_leaves_blocks_as_they_are(costs, aim_ns):
    clock = FakeClock()
    found = measure(FakeCall(clock, 1_000), PATIENCE, clock, overhead=costs)
    assert found.block * 1_000 == aim_ns


@pytest.mark.parametrize("costs", [Overhead(10_000, 1.0), Overhead(1, 10_000.0)])
def test_what_the_clock_adds_stays_below_a_hundredth_of_a_block(costs):
    clock = FakeClock()
    found = measure(FakeCall(clock, 1_000), PATIENCE, clock, overhead=costs)
    assert found.block * 1_000 == 1_000_000


def test_a_clock_that_goes_back_is_no_measurement():
    clock = FakeClock()
    costs = itertools.chain(itertools.repeat(300_000, 150), [-9_000_000], itertools.repeat(300_000))

    def call() -> None:
        clock.now += next(costs)

    with pytest.raises(NotMeasured, match=r"the clock went back by 9\.000 ms") as caught:
        measure(call, PATIENCE, clock)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("slept_ns", "agrees"),
    [(0, True), (900_000, True), (40_000_000, False), (3_600 * 10**9, False), (-(10**9), False)],
)
def test_a_machine_that_slept_is_no_measurement(slept_ns, agrees):
    clock = FakeClock()
    call = FakeCall(clock, 300_000)

    def witness() -> int:
        return clock.now + (slept_ns if call.calls > 150 else 0)

    if agrees:
        assert measure(call, PATIENCE, clock, witness=witness).settled
    else:
        with pytest.raises(NotMeasured, match="the clock jumped"):
            measure(call, PATIENCE, clock, witness=witness)


@pytest.mark.parametrize("apart_ns", [-10_900_000, 10_900_000, -11_100_000, 11_100_000])
def test_two_clocks_may_be_a_hundredth_and_a_millisecond_apart(apart_ns):
    now = [0, 0]
    witness = CrossCheckClock(lambda: now[0], lambda: now[1])
    now[:] = [10**9 + apart_ns, 10**9]
    if abs(apart_ns) < 11_000_000:
        witness.check()
    else:
        with pytest.raises(NotMeasured, match=r"1\.000 s on the machine's cross-check clock"):
            witness.check()


def test_being_preempted_between_two_readings_is_no_jump():
    now = itertools.count(0, 10)
    readings = itertools.count()

    def preempted() -> int:
        # the first reading of each witness is delayed by 50 ms, as by another process
        return next(now) + (50_000_000 if next(readings) % 5 == 0 else 0)

    CrossCheckClock(lambda: next(now), preempted).check()


def test_the_two_clocks_of_this_machine_agree():
    witness = CrossCheckClock(measurement.time.perf_counter_ns, clocks.boot_ns)
    sum(range(100_000))
    witness.check()


@pytest.mark.parametrize("tick_ns", [1, 100, 15_625])
def test_the_resolution_is_the_smallest_step(tick_ns):
    readings = itertools.count(0, 7)
    found = overhead(lambda: next(readings) // tick_ns * tick_ns)
    assert found.resolution_ns == max(7, tick_ns)
    assert found.clock_ns == pytest.approx(7, abs=tick_ns)


def test_a_clock_that_never_moves_has_no_resolution():
    with pytest.raises(NotMeasured, match="the clock stands still"):
        overhead(lambda: 7)


def test_the_clock_and_the_loop_cost_little_here():
    found = overhead(measurement.time.perf_counter_ns)
    assert 1 <= found.resolution_ns < 100_000
    assert 0 < found.clock_ns < 100_000 and 0 < found.loop_ns < 10_000


@pytest.mark.parametrize(("cost_ns", "block"), [(1_000, 300), (299_000, 1), (10, 15_000)])
def test_calibrating_alone_gives_the_calls_of_a_block(cost_ns, block):
    clock = FakeClock()
    assert calibrate(FakeCall(clock, cost_ns), clock) == block


def test_real_calls_on_the_real_clock():
    found = measure(lambda: sum(range(100)), StoppingRule(max_ns=50_000_000, warm_up_ns=20_000_000))
    assert found.block > 1
    assert 50_000 < float(np.median(found.samples_ns)) < 3_000_000
