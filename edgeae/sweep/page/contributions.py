"""What each axis of a grid contributes to the figures of its cells, as shares and means.

The figures are compared by their logarithms, so that the same factor is the same difference
everywhere; the mean at a level is therefore a geometric mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.metrics.effects import Effect, main_effect, unbalanced
from edgeae.sweep.axes import Axis, level
from edgeae.sweep.page.figures import Figure, figures
from edgeae.sweep.result import SweepCell


@dataclass(frozen=True)
class Mean:
    """The geometric mean of a figure over the cells at one level.

    Attributes:
        text: the mean; empty if no cell there has the figure.
        n: number of cells there that have it.
    """

    text: str
    n: int


@dataclass(frozen=True)
class Contribution:
    """What an axis contributes.

    Attributes:
        axis: its name.
        shares: figure → η² of its logarithm; None if it cannot be told.
        means: level → the means of the figures.
    """

    axis: str
    shares: tuple[float | None, ...]
    means: dict[str, tuple[Mean, ...]]


@dataclass(frozen=True)
class Contributions:
    """What the axes of some cells contribute.

    Attributes:
        title: which cells.
        figures: names of the figures.
        rows: the axes, in the order of `AXES`.
        sums: figure → sum of its shares, if the shares of the axes do not overlap; else None.
        notes: sentences on the balance of the grid, and on cells without a figure.
        balanced: whether the shares do not overlap, for every figure.
    """

    title: str
    figures: tuple[str, ...]
    rows: tuple[Contribution, ...]
    sums: tuple[float | None, ...]
    notes: tuple[str, ...]
    balanced: bool

    @property
    def levels(self) -> int:
        """The number of levels of all axes."""
        return sum(len(row.means) for row in self.rows)


def contributions(
    cells: Sequence[SweepCell], axes: Sequence[Axis], title: str
) -> Contributions | None:
    """Return what each axis contributes; None if there is no axis, or no two cells to compare.

    Args:
        cells: the cells to compare.
        axes: the axes that the grid varies; those with one level among these cells are left out.
        title: which cells these are.
    """
    shown = figures(cells)
    held = {item.name: [cell for cell in cells if item.above_zero(cell)] for item in shown}
    several = [axis for axis in axes if _levels(held["loss"], axis) > 1]
    if not several:
        return None
    effects = {item.name: _effects(item, held[item.name], several) for item in shown}
    pairs = {name: unbalanced(_factors(found, several)) for name, found in held.items()}
    rows = tuple(_row(axis, shown, effects) for axis in several)
    return Contributions(
        title,
        tuple(item.name for item in shown),
        rows,
        tuple(_sum(effects[item.name], pairs[item.name]) for item in shown),
        tuple(_notes(cells, held, pairs, len(several))),
        not any(pairs.values()),
    )


def _levels(cells: Sequence[SweepCell], axis: Axis) -> int:
    return len({level(cell, axis.name) for cell in cells})


def _factors(cells: Sequence[SweepCell], axes: Sequence[Axis]) -> dict[str, list[str]]:
    return {axis.name: [level(cell, axis.name) for cell in cells] for axis in axes}


def _effects(figure: Figure, cells: Sequence[SweepCell], axes: Sequence[Axis]) -> dict[str, Effect]:
    values = [math.log(value) for cell in cells if (value := figure.above_zero(cell)) is not None]
    if not values:
        return {}
    factors = _factors(cells, axes)
    return {name: main_effect(values, levels) for name, levels in factors.items()}


def _row(
    axis: Axis, shown: Sequence[Figure], effects: dict[str, dict[str, Effect]]
) -> Contribution:
    found = [(figure, effects[figure.name].get(axis.name)) for figure in shown]
    shares = tuple(
        None if effect is None or len(effect.levels) < 2 else effect.share for _, effect in found
    )
    means = {
        text: tuple(_mean(figure, effect, text) for figure, effect in found)
        for text in axis.levels
        if any(effect is not None and text in effect.levels for _, effect in found)
    }
    return Contribution(axis.name, shares, means)


def _mean(figure: Figure, effect: Effect | None, text: str) -> Mean:
    if effect is None or text not in effect.levels:
        return Mean("", 0)
    found = effect.levels[text]
    return Mean(figure.text(math.exp(found.mean)), found.n)


def _sum(effects: dict[str, Effect], pairs: list[tuple[str, str]]) -> float | None:
    shares = [effect.share for effect in effects.values()]
    if pairs or not shares or None in shares:
        return None
    return min(1.0, sum(share for share in shares if share is not None))


def _notes(
    cells: Sequence[SweepCell],
    held: dict[str, list[SweepCell]],
    pairs: dict[str, list[tuple[str, str]]],
    axes: int,
) -> list[str]:
    """Return sentences on what the figures lack, and on the balance of the grid."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for name, found in held.items():
        lacking.setdefault(tuple(cell.name for cell in found), []).append(name)
    notes = [
        f"{len(cells) - len(found):,} of {len(cells):,} cells have no {' and no '.join(names)}, "
        f"and are left out of {'that column' if len(names) == 1 else 'these columns'}."
        for found, names in lacking.items()
        if len(found) < len(cells)
    ]
    by_pairs: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, these in pairs.items():
        by_pairs.setdefault(tuple(these), []).append(name)
    for apart, names in by_pairs.items():
        of = "" if len(by_pairs) == 1 else f" of the cells with {' and '.join(names)}"
        if apart:
            every = len(apart) == axes * (axes - 1) // 2
            told = "; ".join(" and ".join(pair) for pair in apart)
            which = "any two axes" if every and axes > 2 else f"these axes ({told})"
            notes.append(
                f"The grid{of} is not balanced: the levels of {which} do not occur together in "
                "proportional frequencies. Their shares overlap, and shares do not add up."
            )
        else:
            notes.append(
                f"The grid{of} is balanced: the shares of a column add up to at most 100 %, and "
                "what is missing is due to interactions of axes."
            )
    return notes
