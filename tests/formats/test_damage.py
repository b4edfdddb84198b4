"""Damaged `.tflite` files: read, or refused in one line; never a crash."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import Graph, Tensor, read, write

CONTENT = write(with_edges(tiny.int8_graph(), "float32"))


def test_a_file_cut_short_anywhere_is_refused():
    for length in range(len(CONTENT)):
        with pytest.raises(BadInput, match=r"^cut\.tflite: [^\n]+$"):
            read(CONTENT[:length], "cut.tflite")


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1))
def test_flipped_bytes_are_read_or_refused(flips):
    damaged = bytearray(CONTENT)
    for place, value in flips:
        damaged[place] = value
    try:
        graph = read(bytes(damaged), "flipped")
        sizes = graph_statistics.size_by_cause(bytes(damaged), graph)
        (
            graph_statistics.macs(graph),
            graph_statistics.sparsity(graph),
            graph_statistics.float_operators(graph),
        )
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert sum(sizes.values()) == len(damaged)


def packed(change: object) -> bytes:
    """The tiny model's file after a change to the schema's own objects."""
    model = schema.ModelT.InitFromPackedBuf(write(tiny.float_graph()), 0)
    change(model)
    builder = schema.flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_an_operator_without_inputs_is_read():
    def forget(model):
        model.subgraphs[0].operators[0].inputs = None

    assert read(packed(forget), "m").operators[0].inputs == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: model.subgraphs.append(model.subgraphs[0]), "2 subgraphs"),
        (
            lambda model: setattr(model.subgraphs[0].tensors[0], "type", schema.TensorType.INT4),
            "tensor 'image' is INT4",
        ),
        (
            lambda model: setattr(
                model.subgraphs[0].tensors[0], "sparsity", schema.SparsityParametersT()
            ),
            "tensor 'image' is sparse",
        ),
        (lambda model: setattr(model.operatorCodes[0], "builtinCode", 9999), "operator number"),
    ],
)
def test_what_edgeae_does_not_read_is_named_and_not_called_damage(change, reason):
    with pytest.raises(BadInput, match=f"^m: {reason}.*cannot read"):
        read(packed(change), "m")


@pytest.mark.parametrize(
    ("scales", "zero_points", "axis"),
    [((0.5, 0.5), (0,), 0), ((0.5, 0.5, 0.5), (0, 0, 0), 0), ((0.5, 0.5), (0, 0), 2)],
)
def test_scales_that_do_not_fit_their_tensor_are_refused(scales, zero_points, axis):
    graph = tiny.float_graph()
    weights = Tensor("w", (2, 3), "int8", np.ones((2, 3), np.int8), scales, zero_points, axis)
    with pytest.raises(BadInput, match=r"'w' \(2, 3\)"):
        read(write(replace(graph, tensors=(*graph.tensors, weights))), "m")


def test_a_scale_that_is_no_number_is_refused():
    graph = tiny.int8_graph()
    image = replace(graph.tensors[0], scales=(float("nan"),))
    with pytest.raises(BadInput, match="'image' has a scale that is NaN"):
        read(write(replace(graph, tensors=(image, *graph.tensors[1:]))), "m")


def test_an_edge_that_no_tensor_stands_for_is_refused():
    graph: Graph = tiny.float_graph()
    with pytest.raises(BadInput, match="an edge refers to tensor 99"):
        read(write(replace(graph, outputs={"y": 99})), "m")
