"""Draw the latencies: one line per artifact and runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from edgeae.plotting import svg
from edgeae.plotting.axes import Axis, log_ticks
from edgeae.text.amounts import duration, short_duration


@dataclass(frozen=True)
class Bar:
    """One line of the plot; it is grey if `series` is None. Times are in nanoseconds."""

    label: str
    p50_ns: float
    p99_ns: float
    series: int | None
    title: str


def latencies(bars: Sequence[Bar], width: int, identity: str, title: str) -> str:
    """Return a drawing with p50 as a dot and p99 as the end of a whisker, one line per bar.

    Args:
        bars: at least one, in drawing order.
        width: the drawing's width in pixels; below 600 the labels are above their lines.
        identity: the drawing's id, unique on the page.
        title: the drawing's title.
    """
    stacked = width < 600
    pitch = 36 if stacked else 24
    names = [svg.clip(bar.label, 38 if stacked else 56) for bar in bars]
    labels = 4.0 if stacked else max(map(len, names)) * svg.CHARACTER + 14
    top, height = 8, 8 + pitch * len(bars) + 40
    drawing = svg.root(
        f"{identity}-{width}",
        width,
        height,
        title,
        "A dot is the median duration of one call, the line ends at the 99th percentile; "
        "logarithmic scale. The table below contains the same figures.",
    )
    axis = _duration_axis(bars, labels, width - (12 if stacked else 70))
    _duration_grid(drawing, axis, top, top + pitch * len(bars))
    for place, (name, bar) in enumerate(zip(names, bars, strict=True)):
        y = top + pitch * place + (25 if stacked else pitch / 2)
        if stacked:
            svg.text(drawing, 4, y - 12, name, "label", "start")
            svg.text(drawing, width - 4, y - 12, duration(bar.p50_ns), "value", "end")
        else:
            svg.text(drawing, labels - 12, y + 4, name, "label", "end")
            svg.text(drawing, width - 4, y + 4, duration(bar.p50_ns), "value", "end")
        _bar(drawing, bar, axis, y)
    return svg.text_of(drawing)


def _bar(drawing: Element, bar: Bar, axis: Axis, y: float) -> None:
    colour = "none" if bar.series is None else f"s{bar.series % len(svg.SHAPES)}"
    group = svg.child(drawing, "g")
    svg.child(group, "title").text = bar.title
    start, end = axis(bar.p50_ns), axis(max(bar.p99_ns, bar.p50_ns))
    svg.line(group, axis.start, y, axis.end, y, "track")
    svg.line(group, start, y, end, y, f"whisker {colour}")
    svg.line(group, end, y - 4, end, y + 4, f"whisker {colour}")
    shape = svg.SHAPES[(bar.series or 0) % len(svg.SHAPES)]
    marker = svg.child(group, "path", d=shape, transform=f"translate({svg.px(start)} {svg.px(y)})")
    marker.set("class", f"mark {colour}")


def _duration_axis(bars: Sequence[Bar], start: float, end: float) -> Axis:
    low = min(bar.p50_ns for bar in bars)
    high = max(max(bar.p99_ns, bar.p50_ns) for bar in bars)
    return Axis(low / 1.3, high * 1.3, start, end)


def _duration_grid(drawing: Element, axis: Axis, top: float, bottom: float) -> None:
    end = -1.0
    for value in log_ticks(axis.low, axis.high):
        x, name = axis(value), short_duration(value)
        svg.line(drawing, x, top, x, bottom, "grid")
        half = len(name) * svg.CHARACTER / 2
        if x - half > end and x + half < axis.end + 12:
            svg.text(drawing, x, bottom + 17, name, "tick", "middle")
            end = x + half + 4
    svg.text(drawing, axis.end, bottom + 34, "one call: p50 to p99 (log scale) →", "axis", "end")
