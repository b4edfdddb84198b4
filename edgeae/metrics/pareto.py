"""Pareto fronts of two costs, and their knees."""

import math
from collections.abc import Sequence

#: A point (x, y) of two costs, of which less is better.
Point = tuple[float, float]


def front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other point dominates, by ascending x.

    A point dominates another if it is no worse in both costs and better in at least one. Equal
    points are all on the front.
    """
    best: list[int] = []
    for place in sorted(range(len(points)), key=lambda place: points[place]):
        last = points[best[-1]] if best else None
        if last is None or points[place][1] < last[1] or points[place] == last:
            best.append(place)
    return best


def knee(points: Sequence[Point]) -> int | None:
    """Return the index of a front's knee; beyond it, reducing one cost raises the other steeply.

    The logarithm of each cost is scaled to 0…1 between the front's ends. The knee is the point
    below the chord between the ends that is farthest from the chord. None if no point is below the
    chord, as with fewer than three points.

    Args:
        points: the front, by ascending x; all costs are above 0.


    Source: Satopää, Albrecht, Irwin and Raghavan, "Finding a 'Kneedle' in a Haystack: Detecting
    Knee Points in System Behavior", ICDCS workshops 2011; the offline case, without smoothing, for
    one curve of few points.
    """
    if len(points) < 3 or points[0][0] == points[-1][0] or points[0][1] == points[-1][1]:
        return None
    logs = [(math.log(x), math.log(y)) for x, y in points]
    (left, top), (right, bottom) = logs[0], logs[-1]
    # the ends are (0, 1) and (1, 0): the distance from their chord is this over √2
    depths = [1 - (x - left) / (right - left) - (y - bottom) / (top - bottom) for x, y in logs]
    place = max(range(len(points)), key=depths.__getitem__)
    return place if depths[place] > 1e-9 else None
