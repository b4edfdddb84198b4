"""The plot of size and loss: one labelled marker per export."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from edgeae.report import svg
from edgeae.report.axes import Axis, linear_ticks, log_ticks
from edgeae.report.figures import size
from edgeae.report.labels import Box, around, is_free, nearest, place

__all__ = ["Level", "Point", "tradeoff"]


@dataclass(frozen=True)
class Point:
    """An export in the plot of size and loss; `series` numbers its model."""

    label: str
    bytes: float
    loss: float
    series: int
    title: str


@dataclass(frozen=True)
class Level:
    """A line at the loss of a model's original."""

    label: str
    loss: float
    series: int


def tradeoff(points: Sequence[Point], levels: Sequence[Level], width: int) -> str:
    """Draw test MSE over bytes, one labelled marker per export.

    Args:
        points: at least one.
        levels: the originals' losses.
        width: of the drawing, pixels.
    """
    height = min(640, 320 + 14 * len(points)) if width < 600 else min(600, 320 + 12 * len(points))
    name = f"tradeoff-{width}"
    drawing = svg.root(
        name,
        width,
        height,
        "Size and loss of every export",
        "Bytes of autoencoder.tflite to the right, on a logarithmic scale; MSE on the test "
        "images upwards. The table above holds the same figures.",
    )
    across = _bytes_axis(points, 58, width - 14)
    up = _loss_axis(points, levels, height - 44, 22)
    _grid(drawing, across, up, width)
    taken = [around(across(point.bytes), up(point.loss), 7) for point in points]
    frame = (across.start, up.end - 14, across.end, up.start - 2)
    for level in sorted(levels, key=lambda item: item.loss):
        _level(drawing, level, across, up(level.loss), taken)
    leaders = svg.child(drawing, "g")  # below every label
    for point in sorted(points, key=lambda item: (-item.loss, item.bytes)):
        _label(drawing, leaders, point, across(point.bytes), up(point.loss), taken, frame)
    for point in points:
        _marker(drawing, point, across(point.bytes), up(point.loss))
    return svg.text_of(drawing)


def _bytes_axis(points: Sequence[Point], start: float, end: float) -> Axis:
    held = [point.bytes for point in points]
    return Axis(min(held) / 1.6, max(held) * 1.35, start, end)


def _loss_axis(points: Sequence[Point], levels: Sequence[Level], start: float, end: float) -> Axis:
    held = [*(point.loss for point in points), *(level.loss for level in levels)]
    pad = (max(held) - min(held)) * 0.1 or max(held) * 0.1 or 1.0
    # more room below, where the labels of the best exports crowd
    return Axis(max(0.0, min(held) - 1.6 * pad), max(held) + pad, start, end, logarithmic=False)


def _grid(drawing: Element, across: Axis, up: Axis, width: int) -> None:
    for value in linear_ticks(up.low, up.high):
        y = up(value)
        svg.line(drawing, across.start, y, across.end, y, "grid")
        svg.text(drawing, across.start - 8, y + 4, f"{value:g}", "tick", "end")
    last = -math.inf
    for value in log_ticks(across.low, across.high):
        x = across(value)
        svg.line(drawing, x, up.end, x, up.start, "grid")
        if x - last > 46 and x < width - 20:
            svg.text(drawing, x, up.start + 18, size(int(value)), "tick", "middle")
            last = x
    what = "autoencoder.tflite, bytes (log scale) →"
    svg.text(drawing, across.end, up.start + 37, what, "axis", "end")
    svg.text(drawing, 4, 12, "↑ MSE on the test images", "axis", "start")


def _level(drawing: Element, level: Level, across: Axis, y: float, taken: list[Box]) -> None:
    """Draw a model's line, and its name where that covers no point."""
    colour = level.series % len(svg.SHAPES)
    svg.line(drawing, across.start, y, across.end, y, f"level s{colour}")
    name = svg.clip(level.label, 26)
    length = len(name) * svg.CHARACTER
    room = across.end - across.start - length - 8
    boxes = [
        (left, middle - 7, left + length, middle + 7)
        for distance in (10, 24, 38)
        for middle in (y - distance, y + distance)
        for left in (across.start + 4 + room * step / 16 for step in range(16, -1, -1))
    ]
    box = next((box for box in boxes if is_free(box, taken)), boxes[0])
    taken.append(box)
    svg.text(drawing, box[0], box[3] - 3, name, f"label t{colour}", "start")


def _label(
    drawing: Element,
    leaders: Element,
    point: Point,
    x: float,
    y: float,
    taken: list[Box],
    frame: Box,
) -> None:
    """Name a point where there is room; a line leads to a distant name."""
    name = svg.clip(point.label, 26)
    box = place(x, y, len(name) * svg.CHARACTER, taken, frame)
    if box is None:
        return  # the marker's own title, and the table, have it
    taken.append(box)
    near_x, near_y = nearest(x, y, box)
    if math.hypot(near_x - x, near_y - y) > 12:
        svg.line(leaders, x, y, near_x, near_y, "leader")
    svg.text(drawing, box[0] + 2, box[3] - 3, name, "label", "start")


def _marker(drawing: Element, point: Point, x: float, y: float) -> None:
    at = f"translate({svg.px(x)} {svg.px(y)})"
    kind = point.series % len(svg.SHAPES)
    marker = svg.child(drawing, "path", d=svg.SHAPES[kind], transform=at)
    marker.set("class", f"mark s{kind}")
    svg.child(marker, "title").text = point.title
