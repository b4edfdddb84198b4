"""Time blocks of baseline, candidate and passthrough model, interleaved so that noise hits all.

A quad is four blocks in the order ABBA or BAAB, drawn at random. Within a quad, a linear drift
cancels, and so does the cache state that one side leaves for the other. Between these quads run
quads of the baseline's own sessions, which show the machine's error, and blocks of the passthrough
model (one operator), which show the fixed cost of a call.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from edgeae.errors import NotMeasured
from edgeae.timing.clock import Clock, CrossCheckClock
from edgeae.timing.measurement import BLOCK_NS, Call, calibrate, calls_per_block, time_block

_WARM_UP_NS = 100_000_000
#: Untimed calls before each block: another model has just filled the caches.
_REFILL = 3
_QUADS = 160
_FEWEST_QUADS = 8
_LONGEST_NS = 1_500_000_000
#: A candidate's block lasts at most this many times the intended length of a block.
_STRETCH = 4


@dataclass(frozen=True)
class Blocks:
    """Raw times of one process, in ns; `PairRow` documents the attributes."""

    calls: int
    fixed_calls: int
    orders: str
    baseline_ns: tuple[int, ...]
    candidate_ns: tuple[int, ...]
    control_ns: tuple[tuple[int, int], ...]
    fixed_ns: tuple[int, ...]


def interleave(
    baseline: Sequence[Call],
    candidate: Sequence[Call],
    fixed: Call,
    *,
    planted: float = 0.0,
    seed: int = 0,
    clock: Clock = time.perf_counter_ns,
    witness: Clock | None = None,
) -> Blocks:
    """Warm up every session, choose a block length, and time quads.

    Args:
        baseline, candidate: calls of two or more sessions of each side.
        fixed: a call of the passthrough model.
        planted: injected slowdown of the candidate, as a share of the baseline's time above the
            fixed cost.
        seed: seed of the order of the blocks.
        clock: monotonic clock, in ns.
        witness: cross-check clock, in ns, which must agree with `clock`.

    Raises:
        NotMeasured: the clock stands still, goes back, or disagrees with the cross-check clock.
    """
    second_clock = CrossCheckClock(clock, witness) if witness else None
    usual_ns, slow_ns, fixed_ns = _warm_up(baseline, candidate, fixed, clock)
    calls = calls_per_block(max(usual_ns, slow_ns / _STRETCH))
    fixed_calls = calls_per_block(fixed_ns)
    timer = _Timer(clock, calls, planted * max(0.0, usual_ns - fixed_ns) * calls)
    draw = random.Random(seed)
    orders = ""
    quads: list[tuple[int, int]] = []
    controls: list[tuple[int, int]] = []
    fixes: list[int] = []
    deadline = clock() + _LONGEST_NS
    for number in range(_QUADS):
        orders += draw.choice("AB")
        first, second = draw.choice(baseline), draw.choice(candidate)
        quads.append(_quad(orders[-1], (first, timer.plain), (second, timer.planted)))
        if number % 4 == 0:
            controls.append(_control(draw, baseline, timer.plain))
            fixes.append(timer.time(fixed, fixed_calls))
        elif number % 4 == 2:
            # not recorded: these calls keep the candidate as warm in the caches as the baseline
            _control(draw, candidate, timer.planted)
        if clock() > deadline and number + 1 >= _FEWEST_QUADS:
            break
    if second_clock:
        second_clock.check()
    return Blocks(
        calls=calls,
        fixed_calls=fixed_calls,
        orders=orders,
        baseline_ns=tuple(first_ns for first_ns, _ in quads),
        candidate_ns=tuple(second_ns for _, second_ns in quads),
        control_ns=tuple(controls),
        fixed_ns=tuple(fixes),
    )


Block = Callable[[Call], int]


def _control(draw: random.Random, sessions: Sequence[Call], block: Block) -> tuple[int, int]:
    """Time a session opened at an even turn against one opened at an odd turn."""
    even, odd = draw.choice(sessions[::2]), draw.choice(sessions[1::2])
    return _quad(draw.choice("AB"), (even, block), (odd, block))


def _quad(order: str, first: tuple[Call, Block], second: tuple[Call, Block]) -> tuple[int, int]:
    """Time first-second-second-first (order A) or the reverse; return the ns of each side."""
    (call_a, block_a), (call_b, block_b) = first, second
    if order == "A":
        a = block_a(call_a)
        b = block_b(call_b)
        b += block_b(call_b)
        return a + block_a(call_a), b
    b = block_b(call_b)
    a = block_a(call_a)
    a += block_a(call_a)
    return a, b + block_b(call_b)


class _Timer:
    """Times blocks that have the same number of calls.

    Args:
        clock: monotonic clock, in ns.
        calls: calls per block.
        delay_ns: busy waiting at the end of a block with an injected slowdown.
    """

    def __init__(self, clock: Clock, calls: int, delay_ns: float) -> None:
        self._clock, self._calls, self._delay_ns = clock, calls, delay_ns

    def plain(self, call: Call) -> int:
        return self.time(call, self._calls)

    def planted(self, call: Call) -> int:
        elapsed = self.time(call, self._calls)
        return elapsed + self._wait() if self._delay_ns else elapsed

    def time(self, call: Call, calls: int) -> int:
        return _timed(call, calls, self._clock)

    def _wait(self) -> int:
        started = self._clock()
        while (waited := self._clock() - started) < self._delay_ns:
            pass
        return waited


def _warm_up(
    baseline: Sequence[Call], candidate: Sequence[Call], fixed: Call, clock: Clock
) -> tuple[float, float, float]:
    """Warm up all sessions; return the ns of a call of baseline, candidate and passthrough."""
    groups = (baseline, candidate, (fixed,))
    counts = [calibrate(group[0], clock, BLOCK_NS // 2) for group in groups]
    seen: list[list[float]] = [[], [], []]
    deadline = clock() + _WARM_UP_NS
    turns = 0
    while turns < 2 or clock() < deadline:
        turns += 1
        for times, group, count in zip(seen, groups, counts, strict=True):
            times += [_timed(call, count, clock) / count for call in group]
    # only the later half counts: sessions are slow at first
    usual, slow, least = (median(times[len(times) // 2 :]) for times in seen)
    return usual, slow, least


def _timed(call: Call, calls: int, clock: Clock) -> int:
    """Time a block, in ns, after untimed calls that bring the block's model back into the caches.

    Raises:
        NotMeasured: the clock stood still for a whole block, or went back.
    """
    elapsed_ns = time_block(call, calls, clock, refill=_REFILL)
    if elapsed_ns == 0:
        raise NotMeasured(f"the clock stood still during a block of {calls} calls")
    return elapsed_ns
