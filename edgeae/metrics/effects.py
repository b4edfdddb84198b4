"""Main effects: how much of a figure's spread over a grid each factor of the grid explains.

Of n values y with mean ȳ, of which n_g with mean ȳ_g have the level g of a factor, the factor's
share is the correlation ratio

    η² = Σ_g n_g (ȳ_g − ȳ)² ÷ Σ_i (y_i − ȳ)²,

the sum of squares between the levels over the whole sum of squares. 0 means that all levels have
the same mean, 1 that the level alone determines the value.

Sources: R. A. Fisher, "Statistical Methods for Research Workers", Oliver and Boyd, 1925, chapter
VII (the sums of squares); J. Cohen, "Eta-squared and partial eta-squared in fixed factor ANOVA
designs", Educational and Psychological Measurement 33 (1973) (the share). That the shares of
several factors add up to at most 1 takes proportional frequencies, see `unbalanced`: R. L.
Plackett, "Some Generalizations in the Multifactorial Design", Biometrika 33 (1946).
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """The values at one level of a factor.

    Attributes:
        n: number of values, at least 1.
        mean: their mean.
    """

    n: int
    mean: float


@dataclass(frozen=True)
class Effect:
    """What a factor explains.

    Attributes:
        share: η², 0 to 1; None if all values are equal, so that there is nothing to explain.
        levels: level → its values, in the order in which the levels first occur.
    """

    share: float | None
    levels: dict[str, Level]


def main_effect(values: Sequence[float], levels: Sequence[str]) -> Effect:
    """Return what a factor explains of some values; see the module's docstring.

    Args:
        values: finite values, at least one.
        levels: the factor's level at each value.
    """
    held: dict[str, list[float]] = {}
    for value, level in zip(values, levels, strict=True):
        held.setdefault(level, []).append(value)
    found = {
        level: Level(len(items), math.fsum(items) / len(items)) for level, items in held.items()
    }
    if min(values) == max(values):
        return Effect(None, found)
    mean = math.fsum(values) / len(values)
    between = math.fsum(level.n * (level.mean - mean) ** 2 for level in found.values())
    whole = math.fsum((value - mean) ** 2 for value in values)
    # rounding may exceed 1 where the level alone determines the value
    return Effect(min(1.0, between / whole), found)


def unbalanced(factors: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return the pairs of factors whose levels do not occur in proportional frequencies.

    Levels a and b of two factors are in proportion if n_ab · n = n_a · n_b, as in a whole grid.
    If all are, a factor's share is not affected by any other factor, and the shares add up to at
    most 1; what is missing is due to interactions. Otherwise the shares of the pair overlap.

    Args:
        factors: factor → its level at each value, all of the same length.
    """
    pairs = itertools.combinations(factors, 2)
    return [(one, other) for one, other in pairs if _apart(factors[one], factors[other])]


def _apart(one: Sequence[str], other: Sequence[str]) -> bool:
    return any(_differences(Counter(one), Counter(other), Counter(zip(one, other, strict=True))))


def _differences(
    one: Counter[str], other: Counter[str], both: Counter[tuple[str, str]]
) -> Iterator[int]:
    n = both.total()
    for (a, n_a), (b, n_b) in itertools.product(one.items(), other.items()):
        yield both[a, b] * n - n_a * n_b
