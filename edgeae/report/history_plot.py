"""Draw one small plot of a history: p50 of one call over commits, a line per machine."""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks
from edgeae.summary.history import Failure, Line, Multiple, Point
from edgeae.text.amounts import duration

#: Pixels: a phone shows one plot in a row, a laptop three.
WIDTH = 350
_HEIGHT = 196
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 12, 12, 40
#: The axis spans at least this relative range, so that noise does not look like a change.
_LEAST_SPAN = 0.2
#: The least plotted time: a coarse clock may report 0, which a logarithmic axis cannot show.
_LEAST_NS = 0.01
_TICK_PITCH = 22
#: Pixels between the dots of two machines at one commit.
_STEP = 4


def plot(multiple: Multiple, commits: Sequence[str], identity: str) -> str:
    """Return a multiple's drawing: dots with 95 % intervals; a cross below marks a failed row.

    Args:
        multiple: the plot's data.
        commits: short names, the oldest first; the same for all multiples.
        identity: the drawing's id, unique on the page.
    """
    drawing = svg.root(
        identity,
        WIDTH,
        _HEIGHT,
        f"{multiple.name} on {multiple.how}, over commits",
        "Median duration of one call at each commit, the oldest on the left, with its 95 % "
        "interval; a line per machine. The table below contains the same figures.",
    )
    across = Axis(-0.5, len(commits) - 0.5, _LEFT, WIDTH - _RIGHT, logarithmic=False)
    points = [point for line in multiple.lines for point in line.points]
    foot = _HEIGHT - _BOTTOM
    up = _time_axis(points, foot - (18 if any(line.failures for line in multiple.lines) else 4))
    _commit_names(drawing, commits, across, foot)
    if points:
        ticks = (log_ticks if up.high > 8 * up.low else linear_ticks)(up.low, up.high)
        times = ((value, duration(value)) for value in ticks)
        grid.rows(drawing, across, up, times, _TICK_PITCH)
    else:
        svg.text(drawing, (_LEFT + WIDTH) / 2, foot / 2, "nothing was timed", "axis", "middle")
    svg.line(drawing, _LEFT, foot, WIDTH - _RIGHT, foot, "grid")
    for place, line in enumerate(multiple.lines):
        shift = (place - (len(multiple.lines) - 1) / 2) * _STEP
        _line(drawing, line, commits, across, up, shift, foot)
    return svg.text_of(drawing)


def _time_axis(points: Sequence[Point], start: float) -> Axis:
    """Return a logarithmic axis, on which equal distances are equal ratios."""
    low = max(min((point.low_ns for point in points), default=1.0), _LEAST_NS)
    high = max(max((point.high_ns for point in points), default=1.0), low)
    pad = max((high / low) ** 0.06, math.sqrt((1 + _LEAST_SPAN) * low / high))
    return Axis(low / pad, high * pad, start, _TOP)


def _commit_names(drawing: Element, commits: Sequence[str], across: Axis, foot: float) -> None:
    """Draw a mark for each commit, and the names of the oldest and the newest commit."""
    for place in range(len(commits)):
        x = across(place)
        svg.line(drawing, x, foot, x, foot + 4, "whisker")
    svg.text(drawing, _LEFT, foot + 19, commits[0], "tick", "start")
    if len(commits) > 1:
        svg.text(drawing, WIDTH - _RIGHT, foot + 19, commits[-1], "tick", "end")
    svg.text(
        drawing,
        (_LEFT + WIDTH - _RIGHT) / 2,
        foot + 34,
        "commits, newest right →",
        "axis",
        "middle",
    )


def _line(
    drawing: Element,
    line: Line,
    commits: Sequence[str],
    across: Axis,
    up: Axis,
    shift: float,
    foot: float,
) -> None:
    series = f"s{line.machine % len(svg.SHAPES)}"
    for stretch in line.stretches:
        way = " ".join(
            f"{svg.px(across(point.commit) + shift)},{svg.px(_height(up, point.p50_ns))}"
            for point in stretch
        )
        if len(stretch) > 1:
            svg.child(drawing, "polyline", points=way).set("class", f"way {series}")
    for point in line.points:
        _point(drawing, point, line.machine, commits, across(point.commit) + shift, up)
    for failure in line.failures:
        _failure(drawing, failure, line.machine, commits, across(failure.commit) + shift, foot - 9)


def _point(
    drawing: Element, point: Point, machine: int, commits: Sequence[str], x: float, up: Axis
) -> None:
    group = svg.child(drawing, "g")
    rows = f", {point.rows} rows" if point.rows > 1 else ""
    svg.child(group, "title").text = (
        f"{commits[point.commit]}, machine {machine + 1}: p50 {duration(point.p50_ns)} "
        f"({duration(point.low_ns)} to {duration(point.high_ns)}{rows}), runtime "
        f"{point.runtime_version or 'of an unknown version'}, sha256 {point.artifact_sha256[:12]}"
        + "".join(f"; unstable: {reason}" for reason in point.unstable)
    )
    series = f"s{machine % len(svg.SHAPES)}"
    svg.line(
        group, x, _height(up, point.low_ns), x, _height(up, point.high_ns), f"whisker {series}"
    )
    shape = svg.SHAPES[machine % len(svg.SHAPES)]
    place = f"translate({svg.px(x)} {svg.px(_height(up, point.p50_ns))}) scale(0.7)"
    svg.child(group, "path", d=shape, transform=place).set(
        "class", f"mark {series}{' unstable' if point.unstable else ''}"
    )


def _height(up: Axis, nanoseconds: float) -> float:
    return up(max(nanoseconds, _LEAST_NS))


def _failure(
    drawing: Element, failure: Failure, machine: int, commits: Sequence[str], x: float, y: float
) -> None:
    group = svg.child(drawing, "g")
    group.set("class", f"failure s{machine % len(svg.SHAPES)}")
    title = f"{commits[failure.commit]}, machine {machine + 1}: {failure.error}"
    svg.child(group, "title").text = title
    svg.child(group, "path", d=f"M{svg.px(x - 4)} {svg.px(y - 4)}l8 8m0-8l-8 8")
