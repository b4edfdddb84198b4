"""SVG elements, which get their colours from the page's style sheet; coordinates are pixels."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

#: Average width, in pixels, of a character of the page's font at the labels' 12 px, rounded up.
CHARACTER = 6.8
#: The models' markers, 11 px across, so that models do not differ only in colour.
SHAPES = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "M-4.6-4.6h9.2v9.2h-9.2z",
    "M0-6.2L6.2 0L0 6.2L-6.2 0z",
    "M0-5.8L5.6 4.4H-5.6z",
)


def root(name: str, width: int, height: float, title: str, description: str) -> Element:
    """Return an empty drawing with its accessible title and description."""
    svg = Element("svg")
    svg.set("viewBox", f"0 0 {width} {px(height)}")
    svg.set("width", str(width))
    svg.set("height", px(height))
    svg.set("role", "img")
    svg.set("aria-labelledby", f"{name}-title {name}-desc")
    child(svg, "title", id=f"{name}-title").text = title
    child(svg, "desc", id=f"{name}-desc").text = description
    return svg


def child(parent: Element, tag: str, **attributes: str) -> Element:
    """Add an element to a parent; return the element."""
    return ElementTree.SubElement(parent, tag, attributes)


def line(parent: Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
    """Add a line with a class of the style sheet."""
    line = child(parent, "line", x1=px(x1), y1=px(y1), x2=px(x2), y2=px(y2))
    line.set("class", kind)


def text(parent: Element, x: float, y: float, text: str, kind: str, anchor: str) -> None:
    """Add a line of text; `anchor` is `start`, `middle` or `end`."""
    element = child(parent, "text", x=px(x), y=px(y))
    element.set("class", kind)
    element.set("text-anchor", anchor)
    element.text = text


def clip(label: str, characters: int) -> str:
    """Return a label, shortened if it has more than `characters` characters."""
    return label if len(label) <= characters else label[: characters - 1] + "…"


def px(value: float) -> str:
    """Format a coordinate, rounded to a tenth of a pixel."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text_of(svg: Element) -> str:
    """Return a drawing as text for a page."""
    # HTML parsers accept the self-closing form of empty elements in SVG
    return ElementTree.tostring(svg, encoding="unicode")
