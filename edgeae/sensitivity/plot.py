"""Draw the sensitivity curves as a self-contained SVG file: one panel per layer, equal axes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from edgeae.plotting import grid, svg
from edgeae.plotting.axes import Axis, log_ticks
from edgeae.plotting.labels import Box, around, nearest, place
from edgeae.sensitivity.curves import Curves, Layer, Measured

#: Pixels.
_PANEL, _HEIGHT, _GAP = 330, 230, 14
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 10, 30, 24
_HEAD, _FOOT = 84, 20
#: Largest distance, in pixels, of a label from its point.
_FAR = 24
_COLUMNS = 3
#: Least added loss on the axis, relative to the original's; smaller ones are drawn there.
_LEAST = 1e-3
#: Bits of a weight that the axis reaches at least.
_BITS = 8.0
#: Style sheet of the picture, with the colours of the report's page.
_STYLE = """
svg { --page: #fbfbf9; --ink: #1c2024; --muted: #5a626a; --rule: #e2e3de;
  --c0: #0067a8; --c1: #b04a00; --c2: #00785a; background: var(--page); }
@media (prefers-color-scheme: dark) {
  svg { --page: #121416; --ink: #e6e8ea; --muted: #9ba4ac; --rule: #2d3237;
    --c0: #5fb4ea; --c1: #f09a4a; --c2: #3fc79a; }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  fill: var(--ink); font-variant-numeric: tabular-nums; }
.title { font-size: 17px; font-weight: 650; } .name { font-weight: 600; }
.tick, .axis { fill: var(--muted); }
.label { fill: var(--c); paint-order: stroke; stroke: var(--page); stroke-width: 4px;
  stroke-linejoin: round; }
.paper { fill: var(--page); } .grid { stroke: var(--rule); }
.curve { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.d1 { stroke-dasharray: 7 3; } .d2 { stroke-dasharray: 2 3; }
.mark { fill: var(--c); stroke: var(--page); stroke-width: 1.5; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); }
"""


@dataclass(frozen=True)
class _Kind:
    """One kind of compression.

    Attributes:
        name: its name.
        points: returns a layer's curve.
        told: returns a setting in words.
        labelled: the settings that have a label in the picture.
    """

    name: str
    points: Callable[[Layer], Sequence[Measured]]
    told: Callable[[float], str]
    labelled: tuple[float, ...]


_KINDS = (
    _Kind("sparsity", lambda layer: layer.sparsity, lambda at: f"{100 * at:g} %", (0.5, 0.9)),
    _Kind("clusters", lambda layer: layer.clusters, lambda at: f"{at:g} values", (16, 4)),
    _Kind("bits", lambda layer: layer.bits, lambda at: f"{at:g} bits", (6, 4)),
)


def picture(curves: Curves) -> str:
    """Return an SVG file: added loss against packed bits per weight."""
    columns = min(_COLUMNS, len(curves.layers))
    rows = -(-len(curves.layers) // columns)
    width = max(columns * (_PANEL + _GAP) + _GAP, 2 * (_PANEL + _GAP) + _GAP)
    height = _HEAD + rows * (_HEIGHT + _GAP) + _FOOT
    title = f"{curves.model}: loss added by each layer’s compression"
    drawing = svg.root(
        "sensitivity",
        width,
        height,
        title,
        "A panel per layer. Packed bits per weight to the right; the loss that the model gains "
        "if only that layer is changed, without training, divided by the original’s loss, upwards "
        "on a logarithmic scale. The table contains the same figures.",
    )
    drawing.set("xmlns", "http://www.w3.org/2000/svg")
    svg.child(drawing, "style").text = _STYLE
    svg.child(drawing, "rect", width="100%", height="100%").set("class", "paper")
    _head(drawing, title, curves)
    up = _loss_axis(curves)
    across = _bits_axis(curves)
    for number, layer in enumerate(curves.layers):
        row, column = divmod(number, columns)
        x, y = _GAP + column * (_PANEL + _GAP), _HEAD + row * (_HEIGHT + _GAP)
        panel = svg.child(drawing, "g", transform=f"translate({svg.px(x)} {svg.px(y)})")
        _panel(panel, layer, curves, across, up)
    svg.text(drawing, width - 2 * _GAP, height - 12, "packed bits per weight →", "axis", "end")
    return svg.text_of(drawing) + "\n"


def _head(drawing: Element, title: str, curves: Curves) -> None:
    svg.text(drawing, _GAP, 28, title, "title", "start")
    x = float(_GAP)
    for number, kind in enumerate(_KINDS):
        svg.line(drawing, x, 50, x + 26, 50, f"curve s{number} d{number}")
        _mark(drawing, x + 13, 50, number, kind.name)
        svg.text(drawing, x + 33, 54, kind.name, "name", "start")
        x += 33 + len(kind.name) * svg.CHARACTER + 22
    legend = f"↑ added loss ÷ the original’s loss, {curves.n:,} validation images (log)"
    svg.text(drawing, _GAP, 76, legend, "axis", "start")


def _relative(loss: float, original: float) -> float:
    """Return the added loss, relative to the original's, at least `_LEAST`.

    If the original's loss is 0, the added loss itself is returned.
    """
    return max((loss - original) / (original or 1.0), _LEAST)


def _points(layer: Layer) -> list[Measured]:
    return [item for kind in _KINDS for item in kind.points(layer)]


def _loss_axis(curves: Curves) -> Axis:
    held = [_relative(item.loss, curves.loss) for layer in curves.layers for item in _points(layer)]
    return Axis(_LEAST, max(*held, 10 * _LEAST) * 1.4, _HEIGHT - _BOTTOM, _TOP)


def _bits(item: Measured, layer: Layer) -> float:
    return 8 * item.bytes / layer.values


def _bits_axis(curves: Curves) -> Axis:
    held = [_bits(item, layer) for layer in curves.layers for item in _points(layer)]
    return Axis(0, max(_BITS, *held) * 1.04, _LEFT, _PANEL - _RIGHT, logarithmic=False)


def _panel(panel: Element, layer: Layer, curves: Curves, across: Axis, up: Axis) -> None:
    shape = " × ".join(str(size) for size in layer.shape)
    room = int((across.end - across.start) / svg.CHARACTER) - len(shape) - 2
    svg.text(panel, across.start, 16, svg.clip(layer.name, room), "name", "start")
    svg.text(panel, across.end, 16, shape, "tick", "end")
    _draw_grid(panel, across, up)
    taken: list[Box] = []
    drawn = []
    for number, kind in enumerate(_KINDS):
        points = kind.points(layer)
        places = [
            (across(_bits(item, layer)), up(_relative(item.loss, curves.loss))) for item in points
        ]
        taken += [around(x, y, 5) for x, y in places]
        way = " ".join(f"{svg.px(x)},{svg.px(y)}" for x, y in places)
        svg.child(panel, "polyline", points=way).set("class", f"curve s{number} d{number}")
        drawn.append((number, kind, list(zip(points, places, strict=True))))
    frame = (across.start, up.end - 4, across.end, up.start)
    for number, kind, pairs in drawn:
        for item, (x, y) in pairs:
            loss = item.loss / curves.loss if curves.loss else item.loss
            tooltip = f"{layer.name}, {kind.told(item.at)}: loss × {loss:.4f}, {item.bytes:,} bytes"
            _mark(panel, x, y, number, tooltip)
            if item.at in kind.labelled:
                _label(panel, kind.told(item.at), (x, y), number, taken, frame)


def _draw_grid(panel: Element, across: Axis, up: Axis) -> None:
    powers = [value for value in log_ticks(up.low, up.high) if f"{value:e}"[0] == "1"]
    losses = [(value, f"{'≤ ' if value <= _LEAST else ''}{100 * value:g} %") for value in powers]
    grid.rows(panel, across, up, losses)
    bits = range(0, int(across.high) + 1, 2 if across.high < 12 else 8)
    grid.columns(panel, across, up, ((value, f"{value}") for value in bits))


def _label(
    panel: Element, label: str, at: tuple[float, float], number: int, taken: list[Box], frame: Box
) -> None:
    box = place(*at, len(label) * svg.CHARACTER, taken, frame)
    if box is None or math.dist(at, nearest(*at, box)) > _FAR:
        return  # the marker's title contains the text
    taken.append(box)
    svg.text(panel, box[0] + 2, box[3] - 3, label, f"label s{number}", "start")


def _mark(drawing: Element, x: float, y: float, number: int, tooltip: str) -> None:
    at = f"translate({svg.px(x)} {svg.px(y)}) scale(0.75)"
    marker = svg.child(drawing, "path", d=svg.SHAPES[number], transform=at)
    marker.set("class", f"mark s{number}")
    svg.child(marker, "title").text = tooltip
