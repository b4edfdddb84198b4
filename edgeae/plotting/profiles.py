"""Draw rows of values, such as windows of a signal or rows of a table, as small line plots."""

import base64
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from numpy.typing import NDArray

from edgeae.plotting.axes import Axis
from edgeae.plotting.svg import child, px

#: Pixels of one plot, and between two plots.
_WIDTH, _HEIGHT, _GAP = 120, 56, 10
#: Pixels that a line keeps from its plot's upper and lower edge.
_PAD = 2
#: The largest number of values of a row that are drawn.
VALUES = 128
#: An image has its own style sheet, which does not know the page's colours.
_STYLE = (
    "path{fill:none;stroke-linejoin:round}"
    ".row{stroke:#8a9299;stroke-width:2.5}.answer{stroke:#0067a8;stroke-width:1.2}"
    "@media(prefers-color-scheme:dark){.answer{stroke:#5fb4ea}}"
)


def size(n: int) -> tuple[int, int]:
    """Return width and height, in pixels, of a drawing of so many rows."""
    return n * _WIDTH + (n - 1) * _GAP, _HEIGHT


def profiles(
    rows: NDArray[np.floating], answers: NDArray[np.floating] | None, low: float, high: float
) -> str:
    """Return a drawing of rows beside each other as a `data:` URI of an SVG image.

    Args:
        rows: (n, width); of wider rows the first `VALUES` values are drawn.
        answers: (n, width) reconstructions, which are drawn over the rows; or None.
        low, high: the values at the lower and the upper edge; values outside are clipped.
    """
    width, height = size(len(rows))
    drawing = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}")
    SubElement(drawing, "style").text = _STYLE
    for number in range(len(rows)):
        start = number * (_WIDTH + _GAP)
        _draw(drawing, rows[number], start, low, high, "row")
        if answers is not None:
            _draw(drawing, answers[number], start, low, high, "answer")
    content = base64.b64encode(tostring(drawing)).decode("ascii")
    return f"data:image/svg+xml;base64,{content}"


def _draw(
    drawing: Element, row: NDArray[np.floating], start: float, low: float, high: float, kind: str
) -> None:
    shown = np.clip(np.nan_to_num(row[:VALUES].astype(np.float64)), low, high)
    across = Axis(0, max(1, len(shown) - 1), start, start + _WIDTH, logarithmic=False)
    up = Axis(low, high if high > low else low + 1, _HEIGHT - _PAD, _PAD, logarithmic=False)
    places = (f"{px(across(at))} {px(up(value))}" for at, value in enumerate(shown.tolist()))
    child(drawing, "path", d=f"M{'L'.join(places)}").set("class", kind)
