"""Draw the ticks of axes: lines through the plot, with labels that keep a distance."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from edgeae.plotting import svg
from edgeae.plotting.axes import Axis

#: Value and label of each tick. If two labels would be too near, the second is left out.
Ticks = Iterable[tuple[float, str]]


def rows(drawing: Element, across: Axis, up: Axis, ticks: Ticks, apart: float = 0) -> None:
    """Draw a horizontal line for each tick of `up`, with labels at least `apart` pixels apart."""
    labelled: list[float] = []
    for value, label in ticks:
        y = up(value)
        svg.line(drawing, across.start, y, across.end, y, "grid")
        if all(abs(y - other) >= apart for other in labelled):
            svg.text(drawing, across.start - 8, y + 4, label, "tick", "end")
            labelled.append(y)


def columns(drawing: Element, across: Axis, up: Axis, ticks: Ticks, apart: float = 0) -> None:
    """Draw a vertical line for each tick of `across`, with labels at least `apart` pixels apart."""
    labelled: list[float] = []
    for value, label in ticks:
        x = across(value)
        svg.line(drawing, x, up.end, x, up.start, "grid")
        if all(abs(x - other) >= apart for other in labelled):
            svg.text(drawing, x, up.start + 17, label, "tick", "middle")
            labelled.append(x)
