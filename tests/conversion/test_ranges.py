"""Ranges of activations: what they hold, and how close their integers come."""

import math

import numpy as np
import pytest
import tiny

from edgeae.conversion.tflite import activations
from edgeae.conversion.tflite.ranges import Range, grid, least_error, percentile
from edgeae.formats.tflite.graph import Graph, Tensor, write


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(2)


def error(values: np.ndarray, least: float, most: float, levels: int) -> float:
    """Summed squared error of rounding to `levels` steps over a range, by hand."""
    step = (most - least) / levels
    point = np.round(least / step)
    steps = np.clip(np.round(values / step), point, point + levels)
    return float(np.sum((steps * step - values) ** 2))


def test_a_percentile_leaves_half_the_rest_on_each_side():
    values = np.arange(-1000.0, 1001)
    assert percentile(values, 100) == Range(-1000, 1000)
    assert percentile(values, 99) == Range(-990, 990)
    assert percentile(values, 99).clipped(values) == 20


@pytest.mark.parametrize("share", [60, 90, 99.9, 99.99])
def test_a_percentile_holds_its_share_and_zero(share, draw):
    for values in (draw.normal(5, 1, 997), draw.normal(-5, 1, 997), draw.standard_cauchy(997)):
        found = percentile(values, share)
        assert found.least <= 0 <= found.most
        assert found.clipped(values) <= (1 - share / 100) * values.size


def test_values_without_outliers_keep_their_range():
    values = np.linspace(-3, 5, 4001)
    assert least_error(values, "int8") == Range(-3, 5)
    assert least_error(np.zeros(10), "int8") == Range(0, 0)


def test_an_outlier_is_cut_off_where_it_costs_less_than_coarse_steps(draw):
    values = np.append(np.abs(draw.normal(0, 1, 100_000)), 200.0)
    found = least_error(values, "int8")
    assert found.least == 0 and 5 < found.most < 190
    ends = np.linspace(2, 200, 100)
    best = min(error(values, 0, end, 255) for end in ends)
    assert error(values, 0, found.most, 255) <= 1.01 * best
    assert error(values, 0, found.most, 255) < 0.95 * error(values, 0, 200, 255)


def test_both_ends_are_searched(draw):
    values = np.concatenate([draw.normal(0, 1, 50_000), [-90.0, 40.0]])
    found = least_error(values, "int8")
    ends = np.linspace(2, 90, 45)
    best = min(error(values, -low, min(high, 40), 255) for low in ends for high in ends)
    assert error(values, found.least, found.most, 255) <= 1.05 * best
    assert found.least > -90 and found.most < 40


def test_int16_needs_no_cut_where_int8_does(draw):
    values = np.append(draw.normal(0, 1, 10_000), 60.0)
    assert least_error(values, "int16").most == 60
    assert least_error(values, "int8").most < 60


def test_the_same_values_give_the_same_range(draw):
    values = draw.normal(0, 1, 1 << 18).astype(np.float32)  # more than are tried
    assert least_error(values, "int8") == least_error(values.copy(), "int8")


def test_grids_are_those_of_tflite():
    pixel = grid(Range(0, 1), "int8")
    assert (pixel.scale, pixel.zero_point) == (float(np.float32(1 / 255)), -128)
    wide = grid(Range(-0.5, 1), "int16")
    assert (wide.scale, wide.zero_point) == (float(np.float32(1 / 32767)), 0)
    both = grid(Range(-2, 3.1), "int8")
    assert both.zero_point == round(-128 + 2 / (5.1 / 255)) == -28


def with_end(name: str, shape: tuple[int, ...]) -> Graph:
    """image → Dense → RESHAPE → the operator `name` → end."""
    graph = tiny.float_graph()
    n = len(graph.tensors)
    end = graph.outputs["reconstruction"]
    added = (
        Tensor("shape", (len(shape),), "int32", np.array(shape, np.int32)),
        Tensor("moved", shape, "float32"),
        Tensor("end", shape, "float32"),
    )
    operators = (
        tiny.operator("RESHAPE", 1, (end, n), (n + 1,), "ReshapeOptions"),
        tiny.operator(name, 1, (n + 1,), (n + 2,), "NONE"),
    )
    return Graph(
        (*graph.tensors, *added), (*graph.operators, *operators), graph.inputs, {"end": n + 2}
    )


@pytest.fixture
def sigmoid(monkeypatch) -> Graph:
    monkeypatch.setattr(tiny.schema, "NONET", type("NONET", (), {}), raising=False)
    return with_end("LOGISTIC", (1, 4, 4))


def test_what_a_reshape_moves_shares_a_range(sigmoid):
    n = len(tiny.float_graph().tensors)
    assert {3, n + 1} in activations.groups(sigmoid)
    assert sum(len(group) for group in activations.groups(sigmoid)) == 6


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_beyond_its_saturation_a_sigmoid_is_within_half_a_step_of_its_end(sigmoid, dtype):
    n = len(tiny.float_graph().tensors)
    step = {"int8": 1 / 256, "int16": 1 / 32768}[dtype]
    limit = activations.reach(sigmoid, {3, n + 1}, dtype)
    assert 1 / (1 + math.exp(limit)) == pytest.approx(step / 2, rel=1e-9)
    assert activations.reach(sigmoid, {2}, dtype) == math.inf


def test_values_are_those_of_the_model():
    graph, images = tiny.float_graph(), tiny.images(9).reshape(9, 16).astype(np.float32) / 255
    found = activations.sample(write(graph), graph, images)
    for index, name in enumerate(("image", "hidden", "code", "reconstruction")):
        np.testing.assert_allclose(
            np.sort(found[index]), np.sort(tiny.forward(images)[name].reshape(-1)), atol=1e-5
        )
    assert found.keys() == {0, 1, 2, 3}
