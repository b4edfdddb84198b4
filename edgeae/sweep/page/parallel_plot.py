"""Draw the cells of one dataset as parallel coordinates: a line per cell, through all its values.

On an axis of the grid, the lines at one level are spread over a band in the order of their loss, so
that they can be followed. On a laptop the axes stand side by side; on a phone, one lies below the
other.

Source: A. Inselberg, "The plane with parallel coordinates", The Visual Computer 1 (1985).
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from edgeae.plotting import svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks
from edgeae.sweep import axes as grids
from edgeae.sweep.page.figures import LOSS, Figure, figures, sample
from edgeae.sweep.page.front_plot import Look
from edgeae.sweep.result import SweepCell

#: The most lines off the front, and on it.
MOST_OTHERS, MOST_FRONT = 600, 200
#: Share of a level's space over which its lines are spread.
_BAND = 0.55
#: Pixels: height and margins of a drawing whose axes stand side by side.
_HEIGHT, _TOP, _BOTTOM, _RIGHT = 420, 46, 16, 12
#: Pixels between two axes of which one lies below the other, and beside them.
_PITCH, _SIDE = 74, 16
#: The longest label of a level, in characters; least pixels between two labels of an axis.
_CHARACTERS, _APART = 14, 15
#: Number of lines on the front up to which they are thick.
_THICK = 30
#: Paths of the lines off the front; number of these lines up to which they are this faint.
_LAYERS = 12
_FAINT = ((60, "few"), (200, "some"))


@dataclass(frozen=True)
class Column:
    """An axis of the plot.

    Attributes:
        title: its title.
        places: cell → its place, 0 to 1; a cell without a value is missing.
        ticks: place and label of each tick.
    """

    title: str
    places: dict[str, float]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class ParallelPlot:
    """A plot of parallel coordinates.

    Attributes:
        drawings: name of a width → its drawing, an SVG element.
        left_out, front_left_out: numbers of cells that are not drawn because there are too many,
            off the front and on it.
        short: number of cells whose lines end early, because they lack a figure.
    """

    drawings: dict[str, str]
    left_out: int
    front_left_out: int
    short: int


def parallel_plot(
    cells: Sequence[SweepCell], look: Look, title: str, identity: str
) -> ParallelPlot | None:
    """Return the parallel coordinates of some cells; None if fewer than two have a loss.

    Args:
        cells: the cells of one dataset.
        look: see `Look`; each width below 600 pixels gets the form for phones.
        title: the plot's title.
        identity: the drawing's id, unique on the page.
    """
    held = [cell for cell in cells if LOSS.above_zero(cell)]
    if len(held) < 2:
        return None
    ranked = sorted(held, key=lambda cell: cell.loss or 0)
    columns = [
        *(_levels(axis, ranked) for axis in look.axes if axis.name != "data"),
        *(_scale(figure, held) for figure in figures(held)),
    ]
    best = sample([cell for cell in held if cell.on_front], MOST_FRONT)
    others = sample([cell for cell in held if not cell.on_front], MOST_OTHERS)
    fronts = sum(cell.on_front for cell in held)
    drawings = {
        name: _draw(columns, best, others, look, width, title, f"{identity}-{width}")
        for name, width in look.widths.items()
    }
    return ParallelPlot(
        drawings,
        len(held) - fronts - len(others),
        fronts - len(best),
        sum(any(cell.name not in column.places for column in columns) for cell in held),
    )


def _levels(axis: grids.Axis, ranked: Sequence[SweepCell]) -> Column:
    """Return the column of an axis of the grid.

    Args:
        axis: the axis.
        ranked: the cells, by ascending loss.
    """
    pitch = 1 / len(axis.levels)
    middles = {text: (place + 0.5) * pitch for place, text in enumerate(axis.levels)}
    by_level: dict[str, list[SweepCell]] = {}
    for cell in ranked:
        by_level.setdefault(grids.level(cell, axis.name), []).append(cell)
    places = {}
    for text, held in by_level.items():
        for rank, cell in enumerate(held):
            places[cell.name] = middles[text] + ((rank + 0.5) / len(held) - 0.5) * pitch * _BAND
    ticks = tuple((middles[text], svg.clip(text, _CHARACTERS)) for text in axis.levels)
    return Column(axis.name, places, ticks)


def _scale(figure: Figure, cells: Sequence[SweepCell]) -> Column:
    """Return the column of a figure, on a logarithmic scale."""
    held = {cell.name: value for cell in cells if (value := figure.above_zero(cell)) is not None}
    low, high = min(held.values(), default=1.0), max(held.values(), default=1.0)
    # a figure that all cells share stands in the middle
    scale = Axis(low, high, 0.02, 0.98) if low < high else Axis(low / 2, low * 2, 0, 1)
    ticks = (linear_ticks if scale.high / scale.low < 3 else log_ticks)(scale.low, scale.high)
    return Column(
        figure.name,
        {name: scale(value) for name, value in held.items()},
        tuple((scale(value), figure.tick(value)) for value in ticks),
    )


def _draw(
    columns: Sequence[Column],
    best: Sequence[SweepCell],
    others: Sequence[SweepCell],
    look: Look,
    width: int,
    title: str,
    identity: str,
) -> str:
    phone = width < 600
    height = _PITCH * len(columns) + 6 if phone else _HEIGHT
    drawing = svg.root(
        identity,
        width,
        height,
        title,
        "A line per cell through its value on each axis. "
        + ("Left" if phone else "Down")
        + " is less on the axes of figures, which are logarithmic. Thick lines are on the Pareto "
        "front. The tables below contain the figures.",
    )
    at = _lying(len(columns), width) if phone else _standing(columns, width)
    for number in range(len(columns)):
        (x1, y1), (x2, y2) = at(number, 0), at(number, 1)
        svg.line(drawing, x1, y1, x2, y2, "grid")
    _draw_others(drawing, [_ways(cell, columns, at) for cell in others])
    thin = " thin" if len(best) > _THICK else ""
    for cell in best:
        for run in _ways(cell, columns, at):
            line = svg.child(drawing, "path", d="M" + "L".join(run))
            line.set("class", f"curve{thin} s{look.colours.series(cell)}")
            svg.child(line, "title").text = f"{cell.name}: loss {LOSS.text(cell.loss or 0)}"
    for number, column in enumerate(columns):
        x, y = at(number, 0) if phone else at(number, 1)
        up, anchor = (-8, "start") if phone else (-18, "middle")
        texts = svg.child(drawing, "g")
        texts.set("class", "beside")
        svg.text(texts, x, y + up, column.title, "title", anchor)
        _ticks(texts, column, number, at, phone)
    return svg.text_of(drawing)


def _draw_others(drawing: Element, ways: Sequence[Sequence[Sequence[str]]]) -> None:
    """Draw lines off the front as few paths, so that the page stays small.

    Within a path, lines do not darken each other; between paths they do.
    """
    faint = next((name for most, name in _FAINT if len(ways) <= most), "many")
    for first in range(min(_LAYERS, len(ways))):
        layer = (run for way in ways[first::_LAYERS] for run in way)
        path = "".join("M" + "L".join(run) for run in layer)
        if path:
            svg.child(drawing, "path", d=path).set("class", f"threads {faint}")


#: Number and place of a column → x and y, in pixels.
_At = Callable[[int, float], tuple[float, float]]


def _standing(columns: Sequence[Column], width: int) -> _At:
    """Place axes side by side."""
    longest = max((len(label) for _, label in columns[0].ticks), default=1)
    left = max(longest * svg.CHARACTER + 14, 40)
    right = width - _RIGHT - len(columns[-1].title) * svg.CHARACTER / 2  # its title is centred
    step = (right - left) / max(1, len(columns) - 1)
    foot = _HEIGHT - _BOTTOM
    return lambda number, place: (left + number * step, foot - place * (foot - _TOP))


def _lying(count: int, width: int) -> _At:
    """Place axes below each other."""
    tops = [22 + number * _PITCH for number in range(count)]
    return lambda number, place: (_SIDE + place * (width - 2 * _SIDE), tops[number])


def _ways(cell: SweepCell, columns: Sequence[Column], at: _At) -> list[list[str]]:
    """Return the pieces of a cell's line, each of two points or more; gaps are missing figures."""
    points = [(number, column.places.get(cell.name)) for number, column in enumerate(columns)]
    runs = itertools.groupby(points, key=lambda item: item[1] is not None)
    found = [
        [" ".join(map(svg.px, at(number, place))) for number, place in run if place is not None]
        for held, run in runs
        if held
    ]
    return [run for run in found if len(run) > 1]


def _ticks(parent: Element, column: Column, number: int, at: _At, phone: bool) -> None:
    """Label the ticks of a column, those that have room."""
    free = -1e9  # the first free pixel along the axis
    places = column.ticks if phone else column.ticks[::-1]  # pixels ascend
    for place, label in places:
        x, y = at(number, place)
        if not phone:
            if y < free:
                continue
            free = y + _APART
            svg.text(parent, x - 7, y + 4, label, "tick", "end")
            continue
        half = len(label) * svg.CHARACTER / 2
        middle = min(max(x, half), at(number, 1)[0] + _SIDE - half)
        if middle - half < free:
            continue
        free = middle + half + 6
        svg.text(parent, middle, y + 16, label, "tick", "middle")
