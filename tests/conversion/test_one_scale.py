"""Clustered layers on one scale, and the others on those that they had."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from edgeae.conversion.tflite.on_scales import with_one_scale
from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.graph import Graph, write
from edgeae.recipe import Cluster

IMAGES = tiny.images(40).reshape(40, 16).astype(np.float32) / 255


def clustered() -> tuple[Graph, Graph]:
    """The float model, its first layer with few values; and in int8 with a scale per channel."""
    original, graph = tiny.float_graph(), tiny.int8_graph()
    first, *_ = original.operators
    floats, integers = list(original.tensors), list(graph.tensors)
    weights = floats[first.inputs[1]]
    step = np.abs(weights.data).max() / 127
    # whole steps of the largest: −120, −60, 0, 60 and 127 of them
    values = np.array([-120, -60, 0, 60, 127], np.float32) * step
    few = values[np.abs(weights.data[..., None] - values).argmin(axis=-1)].astype(np.float32)
    floats[first.inputs[1]] = replace(weights, data=few)
    for operator in graph.operators:
        at, bias = operator.inputs[1:3]
        source = floats[at].data
        scales = np.abs(source).max(axis=1).clip(1e-6) / 127
        unit = scales * integers[operator.inputs[0]].scales[0]
        for index, data, by, dtype in (
            (at, source, scales[:, None], np.int8),
            (bias, floats[bias].data, unit, np.int32),
        ):
            integers[index] = replace(
                integers[index],
                data=np.round(data / by).astype(dtype),
                scales=tuple(map(float, scales if index == at else unit)),
                zero_points=(0,) * len(scales),
            )
    return replace(original, tensors=tuple(floats)), replace(graph, tensors=tuple(integers))


def test_few_values_are_as_few_integers_and_stand_for_the_same():
    original, graph = clustered()
    made = with_one_scale(graph, original, Cluster(5))
    at, bias = made.operators[0].inputs[1:3]
    assert len(np.unique(graph.tensors[at].data)) > 5  # what the converter would leave
    assert np.unique(made.tensors[at].data).tolist() == [-120, -60, 0, 60, 127]
    (scale,), (unit,) = made.tensors[at].scales, made.tensors[bias].scales
    np.testing.assert_allclose(
        made.tensors[at].data * scale, original.tensors[at].data, rtol=1e-6, atol=1e-9
    )
    assert unit == pytest.approx(scale * tiny.QUANTIZED["image"][0], rel=1e-6)
    np.testing.assert_allclose(
        made.tensors[bias].data * unit, original.tensors[bias].data, atol=0.51 * unit
    )


def test_other_layers_are_left_as_they_are():
    original, graph = clustered()
    made = with_one_scale(graph, original, Cluster(5))
    for operator in graph.operators[1:]:
        for index in operator.inputs[1:3]:
            assert made.tensors[index] == graph.tensors[index]
            np.testing.assert_array_equal(made.tensors[index].data, graph.tensors[index].data)
    same = with_one_scale(graph, original, Cluster(4))
    assert [item.scales for item in same.tensors] == [item.scales for item in graph.tensors]


@pytest.mark.parametrize("resolver", tiny.RESOLVERS)
def test_it_answers_as_the_float_model(resolver):
    original, graph = clustered()
    made = with_one_scale(graph, original, Cluster(5))
    scale, zero = tiny.QUANTIZED["reconstruction"]
    stored = (np.round(IMAGES * 255) - 128).astype(np.int8)
    answers = tiny.run(write(made), stored, tiny.RESOLVERS[resolver]).astype(np.float64)
    expected = tiny.run(write(original), IMAGES, tiny.RESOLVERS["litert-reference"])
    plain = tiny.run(write(graph), stored, tiny.RESOLVERS[resolver]).astype(np.float64)
    error = np.abs((answers - zero) * scale - expected).mean()
    assert error < 1.5 * np.abs((plain - zero) * scale - expected).mean()


def test_graphs_of_other_operators_are_refused():
    original, graph = clustered()
    other = replace(original.operators[0], name="CONV_2D")
    with pytest.raises(OutOfTolerance, match="FULLY_CONNECTED is not CONV_2D"):
        with_one_scale(graph, replace(original, operators=(other,)), Cluster(5))
