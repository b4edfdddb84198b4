"""The figures of a cell that the page draws and compares, and the colours of its levels."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgeae.plotting import svg
from edgeae.report.figures import size
from edgeae.sweep.axes import Axis, level
from edgeae.sweep.result import SweepCell, has_instructions
from edgeae.text.amounts import plain

#: Axes that colours may tell apart, the first that has few enough levels.
_COLOURED = ("family", "recipe", "activation", "code", "hidden", "seed")


@dataclass(frozen=True)
class Figure:
    """A figure of a cell, of which less is better.

    Attributes:
        name: its name, as in the table of cells.
        of: a cell → the figure; None if the cell did not reach it.
        text: the figure → its text in a table.
        tick: the figure → its text at an axis.
    """

    name: str
    of: Callable[[SweepCell], float | None]
    text: Callable[[float], str]
    tick: Callable[[float], str]

    def above_zero(self, cell: SweepCell) -> float | None:
        """Return a cell's figure for a logarithmic scale; None if there is none, or it is 0."""
        value = self.of(cell)
        return value if value else None


def _short(value: float) -> str:
    """Return a number at an axis: `50 k`, `1 M`."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g}"


LOSS = Figure("loss", lambda cell: cell.loss, lambda value: f"{value:.6f}", plain)
BYTES = Figure(
    "packed bytes",
    lambda cell: cell.packed_bytes,
    lambda value: f"{value:,.0f}",
    lambda value: size(int(value)),
)
INSTRUCTIONS = Figure(
    "instructions", lambda cell: cell.instructions, lambda value: f"{value:,.0f}", _short
)


def figures(cells: Iterable[SweepCell]) -> tuple[Figure, ...]:
    """Return the figures that some cells have; instructions only if a core counted any."""
    return (LOSS, BYTES, INSTRUCTIONS) if has_instructions(cells) else (LOSS, BYTES)


@dataclass(frozen=True)
class Colours:
    """Which series, a colour with a marker, a cell is drawn in.

    Attributes:
        axis: the axis whose levels differ in colour; None if all cells have one colour.
    """

    axis: Axis | None

    def series(self, cell: SweepCell) -> int:
        """Return the number of a cell's series."""
        return 0 if self.axis is None else self.axis.levels.index(level(cell, self.axis.name))


def colours(axes: Sequence[Axis]) -> Colours:
    """Return the colours for a sweep: those of the first axis with few enough levels."""
    by_name = {axis.name: axis for axis in axes if len(axis.levels) <= len(svg.SHAPES)}
    return Colours(next((by_name[name] for name in _COLOURED if name in by_name), None))


def sample(cells: Sequence[SweepCell], most: int) -> list[SweepCell]:
    """Return some cells, at most `most`: a random sample in their order, the same each time.

    Every so many in the order of the grid could be all of one recipe.
    """
    if len(cells) <= most:
        return list(cells)
    places = random.Random(0).sample(range(len(cells)), most)
    return [cells[place] for place in sorted(places)]
