"""Blocks of calls, timed until their median is known well enough.

A tiny model runs in about a microsecond: calls are timed together, in blocks of 0.2 to 0.4 ms.
Longer blocks alias with the scheduler (1 ms gave ratios of 0.34 to 3.07 on a true 1.0 under load);
much shorter ones drown in the clock.
"""

import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeae.errors import NotMeasured
from edgeae.timing.statistics import median, median_interval

__all__ = ["Measurement", "Patience", "measure"]

Clock = Callable[[], int]
Call = Callable[[], object]

#: What a block aims at; between 0.2 and 0.4 ms.
BLOCK_NS = 300_000
#: A call costs 20 ns or more: a longer block is a clock that stands still, not a fast call.
_LONGEST_BLOCK = BLOCK_NS // 20


@dataclass(frozen=True)
class Patience:
    """When to stop.

    Attributes:
        relative_error: half the 95 % interval of the median, relative to it, that is good enough.
        min_blocks: never fewer; 200 leave two beyond the 99th percentile.
        max_ns: never longer than this, whatever the error is.
        warm_up_ns: at most this long before blocks count.
    """

    relative_error: float = 0.01
    min_blocks: int = 200
    max_ns: int = 1_500_000_000
    warm_up_ns: int = 300_000_000


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        block: calls per block.
        samples_ns: duration of each block, in order; raw.
        settled: whether the relative error was reached.
    """

    block: int
    samples_ns: tuple[int, ...]
    settled: bool


def measure(call: Call, patience: Patience, clock: Clock = time.perf_counter_ns) -> Measurement:
    """Warm up, choose a block length, then time blocks until the median settles or time is up.

    Args:
        call: what is timed.
        patience: when to stop.
        clock: nanoseconds that never go back.

    Raises:
        NotMeasured: the clock does not advance.
    """
    collecting = gc.isenabled()
    gc.disable()  # a collection inside a block would be timed as the model's
    try:
        block = _warm_up(call, patience, clock)
        samples: list[int] = []
        started = clock()
        while True:
            samples.append(time_block(call, block, clock))
            enough = len(samples) >= patience.min_blocks
            if enough and len(samples) % 50 == 0:
                if not any(samples):
                    raise NotMeasured("the clock stands still")
                if _settled(samples, patience):
                    return Measurement(block, tuple(samples), settled=True)
            # a slow call may not even give two blocks in time; two are needed for a spread
            if clock() - started >= patience.max_ns and len(samples) >= 2:
                return Measurement(block, tuple(samples), settled=_settled(samples, patience))
    finally:
        if collecting:
            gc.enable()


def time_block(call: Call, block: int, clock: Clock = time.perf_counter_ns) -> int:
    """Return the nanoseconds that `block` calls take together."""
    turns = itertools.repeat(None, block)
    started = clock()
    for _ in turns:
        call()
    return clock() - started


def _warm_up(call: Call, patience: Patience, clock: Clock) -> int:
    """Double the block until it is long enough, then run blocks until they stop getting faster."""
    deadline = clock() + patience.warm_up_ns
    block = 1
    while (elapsed := time_block(call, block, clock)) < BLOCK_NS // 4 and clock() < deadline:
        if block >= _LONGEST_BLOCK:
            break
        block *= 2
    recent = [elapsed / block]
    while clock() < deadline:
        recent.append(time_block(call, block, clock) / block)
        if len(recent) >= 40 and median(recent[-20:]) >= 0.98 * median(recent[-40:-20]):
            break
    per_call = max(median(recent[-20:]), BLOCK_NS / _LONGEST_BLOCK)
    return max(1, round(BLOCK_NS / per_call))


def _settled(samples: list[int], patience: Patience) -> bool:
    low, high = median_interval(samples)
    # a median of 0 is a clock too coarse for the block, not a spread of 0
    return median(samples) > 0 and (high - low) / 2 <= patience.relative_error * median(samples)
