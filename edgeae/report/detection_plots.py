"""Draw a detector: the distribution of its scores with the threshold, and its ROC curve."""

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from edgeae.detect.result import Detection, Histogram, Side
from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, linear_ticks, log_ticks
from edgeae.plotting.lines import Series, legend
from edgeae.text.amounts import plain

#: Draws a detection in a width in pixels; the last argument is the drawing's number on the page.
Draw = Callable[[Detection, int, int], str]

_HEIGHT = 330
#: Pixels left of the plot, right of it and below it.
_LEFT, _RIGHT, _BELOW = 54, 14, 44
#: Least distance of two ticks, in pixels.
_ACROSS, _UP = 52, 18
_NORMAL, _ANOMALOUS = "normal rows", "anomalous rows"


def plots_of(found: Detection) -> list[tuple[str, Draw]]:
    """Return title and drawing function of each plot that a detection has."""
    shown = _shown(found)
    plots: list[tuple[str, Draw]] = []
    if shown is not None and shown.histogram is not None:
        plots.append((f"Scores of {_name(found, shown)}", scores_plot))
    if any(side.roc for side in _curves(found)):
        plots.append(("ROC curve", roc_plot))
    return plots


def _shown(found: Detection) -> Side | None:
    """Return the side whose scores are drawn: the export in its first runtime."""
    sides = (*found.sides, found.original)
    return next((side for side in sides if side.verdict == "measured"), None)


def _curves(found: Detection) -> list[Side]:
    """Return the original, if it was measured, and the export in its first runtime."""
    shown = _shown(found)
    original = found.original if found.original.verdict == "measured" else None
    sides = [original, None if shown is original else shown]
    return [side for side in sides if side is not None]


def _name(found: Detection, side: Side) -> str:
    if side is found.original:
        return "the original"
    return f"{found.recipe} on {side.runtime}"


def scores_plot(found: Detection, width: int, number: int) -> str:
    """Return the drawing of the shares of normal and anomalous rows by score.

    Args:
        found: has a side with a histogram.
        width: the drawing's width in pixels.
        number: the drawing's number on the page.
    """
    side = _shown(found)
    assert side is not None and side.histogram is not None and side.threshold is not None
    held = side.histogram
    drawing = svg.root(
        f"scores-{number}-{width}",
        width,
        _HEIGHT,
        f"Scores of {found.name}",
        "Score to the right, on a logarithmic scale; share of the rows upwards. A dashed line is "
        "the threshold: rows to its right are alarms.",
    )
    kinds = [(_NORMAL, held.normal), (_ANOMALOUS, held.anomalous)]
    kinds = [(label, counts) for label, counts in kinds if sum(counts)]
    series = [Series(label, (), kind) for kind, (label, _) in enumerate(kinds)]
    top = 30 + legend(drawing, series, width)
    shares = [_shares(counts) for _, counts in kinds]
    across = Axis(held.edges[0], held.edges[-1], _LEFT, width - _RIGHT)
    highest = max((max(row) for row in shares), default=1.0) * 1.05
    up = Axis(0, highest, _HEIGHT - _BELOW, top, logarithmic=False)
    _score_grid(drawing, across, up)
    for kind, row in enumerate(shares):
        _outline(drawing, held, row, kind, across, up)
    _threshold(drawing, side.threshold, across, up)
    return svg.text_of(drawing)


def _shares(counts: Sequence[int]) -> list[float]:
    return [count / sum(counts) for count in counts]


def _score_grid(drawing: Element, across: Axis, up: Axis) -> None:
    grid.rows(drawing, across, up, ((v, f"{v:.0%}") for v in linear_ticks(0, up.high)), _UP)
    ticks = ((value, plain(value)) for value in log_ticks(across.low, across.high))
    grid.columns(drawing, across, up, ticks, _ACROSS)
    svg.text(drawing, across.end, up.start + 37, "score (log) →", "axis", "end")
    svg.text(drawing, 4, 12, "↑ share of the rows", "axis", "start")


def _outline(
    drawing: Element, held: Histogram, shares: Sequence[float], kind: int, across: Axis, up: Axis
) -> None:
    """Draw the steps of a histogram, and the area below them."""
    corners = [(across(held.edges[0]), up(0))]
    for left, right, share in zip(held.edges, held.edges[1:], shares, strict=False):
        corners += [(across(left), up(share)), (across(right), up(share))]
    corners.append((across(held.edges[-1]), up(0)))
    points = " ".join(f"{svg.px(x)},{svg.px(y)}" for x, y in corners)
    svg.child(drawing, "polygon", points=points).set("class", f"area s{kind}")
    svg.child(drawing, "polyline", points=points).set("class", f"curve s{kind} d{kind}")


def _threshold(drawing: Element, value: float, across: Axis, up: Axis) -> None:
    x = across(min(max(value, across.low), across.high))
    svg.line(drawing, x, up.start, x, up.end, "level")
    # the label is on the side with more room
    near_end = x > (across.start + across.end) / 2
    anchor, gap = ("end", -5) if near_end else ("start", 5)
    svg.text(drawing, x + gap, up.end + 9, f"threshold {value:.4g}", "label", anchor)


def roc_plot(found: Detection, width: int, number: int) -> str:
    """Return the drawing of the ROC curves of the original and of the export.

    Args:
        found: has a side with a ROC curve.
        width: the drawing's width in pixels.
        number: the drawing's number on the page.
    """
    sides = [side for side in _curves(found) if side.roc]
    drawing = svg.root(
        f"roc-{number}-{width}",
        width,
        _HEIGHT,
        f"ROC curve of {found.name}",
        "False-alarm rate to the right, recall upwards; a marker is the threshold. The table "
        "contains the areas under the curves.",
    )
    series = [Series(_name(found, side), side.roc, kind) for kind, side in enumerate(sides)]
    top = 30 + legend(drawing, series, width)
    across = Axis(0, 1, _LEFT, width - _RIGHT, logarithmic=False)
    up = Axis(0, 1, _HEIGHT - _BELOW, top, logarithmic=False)
    _roc_grid(drawing, across, up)
    for line in series:
        points = " ".join(f"{svg.px(across(x))},{svg.px(up(y))}" for x, y in line.points)
        curve = svg.child(drawing, "polyline", points=points)
        curve.set("class", f"curve s{line.kind} d{line.kind}")
    for line, side in zip(series, sides, strict=True):
        _operating_point(drawing, line, side, across, up)
    return svg.text_of(drawing)


def _roc_grid(drawing: Element, across: Axis, up: Axis) -> None:
    ticks = [(place / 5, f"{place / 5:.0%}") for place in range(6)]
    grid.rows(drawing, across, up, ticks, _UP)
    grid.columns(drawing, across, up, ticks[:-1], _ACROSS)
    svg.line(drawing, across(0), up(0), across(1), up(1), "level")
    svg.text(drawing, across.end, up.start + 37, "false-alarm rate →", "axis", "end")
    svg.text(drawing, 4, 12, "↑ recall", "axis", "start")


def _operating_point(drawing: Element, line: Series, side: Side, across: Axis, up: Axis) -> None:
    if side.false_alarms is None or side.recall is None:
        return
    rate, recall = side.false_alarms.value, side.recall.value
    at = f"translate({svg.px(across(rate))} {svg.px(up(recall))})"
    marker = svg.child(drawing, "path", d=svg.SHAPES[line.kind], transform=at)
    marker.set("class", f"mark s{line.kind}")
    told = f"{line.label}: false alarms {rate:.2%}, recall {recall:.2%}"
    svg.child(marker, "title").text = told
