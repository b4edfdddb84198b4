"""Draw the cells of one dataset: loss against a cost, with the front of the two."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from edgeae.metrics.pareto import front
from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks, oddness
from edgeae.plotting.labels import Box, around, nearest, place
from edgeae.sweep import axes as grids
from edgeae.sweep.page.figures import LOSS, Colours, Figure, sample
from edgeae.sweep.result import SweepCell

_HEIGHT = 400
#: The longest label, in characters; the least distance of two ticks, in pixels.
_CHARACTERS = 30
_APART_ACROSS, _APART_UP = 54, 18
#: The most labels of a drawing, by its width in pixels; their most distance from their points.
_PIXELS_A_LABEL, _FAR = 40, 70
#: The most cells off the front with a marker and a tooltip each; of more, each is a dot.
_MOST_MARKERS = 150
#: The most dots.
MOST_DOTS = 5000
#: Least ratio of the loss axis's ends, so that a tiny difference does not fill the plot.
_LEAST_RANGE = 1.02


@dataclass(frozen=True)
class FrontPlot:
    """A plot of loss against a cost.

    Attributes:
        title: its title.
        drawings: name of a width → its drawing, an SVG element.
        left_out: number of cells that are not drawn, because there are too many.
        lacking: number of cells that have a loss, and not this cost.
    """

    title: str
    drawings: dict[str, str]
    left_out: int
    lacking: int


@dataclass(frozen=True)
class Look:
    """What all plots of a sweep share.

    Attributes:
        axes: the axes that the sweep varies, for names.
        colours: see `Colours`.
        widths: name → pixels.
    """

    axes: Sequence[grids.Axis]
    colours: Colours
    widths: dict[str, int]


def front_plot(
    cells: Sequence[SweepCell], cost: Figure, look: Look, title: str, identity: str
) -> FrontPlot | None:
    """Return the plot of loss against a cost; None if no cell has both.

    Args:
        cells: the cells of one dataset.
        cost: what is to the right.
        look: see `Look`.
        title: the plot's title.
        identity: the drawing's id, unique on the page.
    """
    held = [cell for cell in cells if LOSS.above_zero(cell) and cost.above_zero(cell)]
    if not held:
        return None
    line = [held[index] for index in front([_point(cell, cost) for cell in held])]
    marked = {cell.name for cell in line} | {cell.name for cell in held if cell.on_front}
    others = [cell for cell in held if cell.name not in marked]
    shown = sample(others, MOST_DOTS)
    drawings = {
        name: _Drawing(held, cost, look, width, title, f"{identity}-{width}").text(
            line, [cell for cell in held if cell.name in marked], shown
        )
        for name, width in look.widths.items()
    }
    lacking = sum(LOSS.above_zero(cell) is not None for cell in cells) - len(held)
    return FrontPlot(title, drawings, len(others) - len(shown), lacking)


def _point(cell: SweepCell, cost: Figure) -> tuple[float, float]:
    x, y = cost.of(cell), LOSS.of(cell)
    assert x is not None and y is not None
    return x, y


class _Drawing:
    """One drawing of a plot."""

    def __init__(
        self,
        cells: Sequence[SweepCell],
        cost: Figure,
        look: Look,
        width: int,
        title: str,
        identity: str,
    ) -> None:
        self._cost, self._look, self._width = cost, look, width
        self._svg = svg.root(
            identity,
            width,
            _HEIGHT,
            title,
            f"{cost.name.capitalize()} to the right, loss upwards; both scales are logarithmic. A "
            "line joins the cells that no other cell beats in these two figures. Filled markers "
            "are on the Pareto front of all costs. The tables below contain the figures.",
        )
        costs, losses = zip(*(_point(cell, cost) for cell in cells), strict=True)
        self._across = Axis(min(costs) / 1.15, max(costs) * 1.15, 62, width - 14)
        pad = max(max(losses) / min(losses), _LEAST_RANGE) ** 0.12
        # more room below, because the labels of the best cells are there
        self._up = Axis(min(losses) / pad**1.4, max(losses) * pad, _HEIGHT - 44, 24)

    def text(
        self,
        line: Sequence[SweepCell],
        marked: Sequence[SweepCell],
        others: Sequence[SweepCell],
    ) -> str:
        """Draw the grid, the other cells, the front's line, the labels and the markers."""
        self._draw_grid()
        many = len(others) > _MOST_MARKERS
        if many:
            self._dots(others)
        points = " ".join(",".join(map(svg.px, self._at(cell))) for cell in line)
        svg.child(self._svg, "polyline", points=points).set("class", "front")
        self._labels(line, marked if many else [*marked, *others])
        if not many:
            for cell in others:
                self._marker(cell, ())
        names = {cell.name for cell in line}
        for cell in marked:
            self._marker(cell, names)
        return svg.text_of(self._svg)

    def _at(self, cell: SweepCell) -> tuple[float, float]:
        x, y = _point(cell, self._cost)
        return self._across(x), self._up(y)

    def _draw_grid(self) -> None:
        across, up = self._across, self._up
        losses = (linear_ticks if up.high / up.low < 3 else log_ticks)(up.low, up.high)
        losses.sort(key=oddness)
        grid.rows(self._svg, across, up, ((value, LOSS.tick(value)) for value in losses), _APART_UP)
        narrow = across.high / across.low < 3
        costs = (linear_ticks if narrow else log_ticks)(across.low, across.high)
        # a label at the right end would be cut off
        costs = [value for value in costs if across(value) < across.end - 18]
        ticks = ((value, self._cost.tick(value)) for value in costs)
        grid.columns(self._svg, across, up, ticks, _APART_ACROSS)
        label = f"{self._cost.name} (log) →"
        svg.text(self._svg, across.end, up.start + 37, label, "axis", "end")
        svg.text(self._svg, 4, 12, "↑ loss: MSE on the test rows (log)", "axis", "start")

    def _dots(self, others: Sequence[SweepCell]) -> None:
        """Draw many cells, those of one colour as one path, so that the page stays small."""
        by_series: dict[int, list[str]] = {}
        for cell in others:
            x, y = map(svg.px, self._at(cell))
            by_series.setdefault(self._look.colours.series(cell), []).append(f"M{x} {y}h0")
        for series, way in by_series.items():
            svg.child(self._svg, "path", d="".join(way)).set("class", f"dots s{series}")

    def _labels(self, line: Sequence[SweepCell], drawn: Sequence[SweepCell]) -> None:
        """Label some cells of the line, evenly along it, where there is room."""
        frame = (self._across.start, self._up.end - 12, self._across.end, self._up.start - 2)
        taken = [around(*self._at(cell), 7) for cell in drawn]
        leaders = svg.child(self._svg, "g")  # below every label
        step = -(-len(line) // (self._width // _PIXELS_A_LABEL))
        for cell in [line[-1], *line[:-1:step]]:
            self._label(cell, leaders, taken, frame)

    def _label(self, cell: SweepCell, leaders: Element, taken: list[Box], frame: Box) -> None:
        name = svg.clip(grids.short_name(cell, self._look.axes), _CHARACTERS)
        x, y = self._at(cell)
        box = place(x, y, len(name) * svg.CHARACTER, taken, frame)
        if box is None:
            return  # the marker's title and the table contain the name
        near_x, near_y = nearest(x, y, box)
        distance = math.hypot(near_x - x, near_y - y)
        if distance > _FAR:
            return
        taken.append(box)
        if distance > 12:
            svg.line(leaders, x, y, near_x, near_y, "leader")
        svg.text(self._svg, box[0] + 2, box[3] - 3, name, "label", "start")

    def _marker(self, cell: SweepCell, line: Collection[str]) -> None:
        x, y = map(svg.px, self._at(cell))
        series = self._look.colours.series(cell)
        marker = svg.child(self._svg, "path", d=svg.SHAPES[series], transform=f"translate({x} {y})")
        beaten = "" if cell.on_front else " beaten"
        marker.set("class", f"mark{beaten} s{series}")
        cost, loss = _point(cell, self._cost)
        told = f"{cell.name}: {self._cost.text(cost)} {self._cost.name}, loss {LOSS.text(loss)}"
        where = [
            *(["on the line"] if cell.name in line else []),
            *(["on the front"] if cell.on_front else []),
        ]
        svg.child(marker, "title").text = ", ".join([told, *where])
