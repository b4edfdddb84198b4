"""Time blocks of calls until the confidence interval of the median is narrow enough.

A tiny model runs in about 1 µs, so calls are timed together, in blocks of 0.2 to 0.4 ms. Longer
blocks alias with the scheduler: under load, blocks of 1 ms gave ratios of 0.34 to 3.07 for a true
ratio of 1.0. In much shorter blocks, the clock's overhead and resolution dominate.
"""

import contextlib
import gc
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeae.errors import NotMeasured
from edgeae.timing.clock import Clock, CrossCheckClock, Overhead
from edgeae.timing.sample_statistics import (
    FEWEST_POINTS,
    FEWEST_SAMPLES,
    median,
    median_interval,
    trend,
)

Call = Callable[[], object]

#: Intended length of a block; real blocks last 0.2 to 0.4 ms.
BLOCK_NS = 300_000
#: A block lasts at least this many times the clock's overhead, which is then below 1 %.
_CLOCK_SHARE = 100
#: A call takes at least 20 ns. If a block seems to need more calls, the clock stands still.
_LONGEST_BLOCK = BLOCK_NS // 20
#: Blocks of the model per block of the fixed cost.
_FIXED_EVERY = 3
#: Untimed calls before a block if another model's block came before; slow calls need none.
_REFILL = 2
#: Untimed calls before a block in shuffled rounds: the calls of the block ÷ this number.
_REFILL_SHARE = 4
#: Fewer rounds give no interval; more rounds do not improve it.
_MIN_ROUNDS, _MAX_ROUNDS = 20, 4000
#: Seed of the order of the calls in a round.
_SEED = 0
#: Calibrations of each call before the rounds, of which the longest block counts.
_TRIES = 5
#: Blocks between two checks of the stopping rule.
_LOOK_EVERY = 50
#: A smaller relative change than this, over the blocks looked at, does not count as a trend.
_LEVEL = 0.005
_NONE = Overhead()


@dataclass(frozen=True)
class StoppingRule:
    """When to stop the warm-up and the measurement.

    Attributes:
        relative_error: target of half the 95 % interval of the median ÷ the median.
        min_blocks: smallest number of blocks; of 200, two lie above the 99th percentile.
        max_ns: longest measurement, whatever the error is, in ns.
        warm_up_ns: longest warm-up, in ns.
        warm_up_blocks: smallest number of warm-up blocks, whose later half must show no trend.
    """

    relative_error: float = 0.01
    min_blocks: int = 200
    max_ns: int = 1_500_000_000
    warm_up_ns: int = 300_000_000
    warm_up_blocks: int = 100


@dataclass(frozen=True)
class Measurement:
    """The raw blocks of one measurement.

    Attributes:
        block: calls per block.
        samples_ns: duration of each block, in order, in ns.
        settled: whether the target of the relative error was reached.
        fixed_block, fixed_samples_ns: calls per block, and duration of each block, of the fixed
            cost, timed between the other blocks; None and empty if it was not requested.
        warm_up_ns: duration of the warm-up, in ns.
        warmed_up: whether the trend had ended before the first block.
    """

    block: int
    samples_ns: tuple[int, ...]
    settled: bool
    fixed_block: int | None = None
    fixed_samples_ns: tuple[int, ...] = ()
    warm_up_ns: int = 0
    warmed_up: bool = True


def measure(
    call: Call,
    patience: StoppingRule,
    clock: Clock = time.perf_counter_ns,
    *,
    witness: Clock | None = None,
    overhead: Overhead = _NONE,
    fixed: Call | None = None,
) -> Measurement:
    """Warm up, choose a block length, and time blocks until the stopping rule is met.

    Args:
        call: the call to time.
        patience: the stopping rule.
        clock: monotonic clock, in ns.
        witness: cross-check clock, in ns, which must agree with `clock`.
        overhead: overhead of the clock; blocks are long enough to keep it below 1 %.
        fixed: a call that has only the fixed cost, timed in blocks between those of `call`.

    Raises:
        NotMeasured: the clock does not advance, goes back, or disagrees with the cross-check clock.
    """
    with uncollected():
        other = CrossCheckClock(clock, witness) if witness else None
        costs_ns = max(overhead.resolution_ns, overhead.clock_ns)
        aim_ns = max(BLOCK_NS, round(_CLOCK_SHARE * costs_ns))
        started = clock()
        fixed_block = _warm_up(fixed, patience, clock, aim_ns)[0] if fixed else None
        block, warmed_up = _warm_up(call, patience, clock, aim_ns)
        warm_up_ns = clock() - started
        samples, fixed_samples = _blocks((call, block), (fixed, fixed_block), patience, clock)
        if other:
            other.check()
    return Measurement(
        block=block,
        samples_ns=tuple(samples),
        settled=_settled(samples, patience),
        fixed_block=fixed_block,
        fixed_samples_ns=tuple(fixed_samples),
        warm_up_ns=warm_up_ns,
        warmed_up=warmed_up,
    )


def bound(run: Callable[[NDArray[Any]], object], x: NDArray[Any]) -> Call:
    """Return a function without arguments that calls a session's `run` with `x`.

    It is a closure, not a `functools.partial`: CPython runs a Python function called from Python in
    the same evaluation loop, but starts another loop for a call from C, which costs 1 % of a call
    of 2 µs.
    """

    def call() -> object:
        return run(x)

    return call


def time_block(
    call: Call, block: int, clock: Clock = time.perf_counter_ns, *, refill: int = 0
) -> int:
    """Return the duration of `block` calls together, in ns.

    Args:
        call: the call to time.
        block: number of calls.
        clock: monotonic clock, in ns.
        refill: untimed calls before the block, because another model has filled the caches.

    Raises:
        NotMeasured: the clock goes back.
    """
    for _ in range(refill):
        call()
    turns = itertools.repeat(None, block)
    started = clock()
    for _ in turns:
        call()
    elapsed_ns = clock() - started
    _check_forward(elapsed_ns)
    return elapsed_ns


def time_in_rounds(
    calls: Sequence[Call],
    seconds: float,
    clock: Clock = time.perf_counter_ns,
    blocks: Sequence[int] | None = None,
) -> list[list[float]]:
    """Time blocks of each call in shuffled rounds, so that noise hits all calls alike.

    Args:
        calls: the calls to time.
        seconds: time after which no further round starts; at least 20 rounds run, for an interval.
        clock: monotonic clock, in ns.
        blocks: calls per block, one number for each call; calibrated if None.

    Returns:
        For each round, the ns per call of each call, in the order of `calls`.

    Raises:
        NotMeasured: the clock goes back.
    """
    with uncollected():
        # other processes can only make a call look slower
        blocks = blocks or [max(calibrate(call, clock) for _ in range(_TRIES)) for call in calls]
        order, shuffle = list(range(len(calls))), random.Random(_SEED).shuffle
        rounds: list[list[float]] = []
        deadline = clock() + int(seconds * 1e9)
        while len(rounds) < _MIN_ROUNDS or clock() < deadline:
            if len(rounds) >= _MAX_ROUNDS:
                break
            shuffle(order)
            row = [0.0] * len(calls)
            for place in order:
                block = blocks[place]
                refill = max(1, block // _REFILL_SHARE)
                row[place] = time_block(calls[place], block, clock, refill=refill) / block
            rounds.append(row)
    return rounds


def calibrate(
    call: Call, clock: Clock = time.perf_counter_ns, aim_ns: int = BLOCK_NS, limit_ns: int = 10**8
) -> int:
    """Return the number of calls in a block of about `aim_ns`.

    The block is doubled until it is long enough.

    Args:
        call: the call to time.
        clock: monotonic clock, in ns.
        aim_ns: intended length of a block, in ns.
        limit_ns: longest calibration, in ns.
    """
    deadline, block = clock() + limit_ns, 1
    while (elapsed := time_block(call, block, clock)) < aim_ns // 4 and clock() < deadline:
        if block >= _LONGEST_BLOCK * aim_ns // BLOCK_NS:
            break
        block *= 2
    return calls_per_block(elapsed / block, aim_ns)


def calls_per_block(per_call_ns: float, aim_ns: int = BLOCK_NS) -> int:
    """Return the number of calls of `per_call_ns` in a block of about `aim_ns`."""
    shortest = BLOCK_NS / _LONGEST_BLOCK
    return max(1, round(aim_ns / max(per_call_ns, shortest)))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection in a `with` block, so that no collection is timed as a call."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _warm_up(call: Call, patience: StoppingRule, clock: Clock, aim_ns: int) -> tuple[int, bool]:
    """Run blocks until their later half shows no trend, or the warm-up's time is up.

    Returns:
        The calls per block, and whether the later half shows no trend.
    """
    deadline = clock() + patience.warm_up_ns
    block = calibrate(call, clock, aim_ns // 4, patience.warm_up_ns)
    recent: list[float] = []
    while not recent or clock() < deadline:
        recent.append(time_block(call, block, clock) / block)
        if len(recent) >= patience.warm_up_blocks and len(recent) % 10 == 0 and _level(recent):
            break
    per_call = median(recent[len(recent) // 2 :])
    return calls_per_block(per_call, aim_ns), _level(recent)


def _level(recent: list[float]) -> bool:
    """Return whether the later half shows no trend; False if there are too few blocks."""
    later = recent[len(recent) // 2 :]
    if len(later) < FEWEST_POINTS:
        return False
    found = trend(later)
    return not found.significant or abs(found.change) < _LEVEL


def _blocks(
    model: tuple[Call, int],
    fixed: tuple[Call | None, int | None],
    patience: StoppingRule,
    clock: Clock,
) -> tuple[list[int], list[int]]:
    """Time blocks of the model, with blocks of the fixed cost between, until the rule is met."""
    samples: list[int] = []
    fixed_samples: list[int] = []
    started = now = clock()
    while True:
        if fixed[0] and fixed[1] and len(samples) % _FIXED_EVERY == 0:
            fixed_samples.append(_refilled(fixed[0], fixed[1], clock))
            samples.append(_refilled(*model, clock))
        else:
            samples.append(time_block(*model, clock))
        if len(samples) >= patience.min_blocks and len(samples) % _LOOK_EVERY == 0:
            if not any(samples):
                raise NotMeasured("the clock stands still")
            if _settled(samples, patience):
                break
        before, now = now, clock()
        _check_forward(now - before)
        # a spread needs two blocks, even if slow calls then exceed the time
        if now - started >= patience.max_ns and len(samples) >= 2:
            break
    return samples, fixed_samples


def _refilled(call: Call, block: int, clock: Clock) -> int:
    return time_block(call, block, clock, refill=_REFILL if block > _REFILL else 0)


def _check_forward(elapsed_ns: int) -> None:
    if elapsed_ns < 0:
        raise NotMeasured(f"the clock went back by {-elapsed_ns / 1e6:.3f} ms")


def _settled(samples: list[int], patience: StoppingRule) -> bool:
    if len(samples) < FEWEST_SAMPLES:  # even their whole range is not a 95 % interval
        return False
    low, high = median_interval(samples)
    # a median of 0 means that the clock is too coarse for the block, not that the spread is 0
    return median(samples) > 0 and (high - low) / 2 <= patience.relative_error * median(samples)
