from dataclasses import replace

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema

from edgeae.errors import BadInput
from edgeae.formats.tflite.cut import cut, with_edges
from edgeae.formats.tflite.graph import Graph, Tensor, read, write


def int8_inputs(n: int = 300) -> np.ndarray:
    random = np.random.default_rng(2)
    noise = random.integers(-128, 128, (n, tiny.PIXELS), np.int8)
    extremes = np.array([[-128] * tiny.PIXELS, [127] * tiny.PIXELS], np.int8)
    return np.concatenate([extremes, noise])


@pytest.mark.parametrize("resolver", tiny.RESOLVERS)
@pytest.mark.parametrize("make", [tiny.int8_graph, tiny.float_graph])
def test_decoder_of_encoder_is_the_autoencoder_bit_for_bit(resolver, make):
    kernels, x = tiny.RESOLVERS[resolver], int8_inputs()
    if make is tiny.float_graph:
        x = x.astype(np.float32) / np.float32(64)
    parts = {part: write(graph) for part, graph in tiny.parts(make()).items()}
    code = tiny.run(parts["encoder"], x, kernels)
    assert code.shape == (len(x), tiny.CODE)
    assert len(np.unique(code)) > 50
    whole = tiny.run(parts["autoencoder"], x, kernels)
    assert tiny.run(parts["decoder"], code, kernels).tobytes() == whole.tobytes()
    assert tiny.run(write(make()), x, kernels).tobytes() == whole.tobytes()


def test_parts_hold_their_own_operators_and_tensors_alone(int8_graph):
    parts = tiny.parts(int8_graph)
    assert {part: len(graph.operators) for part, graph in parts.items()} == {
        "encoder": 2,
        "decoder": 1,
        "autoencoder": 3,
    }
    assert {tensor.name for tensor in parts["decoder"].tensors} == {
        "code",
        "reconstruction",
        "reconstruction/weights",
        "reconstruction/bias",
    }


def test_the_cut_names_the_edges(int8_graph):
    part = cut(int8_graph, {"in": 0}, {"out": 2})
    assert part.tensors[part.inputs["in"]].name == "in"
    assert part.tensors[part.outputs["out"]].name == "out"
    assert int8_graph.tensors[2].name == "code"


def with_skip(graph: Graph) -> Graph:
    """Add `reconstruction + image`, a connection around the code."""
    total = Tensor("total", (1, 16), "int8", None, (1 / 64,), (0,))
    image, before = graph.inputs["image"], graph.outputs["reconstruction"]
    add = tiny.operator("ADD", 2, (before, image), (len(graph.tensors),), "AddOptions")
    return replace(
        graph,
        tensors=(*graph.tensors, total),
        operators=(*graph.operators, add),
        outputs={"reconstruction": len(graph.tensors)},
    )


def test_a_connection_around_the_code_is_refused_by_name(int8_graph):
    graph = with_skip(int8_graph)
    tiny.run(write(graph), int8_inputs(3), tiny.RESOLVERS["litert-reference"])
    with pytest.raises(BadInput, match="'image' of ADD bypasses the cut"):
        cut(graph, {"code": 2}, graph.outputs)
    cut(graph, {"image": 0}, {"code": 2})


def test_a_cut_at_a_tensor_behind_its_output_is_refused(int8_graph):
    with pytest.raises(BadInput, match="image"):
        cut(int8_graph, {"code": 2}, {"hidden": 1})


@pytest.mark.parametrize(
    "edges", [({"image": 0}, {"code": 99}), ({"code": 99}, {"reconstruction": 3})]
)
def test_a_tensor_that_does_not_exist_is_refused(int8_graph, edges):
    with pytest.raises(BadInput, match="99"):
        cut(int8_graph, *edges)


@pytest.mark.parametrize("resolver", tiny.RESOLVERS)
def test_uint8_edges_shift_the_same_integers_by_128(int8_graph, resolver):
    kernels = tiny.RESOLVERS[resolver]
    x = np.concatenate(
        [int8_inputs(), np.arange(-128, 128).repeat(16).reshape(-1, 16).astype(np.int8)]
    )
    expected = tiny.run(write(int8_graph), x, kernels).astype(int)
    graph = with_edges(int8_graph, "uint8")
    assert [graph.tensors[i].dtype for i in (*graph.inputs.values(), *graph.outputs.values())] == [
        "uint8",
        "uint8",
    ]
    shifted = (x.astype(int) + 128).astype(np.uint8)
    np.testing.assert_array_equal(tiny.run(write(graph), shifted, kernels), expected + 128)


@pytest.mark.parametrize("resolver", tiny.RESOLVERS)
def test_float_edges_carry_the_same_integers(int8_graph, resolver):
    kernels, x = tiny.RESOLVERS[resolver], int8_inputs()
    expected = tiny.run(write(int8_graph), x, kernels).astype(np.float32)
    (scale, zero), (out_scale, out_zero) = (
        tiny.QUANTIZED[name] for name in ("image", "reconstruction")
    )
    real = (x.astype(np.float32) - zero) * np.float32(scale)
    answer = tiny.run(write(with_edges(int8_graph, "float32")), real, kernels)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, (expected - out_zero) * np.float32(out_scale))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_value_crosses_both_edges(dtype):
    # a graph that does nothing else: int8 → int8, so each of the 256 values must come back
    scale = float(np.float32(0.05))
    edge = Tensor("x", (1, 256), "int8", None, (scale,), (7,))
    flat = Tensor("shape", (2,), "int32", np.array([1, 256], np.int32))
    reshape = tiny.operator("RESHAPE", 1, (0, 1), (2,), "ReshapeOptions", newShape=[1, 256])
    graph = Graph((edge, flat, replace(edge, name="y")), (reshape,), {"x": 0}, {"y": 2})
    steps = np.arange(-128, 128)
    x = steps + 128 if dtype == "uint8" else (steps - 7).astype(np.float32) * np.float32(scale)
    for name, kernels in tiny.RESOLVERS.items():
        (answer,) = tiny.run(write(with_edges(graph, dtype)), x.astype(dtype)[None], kernels)
        if name == "litert-builtin" and dtype == "float32":
            # its DEQUANTIZE is q × scale − zero point × scale: other last bits, the same integers
            np.testing.assert_allclose(answer, x, rtol=0, atol=1e-6)
            answer = (np.rint(answer / scale) * np.float32(scale)).astype(np.float32)
        np.testing.assert_array_equal(answer, x.astype(dtype))


def test_edges_keep_their_names_and_int8_needs_no_change(int8_graph):
    assert with_edges(int8_graph, "int8") is int8_graph
    for dtype in ("uint8", "float32"):
        graph = with_edges(int8_graph, dtype)
        assert (list(graph.inputs), list(graph.outputs)) == (["image"], ["reconstruction"])
        names = [tensor.name for tensor in graph.tensors]
        assert len(set(names)) == len(names)


def test_edges_of_a_float_graph_and_unknown_edges_are_refused(float_graph, int8_graph):
    with pytest.raises(BadInput, match="'image' is float32, not int8"):
        with_edges(float_graph, "uint8")
    with pytest.raises(BadInput, match="int16"):
        with_edges(int8_graph, "int16")


def per_channel(axis: int) -> Graph:
    """The int8 graph with a scale per row (0) or column (1) of its first weights."""
    graph = tiny.int8_graph()
    place = graph.operators[0].inputs[1]
    scales = tuple(float(scale) for scale in 2.0 ** -np.arange(graph.tensors[place].shape[axis]))
    weights = replace(
        graph.tensors[place], scales=scales, zero_points=(0,) * len(scales), axis=axis
    )
    return replace(graph, tensors=(*graph.tensors[:place], weights, *graph.tensors[place + 1 :]))


GRAPHS = {
    "a scale per row": lambda: per_channel(0),
    "a scale per column": lambda: per_channel(1),
    "int8": tiny.int8_graph,
    "float32": tiny.float_graph,
    "uint8 edges": lambda: with_edges(tiny.int8_graph(), "uint8"),
    "skip": lambda: with_skip(tiny.int8_graph()),
    "metadata": lambda: replace(tiny.float_graph(), metadata={"by": b"hand", "empty": b""}),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_what_is_written_reads_back_and_writes_the_same_bytes(kind):
    graph = GRAPHS[kind]()
    content = write(graph)
    again = read(content, "memory")
    assert again == graph
    for ours, theirs in zip(graph.tensors, again.tensors, strict=True):
        assert (ours.data is None) == (theirs.data is None)
        if ours.data is not None:
            np.testing.assert_array_equal(ours.data, theirs.data)
    for ours, theirs in zip(graph.operators, again.operators, strict=True):
        assert ours.options == theirs.options
    assert write(again) == content == write(graph)


@pytest.mark.parametrize("kind", GRAPHS)
def test_constants_start_at_multiples_of_16(kind):
    content = write(GRAPHS[kind]())
    model = schema.Model.GetRootAs(content, 0)
    places = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        offset = buffer._tab.Offset(4)
        if offset and buffer.DataLength():
            places.append(buffer._tab.Vector(offset))
    assert len(places) >= 6
    assert [place % 16 for place in places] == [0] * len(places)


def test_equal_constants_are_stored_once(float_graph):
    doubled = replace(float_graph, tensors=(*float_graph.tensors, float_graph.tensors[4]))
    assert len(write(doubled)) - len(write(float_graph)) < 16 * 8 * 4


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0" * 64, b"\x1c\0\0\0TFL3", b"not a model at all, only text"]
)
def test_what_is_no_model_is_told(content):
    with pytest.raises(BadInput, match=r"x\.tflite"):
        read(content, "x.tflite")


def test_every_cut_and_damaged_file_is_read_or_refused(int8_graph):
    whole, random = write(int8_graph), np.random.default_rng(11)
    mutants = [whole[:length] for length in range(0, len(whole), 97)]
    for _ in range(400):
        mutant = bytearray(whole)
        mutant[random.integers(len(whole))] = random.integers(256)
        mutants.append(bytes(mutant))
    refused = 0
    for mutant in mutants:
        try:
            read(mutant, "x.tflite")
        except BadInput as error:
            refused += 1
            assert "x.tflite" in str(error) and "\n" not in str(error)
    assert refused > 20
