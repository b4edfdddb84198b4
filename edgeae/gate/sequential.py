"""The gate's stopping rule: an exact sequential sign test over processes.

Each process gives one ratio, and processes are independent. If the true median ratio is exactly the
limit, each ratio lies above the limit with probability 1/2, whatever the distribution of the noise.
After every process from the sixth on, the gate looks at the counts. If the number of ratios above
the limit reaches `decisive`, the verdict is `fail`; if the number below reaches it, the verdict is
`pass`. The bounds are the smallest that keep the probability of ever being reached by chance within
the error rate, computed exactly from the binomial walk (a sign test with error spending after Lan
and DeMets, Biometrika 70, 1983). The error rate therefore holds over all looks together.
"""

from collections.abc import Sequence
from functools import cache

#: Probability of a wrong `fail`, and of a wrong `pass`: the two tails of a 95 % interval.
ERROR_RATE = 0.025
#: First look: five processes cannot decide, because 2⁻⁵ is more than the error rate.
FEWEST = 6
#: Last look: the largest number of processes.
MOST = 24


def decisive(n: int, rate: float = ERROR_RATE) -> int:
    """Return how many of `n` processes must lie on one side of the limit for a decision.

    Args:
        n: number of processes, 0 or more; after `MOST` there is no look.
        rate: the error rate of all looks together.

    Returns:
        A count up to `n`; `n + 1` if no decision is possible after `n` processes.
    """
    return _bounds(rate).get(n, n + 1)


@cache
def _bounds(rate: float) -> dict[int, int]:
    """Return number of processes → the count above the limit that decides."""
    walks = {0: 1.0}  # count above the limit → probability of this count without a decision
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
    """Return the error that may be spent up to `n` processes.

    The first look may spend what it needs; the rest is spread evenly over the later looks.
    """
    first = min(rate, 0.5**FEWEST)
    return first + (rate - first) * (n - FEWEST) / (MOST - FEWEST)


def interval(values: Sequence[float], rate: float = ERROR_RATE) -> tuple[float, float] | None:
    """Return the confidence interval of the median; None if there are too few values.

    The interval lies above a limit exactly if `decisive` values do, and likewise below. All looks
    together miss the true median with a probability of at most `2 × rate`.
    """
    enough = decisive(len(values), rate)
    if enough > len(values):
        return None
    ordered = sorted(values)
    return ordered[len(values) - enough], ordered[enough - 1]
