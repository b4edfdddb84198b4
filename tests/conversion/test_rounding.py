"""Weights rounded so that their errors make up for each other."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema

from edgeae.conversion.tflite.gptq import compensated
from edgeae.conversion.tflite.grams import grams
from edgeae.conversion.tflite.rounding import rounded
from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.graph import Graph, Tensor, write

IMAGES = tiny.images(40).reshape(40, 16).astype(np.float32) / 255


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(8)


def cost(weights: np.ndarray, gram: np.ndarray, scales: np.ndarray, steps: np.ndarray) -> float:
    apart = weights - steps * scales[:, None]
    return float(np.einsum("oi,ij,oj->", apart, gram, apart))


def test_inputs_that_go_apart_leave_nothing_to_make_up_for(draw):
    weights = draw.normal(0, 1, (6, 9))
    scales = np.abs(weights).max(axis=1) / 127
    found = compensated(weights, np.diag(draw.uniform(1, 2, 9)), scales, 127)
    np.testing.assert_array_equal(found, np.round(weights / scales[:, None]))


def test_two_inputs_that_are_one_share_their_error():
    # 0.4 x + 0.4 x = 0.8 x: nearest gives 0 x, one weight of 1 gives 1 x
    found = compensated(np.array([[0.4, 0.4]]), np.ones((2, 2)), np.ones(1), 7)
    assert sorted(found[0]) == [0, 1]


def test_it_lies_between_rounding_to_nearest_and_the_best_of_all(draw):
    inputs = draw.normal(0, 1, (200, 5)) @ draw.normal(0, 1, (5, 5))
    gram, scales = inputs.T @ inputs, np.array([0.3])
    costs = []
    for _ in range(20):
        weights = draw.normal(0, 0.6, (1, 5))
        nearest = np.round(weights / scales)
        around = np.array(list(itertools.product(range(-3, 4), repeat=5)))
        apart = weights - (nearest + around) * scales
        best = float(np.einsum("oi,ij,oj->o", apart, gram, apart).min())
        found = cost(weights, gram, scales, compensated(weights, gram, scales, 127))
        plain = cost(weights, gram, scales, nearest)
        assert best * 0.999 <= found <= plain * 1.1
        costs.append((best, found, plain))
    best, found, plain = np.sum(costs, axis=0)
    assert found < 0.8 * plain and found < 2 * best


def test_zeros_stay_and_nothing_leaves_the_grid(draw):
    # eight inputs of two sources: an error is made up for by many steps of any other weight
    inputs = draw.normal(0, 1, (50, 2)) @ draw.normal(0, 1, (2, 8))
    weights = draw.normal(0, 1, (4, 8))
    weights[:, ::3] = 0
    scales = np.abs(weights).max(axis=1) / 7
    found = compensated(weights, inputs.T @ inputs, scales, 7)
    assert (found[:, ::3] == 0).all() and np.abs(found).max() <= 7
    left = [column for column in range(8) if column % 3]
    moved = found[:, left] != np.round(weights / scales[:, None])[:, left]
    assert moved.any()


def test_inputs_that_are_always_zero_do_no_harm(draw):
    weights = draw.normal(0, 1, (3, 4))
    scales = np.abs(weights).max(axis=1) / 127
    found = compensated(weights, np.zeros((4, 4)), scales, 127)
    np.testing.assert_array_equal(found, np.round(weights / scales[:, None]))


CONVOLUTIONS = {
    "same": ("CONV_2D", (3, 3, 3, 2), {"padding": 0, "strideH": 2, "strideW": 1}),
    "valid": ("CONV_2D", (1, 2, 3, 2), {"padding": 1, "strideH": 1, "strideW": 2}),
    "dilated": ("CONV_2D", (2, 2, 2, 2), {"padding": 0, "dilationHFactor": 2}),
    "depthwise": ("DEPTHWISE_CONV_2D", (1, 3, 3, 2), {"padding": 0, "strideH": 2, "strideW": 2}),
    "transposed": ("TRANSPOSE_CONV", (3, 3, 2, 2), {"padding": 0, "strideH": 2, "strideW": 2}),
    "transposed, long strides": (
        "TRANSPOSE_CONV",
        (3, 2, 3, 2),
        {"padding": 0, "strideH": 3, "strideW": 1},
    ),
    "transposed, valid": (
        "TRANSPOSE_CONV",
        (3, 3, 4, 2),
        {"padding": 1, "strideH": 2, "strideW": 1},
    ),
    "transposed, even": (
        "TRANSPOSE_CONV",
        (3, 4, 4, 2),
        {"padding": 0, "strideH": 2, "strideW": 2},
    ),
    "transposed, gaps": (
        "TRANSPOSE_CONV",
        (3, 2, 1, 2),
        {"padding": 0, "strideH": 3, "strideW": 2},
    ),
    "multiplied": ("DEPTHWISE_CONV_2D", (1, 2, 3, 4), {"padding": 1, "depthMultiplier": 2}),
}


def _transposed_size(size, taps, options) -> list[int]:
    strides = options["strideH"], options["strideW"]
    if options["padding"] == 0:
        return [n * s for n, s in zip(size, strides, strict=True)]
    return [(n - 1) * s + k for n, s, k in zip(size, strides, taps, strict=True)]


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_the_squares_of_a_convolution_follow_from_its_gram_matrix(kind, draw):
    """Σ y² = wᵀ (XᵀX) w for each output channel, with y computed by LiteRT itself."""
    name, shape, options = CONVOLUTIONS[kind]
    usual = {"strideH": 1, "strideW": 1}
    kernel = draw.normal(0, 1, shape).astype(np.float32)
    channels = shape[-1] if name == "DEPTHWISE_CONV_2D" else shape[0]
    tensors = (
        Tensor("x", (1, 7, 6, 2), "float32"),
        Tensor("w", shape, "float32", kernel),
        Tensor("b", (channels,), "float32", np.zeros(channels, np.float32)),
        Tensor("y", (1, 1, 1, channels), "float32"),
    )
    inputs, table = (0, 1, 2), "DepthwiseConv2DOptions" if name.startswith("D") else "Conv2DOptions"
    if name == "TRANSPOSE_CONV":
        size = _transposed_size((7, 6), shape[1:3], options)
        tensors = (
            *tensors[:3],
            Tensor("y", (1, *size, channels), "float32"),
            Tensor("size", (4,), "int32", np.array([1, *size, channels], np.int32)),
        )
        inputs, table = (4, 1, 0), "TransposeConvOptions"
    else:
        usual |= {"dilationHFactor": 1, "dilationWFactor": 1}
    only = tiny.operator(name, 1, inputs, (3,), table, **(usual | options))
    graph = Graph(tensors, (only,), {"x": 0}, {"y": 3})
    images = draw.normal(0, 1, (4, 7, 6, 2)).astype(np.float32)
    answers = tiny.run(write(graph), images, tiny.RESOLVERS["litert-reference"])
    (gram,) = grams(graph, write(graph), images).values()
    squares = np.square(answers.astype(np.float64)).reshape(-1, channels).sum(axis=0)
    if name != "DEPTHWISE_CONV_2D":
        rows = kernel.reshape(channels, -1).astype(np.float64)
        found = np.einsum("oi,ij,oj->o", rows, gram, rows)
    else:
        rows = kernel.reshape(-1, channels).T.astype(np.float64)
        found = np.einsum("oi,oij,oj->o", rows, gram, rows)
    np.testing.assert_allclose(found, squares, rtol=1e-5)


def test_a_model_rounded_anew_answers_closer_to_the_float_one():
    original = tiny.float_graph()
    coarse = list(original.tensors)
    for operator in original.operators:  # 4-bit weights, dequantized by hand
        index = operator.inputs[1]
        weights = original.tensors[index].data
        scales = np.abs(weights).max(axis=1) / 7
        steps = np.round(weights / scales[:, None]).astype(np.int8)
        coarse[index] = replace(
            original.tensors[index],
            dtype="int4",
            data=steps,
            scales=tuple(map(float, scales)),
            zero_points=(0,) * len(scales),
        )
    narrow = replace(original, tensors=tuple(coarse))
    again, _ = rounded(narrow, original, write(original), IMAGES)

    def distance(graph: Graph) -> float:
        tensors = tuple(
            item
            if item.dtype != "int4"
            else Tensor(
                item.name,
                item.shape,
                "float32",
                (item.data * np.array(item.scales)[:, None]).astype(np.float32),
            )
            for item in graph.tensors
        )
        content = write(replace(graph, tensors=tensors))
        answers = tiny.run(content, IMAGES, tiny.RESOLVERS["litert-reference"])
        return float(np.square(answers - tiny.forward(IMAGES)["reconstruction"]).mean())

    assert distance(again) < 0.5 * distance(narrow)
    assert [item.scales for item in again.tensors] == [item.scales for item in narrow.tensors]


def test_weights_of_another_model_are_refused():
    original, other = tiny.float_graph(), tiny.int8_graph()
    index = other.operators[0].inputs[1]
    shuffled = replace(other.tensors[index], data=other.tensors[index].data[::-1])
    graph = replace(other, tensors=(*other.tensors[:index], shuffled, *other.tensors[index + 1 :]))
    with pytest.raises(OutOfTolerance, match="hidden/weights: its integers"):
        rounded(graph, original, write(original), IMAGES)
    assert schema.Padding.SAME == 0  # what CONVOLUTIONS means
