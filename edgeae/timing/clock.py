"""The clock that times calls, its overhead, and the cross-check clock."""

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeae.errors import NotMeasured

Clock = Callable[[], int]

_READINGS = 200
_LONGEST_WAIT = 1_000_000
#: Largest allowed difference of two clocks after a measurement: a share of its length, plus ns.
_APART_SHARE = 0.01
_APART_NS = 1_000_000


def boot_ns() -> int:
    """Return the nanoseconds since boot, including sleep; used by `CrossCheckClock`."""
    # CLOCK_MONOTONIC, the clock of Python's timers, stops while a (virtual) machine sleeps
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Overhead:
    """Overhead of the measurement itself, in ns.

    Attributes:
        resolution_ns: the clock's smallest step.
        clock_ns: duration of one reading of the clock, which every block includes.
        loop_ns: time that the loop around the calls adds to each call, and to the fixed cost.
    """

    resolution_ns: int = 1
    clock_ns: float = 0.0
    loop_ns: float = 0.0


def overhead(clock: Clock) -> Overhead:
    """Return the overhead of measuring with a clock.

    Raises:
        NotMeasured: the clock stands still.
    """
    return Overhead(_resolution_ns(clock), _reading_ns(clock), _loop_ns(clock))


def _resolution_ns(clock: Clock) -> int:
    readings = [clock() for _ in range(_READINGS)]
    # a coarse clock advances only every few tens of milliseconds at most
    for _ in range(_LONGEST_WAIT):
        if readings[-1] != readings[0]:
            break
        readings.append(clock())
    steps = [after - before for before, after in itertools.pairwise(readings) if after > before]
    if not steps:
        raise NotMeasured("the clock stands still")
    return min(steps)


def _reading_ns(clock: Clock) -> float:
    started = clock()
    for _ in range(_READINGS):
        clock()
    return max(0, clock() - started) / (_READINGS + 1)


def _loop_ns(clock: Clock) -> float:
    nothing, costs = functools.partial(id, None), []
    for _ in range(10):
        started = clock()
        for _ in itertools.repeat(None, 1000):
            nothing()
        costs.append((clock() - started) / 1000)
    return max(0.0, min(costs))  # other processes disturbed the fastest run least


class CrossCheckClock:
    """A second clock that must agree with the first, read at the start and end of a measurement."""

    def __init__(self, clock: Clock, other: Clock) -> None:
        self._clock, self._other = clock, other
        self._first, self._first_other = self._read()

    def check(self) -> None:
        """Compare the times that passed on the two clocks.

        Raises:
            NotMeasured: the clocks disagree by more than 1 % plus 1 ms, as after a sleep of the
                machine.
        """
        now, other = self._read()
        passed, passed_other = now - self._first, other - self._first_other
        if abs(passed - passed_other) > _APART_SHARE * abs(passed_other) + _APART_NS:
            raise NotMeasured(
                f"the clock jumped: {passed / 1e9:.3f} s passed on the clock, "
                f"{passed_other / 1e9:.3f} s on the machine's cross-check clock"
            )

    def _read(self) -> tuple[int, int]:
        """Read both clocks; of five tries, return the one with the least time between readings."""
        tries = []
        for _ in range(5):
            before, other, after = self._clock(), self._other(), self._clock()
            tries.append((after - before, before, other))
        _, now, other = min(tries)
        return now, other
