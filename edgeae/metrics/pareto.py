"""Pareto fronts of two or three costs, and the knees of fronts of two."""

import math
from bisect import bisect_right
from collections.abc import Sequence

#: A point (x, y) of two costs, of which less is better.
Point = tuple[float, float]
#: A point (x, y, z) of three costs, of which less is better.
Point3 = tuple[float, float, float]


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


def front3(points: Sequence[Point3]) -> list[int]:
    """Return the indices of the points that no other point dominates, by ascending x.

    A point dominates another if it is no worse in all three costs and better in at least one. Equal
    points are all on the front.

    By ascending x, only an earlier point can dominate a later one. The points so far are kept as
    their front in (y, z), so that one look-up tells whether one of them is no worse.

    Source: Kung, Luccio and Preparata, "On Finding the Maxima of a Set of Vectors", Journal of the
    ACM 22 (1975), the case of three dimensions.
    """
    best: list[int] = []
    stairs: list[Point3] = []  # y ascends, z descends
    heights: list[float] = []  # the y of each
    for place in sorted(range(len(points)), key=lambda place: points[place]):
        point = points[place]
        after = bisect_right(heights, point[1])
        below = stairs[after - 1] if after else None  # the least z of all whose y is no larger
        if below is not None and below[2] <= point[2] and below != point:
            continue
        best.append(place)
        if below == point:
            continue
        start = after - (1 if below is not None and below[1] == point[1] else 0)
        end = after
        while end < len(stairs) and stairs[end][2] >= point[2]:
            end += 1
        stairs[start:end] = [point]
        heights[start:end] = [point[1]]
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
