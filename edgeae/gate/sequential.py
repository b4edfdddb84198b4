"""When a gate may stop: an exact sequential sign test over processes.

A process gives one ratio, and processes are independent. If the true median ratio were at its
limit, each would lie above it with probability 1/2, whatever the distribution of the noise. After
every process from the sixth on, the gate looks: the number above the limit decides `fail` when it
reaches `decisive`, and by symmetry the number below decides `pass`. The bounds are the smallest
whose probability of ever being reached by chance stays within the error rate, computed exactly from
the binomial walk (a sign test with error spending after Lan and DeMets, Biometrika 70, 1983):
looking often costs nothing of the promised rate.
"""

from collections.abc import Sequence
from functools import cache

#: Of a wrong `fail`, and of a wrong `pass`, each: the two tails of a 95 % interval.
ERROR_RATE = 0.025
#: Fewer processes cannot decide: 2⁻⁵ is more than the error rate.
FEWEST = 6
#: The last look.
MOST = 24


def decisive(n: int, rate: float = ERROR_RATE) -> int:
    """Return how many of `n` processes on one side of the limit decide; `n + 1`: none could.

    Args:
        n: processes, 0 or more; beyond `MOST` there is no look.
        rate: the error rate of all looks together.
    """
    return _bounds(rate).get(n, n + 1)


@cache
def _bounds(rate: float) -> dict[int, int]:
    """Return, for each number of processes, how many above the limit decide."""
    walks = {0: 1.0}  # number above the limit → probability of being there undecided
    bounds: dict[int, int] = {}
    spent = 0.0
    for n in range(1, MOST + 1):
        stepped: dict[int, float] = {}
        for above, chance in walks.items():
            for step in (0, 1):
                stepped[above + step] = stepped.get(above + step, 0.0) + chance / 2
        bound = n + 1
        while n >= FEWEST and spent + _reached(stepped, bound - 1) <= _allowance(n, rate):
            bound -= 1
        spent += _reached(stepped, bound)
        bounds[n] = bound
        walks = {above: chance for above, chance in stepped.items() if above < bound}
    return bounds


def _reached(walks: dict[int, float], bound: int) -> float:
    return sum(chance for above, chance in walks.items() if above >= bound)


def _allowance(n: int, rate: float) -> float:
    """Error that may be spent up to `n` processes: what the first look takes, then evenly."""
    first = min(rate, 0.5**FEWEST)
    return first + (rate - first) * (n - FEWEST) / (MOST - FEWEST)


def interval(values: Sequence[float], rate: float = ERROR_RATE) -> tuple[float, float] | None:
    """Return the interval of the median that goes with the looks; None where there are too few.

    It lies above a limit exactly when enough processes do, and likewise below: all looks together
    miss the true median with a probability of `2 × rate` at most.
    """
    enough = decisive(len(values), rate)
    if enough > len(values):
        return None
    ordered = sorted(values)
    return ordered[len(values) - enough], ordered[enough - 1]
