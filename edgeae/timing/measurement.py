"""Blocks of calls, timed until their median is known well enough.

A tiny model runs in about a microsecond: calls are timed together, in blocks of 0.2 to 0.4 ms.
Longer blocks alias with the scheduler (1 ms gave ratios of 0.34 to 3.07 on a true 1.0 under load);
much shorter ones drown in the clock.
"""

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Iterator
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

#: What a block aims at; between 0.2 and 0.4 ms.
BLOCK_NS = 300_000
#: A block lasts at least this many times what the clock adds to it: below 1 %.
_CLOCK_SHARE = 100
#: A call costs 20 ns or more: a longer block is a clock that stands still, not a fast call.
_LONGEST_BLOCK = BLOCK_NS // 20
#: Blocks of the model per block of the fixed cost.
_FIXED_EVERY = 3
#: Untimed calls before a block that follows one of another model; not worth it for slow calls.
_REFILL = 2
#: Blocks between two looks at whether it is enough.
_LOOK_EVERY = 50
#: A trend that changes less than this over the blocks looked at is none.
_LEVEL = 0.005
_NONE = Overhead()


@dataclass(frozen=True)
class StoppingRule:
    """When to stop.

    Attributes:
        relative_error: half the 95 % interval of the median, relative to it, that is good enough.
        min_blocks: never fewer; 200 leave two beyond the 99th percentile.
        max_ns: never longer than this, whatever the error is.
        warm_up_ns: at most this long before blocks count.
        warm_up_blocks: at least so many, half of which must show no trend.
    """

    relative_error: float = 0.01
    min_blocks: int = 200
    max_ns: int = 1_500_000_000
    warm_up_ns: int = 300_000_000
    warm_up_blocks: int = 100


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        block: calls per block.
        samples_ns: duration of each block, in order; raw.
        settled: whether the relative error was reached.
        fixed_block, fixed_samples_ns: the same of the fixed cost, its blocks taken between the
            others; None and nothing where it was not asked for.
        warm_up_ns: how long it took to warm up.
        warmed_up: whether the trend was gone by then.
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
    """Warm up, choose a block length, then time blocks until the median settles or time is up.

    Args:
        call: what is timed.
        patience: when to stop.
        clock: nanoseconds that never go back.
        witness: a second clock, which must agree with the first.
        overhead: what the clock costs; blocks are long enough for that to stay below 1 %.
        fixed: a call of nothing but the fixed cost, timed in blocks between those of `call`.

    Raises:
        NotMeasured: the clock does not advance, goes back, or disagrees with its witness.
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
    """Return a call of a session's `run` with `x`, for blocks.

    A closure, not `functools.partial`: CPython calls a Python function from Python within one
    evaluation loop, and from C in another one, which costs 1 % of a call of 2 µs.
    """

    def call() -> object:
        return run(x)

    return call


def time_block(call: Call, block: int, clock: Clock = time.perf_counter_ns) -> int:
    """Return the nanoseconds that `block` calls take together."""
    turns = itertools.repeat(None, block)
    started = clock()
    for _ in turns:
        call()
    return clock() - started


def calibrate(
    call: Call, clock: Clock = time.perf_counter_ns, aim_ns: int = BLOCK_NS, limit_ns: int = 10**8
) -> int:
    """Return how many calls make a block of about `aim_ns`, by doubling it until it is long enough.

    Args:
        call: what is timed.
        clock: nanoseconds.
        aim_ns: how long a block shall be.
        limit_ns: never try for longer than this.
    """
    deadline, block = clock() + limit_ns, 1
    while (elapsed := _timed(call, block, clock)) < aim_ns // 4 and clock() < deadline:
        if block >= _LONGEST_BLOCK * aim_ns // BLOCK_NS:
            break
        block *= 2
    return _block(elapsed / block, aim_ns)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage inside: a collection within a block would be timed as the model's."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _block(per_call_ns: float, aim_ns: int) -> int:
    shortest = BLOCK_NS / _LONGEST_BLOCK
    return max(1, round(aim_ns / max(per_call_ns, shortest)))


def _warm_up(call: Call, patience: StoppingRule, clock: Clock, aim_ns: int) -> tuple[int, bool]:
    """Run blocks until their later half shows no trend; return a block's calls, and whether so."""
    deadline = clock() + patience.warm_up_ns
    block = calibrate(call, clock, aim_ns // 4, patience.warm_up_ns)
    recent: list[float] = []
    while not recent or clock() < deadline:
        recent.append(_timed(call, block, clock) / block)
        if len(recent) >= patience.warm_up_blocks and len(recent) % 10 == 0 and _level(recent):
            break
    per_call = median(recent[len(recent) // 2 :])
    return _block(per_call, aim_ns), _level(recent)


def _level(recent: list[float]) -> bool:
    """Whether the later half shows no trend; too few blocks show nothing."""
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
    """Time blocks of the model, and between them of the fixed cost, until it is enough."""
    samples: list[int] = []
    fixed_samples: list[int] = []
    started = now = clock()
    while True:
        if fixed[0] and fixed[1] and len(samples) % _FIXED_EVERY == 0:
            fixed_samples.append(_refilled(fixed[0], fixed[1], clock))
            samples.append(_refilled(*model, clock))
        else:
            samples.append(_timed(*model, clock))
        if len(samples) >= patience.min_blocks and len(samples) % _LOOK_EVERY == 0:
            if not any(samples):
                raise NotMeasured("the clock stands still")
            if _settled(samples, patience):
                break
        before, now = now, clock()
        _check_forward(now - before)
        # a slow call may not even give two blocks in time; two are needed for a spread
        if now - started >= patience.max_ns and len(samples) >= 2:
            break
    return samples, fixed_samples


def _refilled(call: Call, block: int, clock: Clock) -> int:
    """Time a block after another model had the caches: they are filled again first."""
    if block > _REFILL:
        time_block(call, _REFILL, clock)
    return _timed(call, block, clock)


def _timed(call: Call, block: int, clock: Clock) -> int:
    elapsed_ns = time_block(call, block, clock)
    _check_forward(elapsed_ns)
    return elapsed_ns


def _check_forward(elapsed_ns: int) -> None:
    if elapsed_ns < 0:
        raise NotMeasured(f"the clock went back by {-elapsed_ns / 1e6:.3f} ms")


def _settled(samples: list[int], patience: StoppingRule) -> bool:
    if len(samples) < FEWEST_SAMPLES:  # their whole range is no 95 % interval
        return False
    low, high = median_interval(samples)
    # a median of 0 is a clock too coarse for the block, not a spread of 0
    return median(samples) > 0 and (high - low) / 2 <= patience.relative_error * median(samples)
