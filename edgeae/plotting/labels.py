"""Place labels near their points, so that they cover neither a point nor another label."""

from collections.abc import Iterator, Sequence

#: Left, top, right and bottom, pixels.
Box = tuple[float, float, float, float]

#: Distances between point and label that are tried, in pixels.
_REACHES = range(10, 180, 6)


def place(x: float, y: float, length: float, taken: Sequence[Box], frame: Box) -> Box | None:
    """Return the nearest free box for a line of text; None if there is none.

    Args:
        x, y: the point.
        length: the text's length in pixels.
        taken: boxes that the label must not cover.
        frame: the box that must contain the label.
    """
    boxes = [
        box
        for reach in _REACHES
        for box in _boxes(x, y, reach, length, frame)
        if is_free(box, taken)
    ]
    clear = (box for box in boxes if not _crosses(x, y, box, taken))
    return next(clear, boxes[0] if boxes else None)


def _boxes(x: float, y: float, reach: float, length: float, frame: Box) -> Iterator[Box]:
    """Yield the boxes inside the frame at one distance from a point."""
    for left, middle in _candidates(x, y, reach, length):
        inside = min(max(left, frame[0]), frame[2] - length)
        if abs(middle - y) < 10 and inside != left:
            continue  # moving a box beside the point would cover the point
        if frame[1] <= middle - 7 and middle + 7 <= frame[3]:
            yield inside - 2, middle - 7, inside + length + 2, middle + 7


def _candidates(x: float, y: float, reach: float, length: float) -> Iterator[tuple[float, float]]:
    """Yield left end and middle height of boxes beside, above, below and diagonal to a point."""
    yield x + reach, y
    yield x - reach - length, y
    yield x - length / 2, y - reach - 5
    yield x - length / 2, y + reach + 5
    slant = reach * 0.8
    for middle in (y - slant, y + slant):
        yield x + slant, middle
        yield x - slant - length, middle


def nearest(x: float, y: float, box: Box) -> tuple[float, float]:
    """Return the point of a box that is nearest to a point; a label's line ends there."""
    left, top, right, bottom = box
    return min(max(x, left), right), min(max(y, top), bottom)


def _crosses(x: float, y: float, box: Box, taken: Sequence[Box]) -> bool:
    """Return whether the line from a point to its label would cross another label."""
    to_x, to_y = nearest(x, y, box)
    others = [other for other in taken if is_free((x, y, x, y), [other])]
    way = ((x + (to_x - x) * step / 8, y + (to_y - y) * step / 8) for step in range(1, 9))
    return any(not is_free((*at, *at), others) for at in way)


def is_free(box: Box, taken: Sequence[Box]) -> bool:
    """Return whether a box overlaps none of the others."""
    left, top, right, bottom = box
    return all(
        right < other[0] or left > other[2] or bottom < other[1] or top > other[3]
        for other in taken
    )


def around(x: float, y: float, reach: float) -> Box:
    """Return the square box around a point."""
    return x - reach, y - reach, x + reach, y + reach
