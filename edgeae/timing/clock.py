"""The clock that times, what it costs, and a second one that must agree with it."""

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeae.errors import NotMeasured

Clock = Callable[[], int]

_READINGS = 200
_LONGEST_WAIT = 1_000_000
#: How far two clocks may be apart at the end of a measurement: a share of it, and nanoseconds.
_APART_SHARE = 0.01
_APART_NS = 1_000_000


def boot_ns() -> int:
    """Return nanoseconds since the machine booted, sleep included; see `CrossCheckClock`."""
    # CLOCK_MONOTONIC, which Python times with, stands still while a (virtual) machine sleeps
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Overhead:
    """What the measuring itself costs.

    Attributes:
        resolution_ns: the clock's smallest step.
        clock_ns: one reading: what the clock adds to every block.
        loop_ns: what the loop around the calls adds to each of them; part of the fixed cost too.
    """

    resolution_ns: int = 1
    clock_ns: float = 0.0
    loop_ns: float = 0.0


def overhead(clock: Clock) -> Overhead:
    """Measure what measuring with a clock costs.

    Raises:
        NotMeasured: the clock stands still.
    """
    return Overhead(_resolution_ns(clock), _reading_ns(clock), _loop_ns(clock))


def _resolution_ns(clock: Clock) -> int:
    readings = [clock() for _ in range(_READINGS)]
    # a coarse clock takes long to move at all: tens of milliseconds at the most
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
    return max(0.0, min(costs))  # the fastest is what neighbours disturbed least


class CrossCheckClock:
    """A second clock, read when a measurement starts and when it ends."""

    def __init__(self, clock: Clock, other: Clock) -> None:
        self._clock, self._other = clock, other
        self._first, self._first_other = self._read()

    def check(self) -> None:
        """Compare what has passed on both.

        Raises:
            NotMeasured: they disagree by more than 1 % and 1 ms, as after a sleep of the machine.
        """
        now, other = self._read()
        passed, passed_other = now - self._first, other - self._first_other
        if abs(passed - passed_other) > _APART_SHARE * abs(passed_other) + _APART_NS:
            raise NotMeasured(
                f"the clock jumped: {passed / 1e9:.3f} s went by on it, "
                f"{passed_other / 1e9:.3f} s on the machine's other clock"
            )

    def _read(self) -> tuple[int, int]:
        """Read both; of several tries the one in which least time went by between the readings."""
        tries = []
        for _ in range(5):
            before, other, after = self._clock(), self._other(), self._clock()
            tries.append((after - before, before, other))
        _, now, other = min(tries)
        return now, other
