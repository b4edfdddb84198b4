"""Draw a Pareto front: loss against a cost, one marker per export."""

import math
from xml.etree.ElementTree import Element

from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks
from edgeae.plotting.labels import Box, around, nearest, place
from edgeae.report.figures import size
from edgeae.summary.fronts import BYTES, Front, Point
from edgeae.text.amounts import duration, short_duration

#: The longest label, in characters; the least distance of two ticks, in pixels.
_CHARACTERS = 24
_APART_ACROSS, _APART_UP = 50, 18
#: A dominated export has no label if the label's distance would exceed this many pixels.
_FAR = 60
#: Least ratio of the loss axis's ends, so that a tiny difference of losses does not fill the plot.
_LEAST_RANGE = 1.02


def title(front: Front, machines: int = 1) -> str:
    """Return a front's title; it names the machine if the report has several machines."""
    if front.cost == BYTES:
        return f"{front.model}: loss against packed bytes"
    told = f"{front.model}: loss against latency of the {front.part} on {front.runtime}"
    several = machines > 1 and front.machine is not None
    return f"{told}, machine {(front.machine or 0) + 1}" if several else told


def front_plot(front: Front, width: int, number: int, series: int, machines: int = 1) -> str:
    """Return a front's drawing, an SVG element.

    Args:
        front: has at least one point.
        width: the drawing's width in pixels.
        number: the drawing's number on the page.
        series: selects the model's colour and marker.
        machines: number of machines of the report.
    """
    height = 330 + 4 * min(len(front.points), 20)
    drawing = svg.root(
        f"front-{number}-{width}",
        width,
        height,
        title(front, machines),
        f"{_across(front)} to the right; loss divided by the reference’s upwards; both scales are "
        "logarithmic. A line joins the exports that no other dominates, and a ring marks the "
        "knee. The table of loss and size contains the same figures.",
    )
    across = _cost_axis(front, 62, width - 14)
    up = _ratio_axis(front, height - 44, 24)
    _draw_grid(drawing, front, across, up)
    places = {point: (across(point.cost), up(point.ratio)) for point in front.points}
    best = [point for point in front.points if point.best]
    line = " ".join(f"{svg.px(x)},{svg.px(y)}" for x, y in (places[point] for point in best))
    kind = series % len(svg.SHAPES)
    svg.child(drawing, "polyline", points=line).set("class", f"curve s{kind}")
    taken = [around(x, y, 7) for x, y in places.values()]
    frame = (across.start, up.end - 12, across.end, up.start - 2)
    leaders = svg.child(drawing, "g")  # below every label
    for point in sorted(front.points, key=lambda item: (not item.knee, not item.best, item.cost)):
        _label(drawing, leaders, point, places[point], taken, frame)
    for point in sorted(front.points, key=lambda item: item.best):
        _marker(drawing, front, point, places[point], kind)
    return svg.text_of(drawing)


def _across(front: Front) -> str:
    return "packed bytes" if front.cost == BYTES else "p50 of one call"


def _told(front: Front, cost: float) -> str:
    return f"{cost:,.0f} packed bytes" if front.cost == BYTES else duration(cost)


def _cost_axis(front: Front, start: float, end: float) -> Axis:
    held = [point.cost for point in front.points]
    return Axis(min(held) / 1.3, max(held) * 1.3, start, end)


def _ratio_axis(front: Front, start: float, end: float) -> Axis:
    held = [point.ratio for point in front.points]
    low, high = min(held), max(held)
    pad = max(high / low, _LEAST_RANGE) ** 0.12
    # more room below, because the labels of the best exports are there
    return Axis(low / pad**1.6, high * pad, start, end)


def _draw_grid(drawing: Element, front: Front, across: Axis, up: Axis) -> None:
    ratios = (linear_ticks if up.high / up.low < 3 else log_ticks)(up.low, up.high)
    grid.rows(drawing, across, up, ((value, f"{value:g}") for value in ratios), _APART_UP)
    costs = log_ticks(across.low, across.high)
    # a label at the right end would be cut off
    costs = [cost for cost in costs if across(cost) < across.end - 16]
    grid.columns(drawing, across, up, ((cost, _tick(front, cost)) for cost in costs), _APART_ACROSS)
    if up.low < 1 < up.high:
        svg.line(drawing, across.start, up(1), across.end, up(1), "level")
    svg.text(drawing, across.end, up.start + 37, f"{_across(front)} (log) →", "axis", "end")
    svg.text(drawing, 4, 12, "↑ loss ÷ the reference’s (log)", "axis", "start")


def _tick(front: Front, value: float) -> str:
    return size(int(value)) if front.cost == BYTES else short_duration(value)


def _label(
    drawing: Element,
    leaders: Element,
    point: Point,
    at: tuple[float, float],
    taken: list[Box],
    frame: Box,
) -> None:
    """Label a point if there is room; draw a line from the point to a distant label."""
    name = svg.clip(point.recipe, _CHARACTERS) + (" (knee)" if point.knee else "")
    x, y = at
    box = place(x, y, len(name) * svg.CHARACTER, taken, frame)
    if box is None:
        return  # the marker's title and the table contain the name
    near_x, near_y = nearest(x, y, box)
    distance = math.hypot(near_x - x, near_y - y)
    if distance > _FAR and not point.best:
        return
    taken.append(box)
    if distance > 12:
        svg.line(leaders, x, y, near_x, near_y, "leader")
    kind = "label" if point.best else "label beaten"
    svg.text(drawing, box[0] + 2, box[3] - 3, name, kind, "start")


def _marker(
    drawing: Element, front: Front, point: Point, at: tuple[float, float], kind: int
) -> None:
    move = f"translate({svg.px(at[0])} {svg.px(at[1])})"
    if point.knee:
        ring = svg.child(drawing, "circle", r="10", transform=move)
        ring.set("class", f"ring s{kind}")
    marker = svg.child(drawing, "path", d=svg.SHAPES[kind], transform=move)
    marker.set("class", f"mark s{kind}" if point.best else f"mark beaten s{kind}")
    svg.child(marker, "title").text = (
        f"{point.recipe}: {_told(front, point.cost)}, loss × {point.ratio:.4f}"
        f"{', on the front' if point.best else ''}{', its knee' if point.knee else ''}"
    )
