"""Fronts against the definition, knees against distances measured in the plane."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.metrics.pareto import front, front3, knee
from edgeae.report.front_plot import front_plot, title
from edgeae.summary.fronts import BYTES, LATENCY, Front, Point

COSTS = st.integers(1, 6).map(float)  # few values: many ties


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


@given(st.lists(st.tuples(COSTS, COSTS), max_size=12))
def test_the_front_is_what_nothing_dominates(points):
    found = front(points)
    expected = [
        place
        for place, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
    ]
    assert sorted(found) == expected
    assert [points[place][0] for place in found] == sorted(points[place][0] for place in found)


def test_equal_points_are_both_on_the_front():
    assert front([(2.0, 2.0), (1.0, 3.0), (2.0, 2.0), (3.0, 2.0)]) == [1, 0, 2]


@given(st.lists(st.tuples(COSTS, COSTS, COSTS), max_size=16))
def test_a_front_of_three_costs_is_what_nothing_dominates(points):
    found = front3(points)
    expected = [
        place
        for place, point in enumerate(points)
        if not any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True))
            for other in points
        )
    ]
    assert sorted(found) == expected
    assert [points[place][0] for place in found] == sorted(points[place][0] for place in found)


@given(st.lists(st.tuples(COSTS, COSTS), max_size=12), st.integers(0, 2))
def test_a_cost_that_all_share_leaves_the_front_of_the_others(points, where):
    deep = [(*point[:where], 5.0, *point[where:]) for point in points]
    assert sorted(front3(deep)) == sorted(front(points))


def distance(points: list[tuple[float, float]], place: int) -> float:
    """From the chord of the scaled logarithms, by the cross product; below it is positive."""
    logs = [(math.log10(x), math.log10(y)) for x, y in points]
    (x0, y0), (x1, y1) = logs[0], logs[-1]
    x, y = (logs[place][0] - x0) / (x1 - x0), (logs[place][1] - y0) / (y1 - y0)
    # scaled, the chord runs from (0, 0) to (1, 1); the far corner from the origin is (1, 1)
    return (y - x) / math.sqrt(2)


def test_the_knee_is_farthest_from_the_chord():
    points = [(10.0, 2.0), (12.0, 1.3), (20.0, 1.1), (100.0, 1.0)]
    distances = [distance(points, place) for place in range(4)]
    # log10 1.2 = 0.0792, and 1 − log10 1.3 ÷ log10 2 = 0.6215
    assert distances[1] == pytest.approx((0.6215 - 0.0792) / math.sqrt(2), abs=1e-4)
    assert distances[2] == pytest.approx((0.8625 - 0.3010) / math.sqrt(2), abs=1e-4)
    assert knee(points) == 2


def test_scaling_a_cost_moves_no_knee():
    points = [(10.0, 2.0), (12.0, 1.3), (20.0, 1.1), (100.0, 1.0)]
    assert knee([(x * 1000, y / 7) for x, y in points]) == knee(points)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(1.0, 1.0)],
        [(1.0, 2.0), (2.0, 1.0)],
        [(1.0, 4.0), (2.0, 2.0), (4.0, 1.0)],  # on the chord
        [(1.0, 4.0), (3.0, 3.0), (4.0, 1.0)],  # above it
        [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)],
    ],
)
def test_without_a_point_below_the_chord_there_is_no_knee(points):
    assert knee(points) is None


def of(*points: tuple[str, float, float, bool, bool], cost: str = BYTES) -> Front:
    part, runtime = ("autoencoder", "") if cost == BYTES else ("encoder", "litert-xnnpack")
    return Front("deep", cost, part, runtime, None, tuple(Point(*point) for point in points))


FRONT = of(
    ("small", 10_000.0, 1.5, True, False),
    ("middle", 20_000.0, 1.05, True, True),
    ("beaten", 40_000.0, 1.2, False, False),
    ("whole", 90_000.0, 1.0, True, False),
)


def test_the_line_joins_the_front_and_the_knee_is_ringed():
    svg = ElementTree.fromstring(front_plot(FRONT, 548, 0, 1))
    (line,) = svg.iter("polyline")
    joined = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    at = {
        marker.findtext("title", "").split(":")[0]: tuple(
            map(float, re.findall(r"[\d.]+", marker.get("transform", "")))
        )
        for marker in svg.iter("path")
    }
    assert joined == [at["small"], at["middle"], at["whole"]]
    (ring,) = svg.iter("circle")
    assert tuple(map(float, re.findall(r"[\d.]+", ring.get("transform", "")))) == at["middle"]
    assert [m.get("class") for m in svg.iter("path")].count("mark beaten s1") == 1
    # logarithmic: from 10,000 to 20,000 is as far as from 20,000 to 40,000
    assert at["middle"][0] - at["small"][0] == pytest.approx(
        at["beaten"][0] - at["middle"][0], abs=0.2
    )
    told = [marker.findtext("title", "") for marker in svg.iter("path")]
    assert "middle: 20,000 packed bytes, loss × 1.0500, on the front, its knee" in told
    names = {item.text for item in svg.iter("text") if "label" in item.get("class", "")}
    assert names == {"small", "middle (knee)", "beaten", "whole"}


def test_latencies_are_told_in_their_units():
    found = of(("a", 900.0, 1.1, True, False), ("b", 12_345.0, 1.0, True, False), cost=LATENCY)
    drawing = front_plot(found, 350, 3, 0)
    assert "a: 900 ns" in drawing and "b: 12.3 µs" in drawing
    assert title(found) == "deep: loss against latency of the encoder on litert-xnnpack"
    assert 'id="front-3-350-title"' in drawing


@pytest.mark.parametrize(
    "points",
    [
        (("a", 1.0, 1.0, True, False), ("b", 1.0, 1.0, True, False)),
        (("a", 1.0, 1e6, True, False), ("b", 1e9, 1e-6, True, False)),
        tuple((f"recipe number {n}", 1e4 + n, 1 + n / 1e5, n == 0, False) for n in range(60)),
    ],
    ids=["same", "wide", "crowded"],
)
@pytest.mark.parametrize("width", [350, 548])
@pytest.mark.parametrize("cost", [BYTES, LATENCY])
def test_any_front_can_be_drawn_inside_its_frame(points, width, cost):
    drawing = front_plot(of(*points, cost=cost), width, 0, 5)
    svg = ElementTree.fromstring(drawing)
    height = float(svg.get("height", "0"))
    for text in svg.iter("text"):
        assert 0 <= float(text.get("x", "-1")) <= width
        assert 0 <= float(text.get("y", "-1")) <= height
    assert "nan" not in drawing.lower() and "inf" not in drawing
