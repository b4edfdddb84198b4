"""Draw lines on a logarithmic scale: learning curves, and the loss against the code's size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks, oddness
from edgeae.text.amounts import plain

#: Pixels between two rows of text, and length of a line's sample in the legend.
_ROW = 18
_SAMPLE = 22
#: Least pixels between two ticks of the horizontal axis.
_APART = 34


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        label: the line's name.
        points: (x, y) by ascending x; points with y of 0 or less are not drawn.
        kind: selects colour, dashes and marker.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    kind: int


@dataclass(frozen=True)
class Plot:
    """The properties of a plot besides its lines.

    Attributes:
        name: the drawing's id, unique on the page.
        title, description: the accessible title and description.
        across, up: labels of the horizontal and of the vertical axis.
        ticks: ticks of the horizontal axis, which is then logarithmic; None for round values on a
            linear axis.
        markers: whether each point has a marker.
        best: a point to mark: x, y, kind and title; or None.
    """

    name: str
    title: str
    description: str
    across: str
    up: str
    ticks: tuple[float, ...] | None = None
    markers: bool = False
    best: tuple[float, float, int, str] | None = None


def lines(series: Sequence[Series], plot: Plot, width: int, height: int) -> str:
    """Return a drawing of lines; an empty string if no point is above zero.

    Args:
        series: the lines, in the order of the legend.
        plot: the plot's other properties.
        width, height: the drawing's size in pixels.
    """
    shown = [line for line in map(_above_zero, series) if line.points]
    if not shown:
        return ""
    drawing = svg.root(plot.name, width, height, plot.title, plot.description)
    top = 30 + legend(drawing, shown, width)
    across = _across(shown, plot, 54, width - 12)
    up = _up(shown, height - 40, top)
    _draw_grid(drawing, across, up, plot)
    for line in shown:
        _draw(drawing, line, across, up, plot.markers)
    if plot.best is not None and plot.best[1] > 0:
        x, y, kind, tooltip = plot.best
        _marker(drawing, across(x), up(y), kind, tooltip)
    return svg.text_of(drawing)


def _above_zero(line: Series) -> Series:
    return replace(line, points=tuple((x, y) for x, y in line.points if y > 0))


def _across(shown: Sequence[Series], plot: Plot, start: float, end: float) -> Axis:
    held = [x for line in shown for x, _ in line.points]
    if plot.ticks is not None:
        return Axis(min(held) / 1.15, max(held) * 1.15, start, end)
    pad = 0 if max(held) > min(held) else 0.5
    return Axis(min(held) - pad, max(held) + pad, start, end, logarithmic=False)


def _up(shown: Sequence[Series], start: float, end: float) -> Axis:
    held = [y for line in shown for _, y in line.points]
    return Axis(min(held) / 1.15, max(held) * 1.15, start, end)


def legend(drawing: Element, shown: Sequence[Series], width: int) -> float:
    """Draw the legend of some lines above a plot; return its height in pixels."""
    x, y = 4.0, 32.0
    for line in shown:
        length = _SAMPLE + 6 + len(line.label) * svg.CHARACTER
        if x > 4 and x + length > width:
            x, y = 4.0, y + _ROW
        svg.line(drawing, x, y - 4, x + _SAMPLE, y - 4, _kind(line))
        svg.text(drawing, x + _SAMPLE + 6, y, line.label, "label", "start")
        x += length + 14
    return y - 14


def _draw_grid(drawing: Element, across: Axis, up: Axis, plot: Plot) -> None:
    losses = log_ticks(up.low, up.high)
    losses = sorted(losses if len(losses) > 1 else linear_ticks(up.low, up.high), key=oddness)
    grid.rows(drawing, across, up, ((value, plain(value)) for value in losses), _ROW)
    ticks = plot.ticks or _whole(linear_ticks(across.low, across.high))
    grid.columns(drawing, across, up, ((value, f"{value:g}") for value in ticks), _APART)
    svg.text(drawing, across.end, up.start + 34, f"{plot.across} →", "axis", "end")
    svg.text(drawing, 4, 12, f"↑ {plot.up}", "axis", "start")


def _whole(values: Sequence[float]) -> list[float]:
    return [value for value in values if value == int(value)]


def _draw(drawing: Element, line: Series, across: Axis, up: Axis, markers: bool) -> None:
    places = [(across(x), up(y)) for x, y in line.points]
    if len(places) > 1:
        points = " ".join(f"{svg.px(x)},{svg.px(y)}" for x, y in places)
        svg.child(drawing, "polyline", points=points).set("class", _kind(line))
    if not markers and len(places) > 1:
        return
    for (x, y), (value, loss) in zip(places, line.points, strict=True):
        _marker(drawing, x, y, line.kind, f"{line.label}, {value:g}: {loss:.6f}")


def _marker(drawing: Element, x: float, y: float, kind: int, tooltip: str) -> None:
    at = f"translate({svg.px(x)} {svg.px(y)})"
    marker = svg.child(drawing, "path", d=svg.SHAPES[kind], transform=at)
    marker.set("class", f"mark s{kind}")
    svg.child(marker, "title").text = tooltip


def _kind(line: Series) -> str:
    """Return the style classes of a line: colour and dashes."""
    return f"curve s{line.kind} d{line.kind}"
