"""4-bit weights: two to a byte, on the symmetric grid, and computed alike by every kernel."""

from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from integer_models import Converted, convert

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import Graph, Tensor, read, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    return convert(tmp_path_factory.mktemp("int4"), "float32", "int4", "int4-compensated")


def narrow(steps: np.ndarray, scales: tuple[float, ...]) -> Graph:
    """x · w, with 4-bit weights that are dequantized first."""
    rows, columns = steps.shape
    tensors = (
        Tensor("x", (1, columns), "float32"),
        Tensor("w", steps.shape, "int4", steps, scales, (0,) * len(scales)),
        Tensor("w float", steps.shape, "float32"),
        Tensor("b", (rows,), "float32", np.zeros(rows, np.float32)),
        Tensor("y", (1, rows), "float32"),
    )
    operators = (
        tiny.operator("DEQUANTIZE", 6, (1,), (2,), "DequantizeOptions"),
        tiny.operator("FULLY_CONNECTED", 1, (0, 2, 3), (4,), "FullyConnectedOptions"),
    )
    return Graph(tensors, operators, {"x": 0}, {"y": 4})


def raw(content: bytes, name: str) -> np.ndarray:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (found,) = [item for item in model.subgraphs[0].tensors if item.name == name.encode()]
    return np.asarray(model.buffers[found.buffer].data)


def test_the_first_of_two_values_lies_in_the_low_half_of_a_byte():
    content = write(narrow(np.array([[-1, -8, 7], [1, 0, -7]], np.int8), (0.5, 0.25)))
    assert raw(content, "w").tolist() == [0x8F, 0x17, 0x90]
    odd = write(narrow(np.array([[3, -2, 1]], np.int8), (0.5,)))
    assert raw(odd, "w").tolist() == [0xE3, 0x01]


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 5), (16, 1)])
def test_what_is_written_reads_back(shape):
    steps = np.random.default_rng(4).integers(-8, 8, shape).astype(np.int8)
    graph = narrow(steps, tuple(0.5 ** np.arange(1, shape[0] + 1)))
    content = write(graph)
    again = read(content, "memory")
    assert again == graph and write(again) == content
    assert again.tensors[1].data.dtype == np.int8
    np.testing.assert_array_equal(again.tensors[1].data, steps)


@pytest.mark.parametrize("kernels", tiny.RESOLVERS)
def test_every_value_and_scale_is_what_litert_takes_it_for(kernels):
    steps = np.arange(-8, 8, dtype=np.int8).reshape(2, 8)
    content = write(narrow(steps, (0.5, 0.125)))
    found = tiny.run(content, np.eye(8, dtype=np.float32), tiny.RESOLVERS[kernels])
    np.testing.assert_array_equal(found, (steps * np.array([[0.5], [0.125]])).T)


def test_the_census_counts_halves_of_bytes_and_zeros():
    steps = np.array([[0, 1, 0], [2, 0, 0]], np.int8)
    graph = narrow(steps, (1.0, 1.0))
    content = write(graph)
    assert graph_statistics.sparsity(graph) == {"w": 4 / 6}
    assert graph_statistics.size_by_cause(content, graph)["weights"] == 3
    assert graph_statistics.weight_bytes(graph, graph.operators[1]) == 3 + 8
    assert graph_statistics.parameters(graph) == 6 + 2
    assert (graph_statistics.macs(graph), graph_statistics.nonzero_macs(graph)) == (6, 2)
    assert graph_statistics.minimum_runtime(graph) == "2.18.0"


def test_a_cut_keeps_them():
    graph = narrow(np.array([[1, 2, 3]], np.int8), (0.5,))
    part = cut(graph, {"x": 0}, {"y": 4})
    assert read(write(part), "part").tensors[1] == graph.tensors[1]


def test_too_few_bytes_and_activations_of_four_bits_are_refused():
    graph = narrow(np.ones((2, 3), np.int8), (1.0, 1.0))
    short = replace(graph.tensors[1], data=np.ones((1, 3), np.int8))
    tensors = (graph.tensors[0], short, *graph.tensors[2:])
    with pytest.raises(BadInput, match="2 bytes of 6 4-bit values"):
        read(write(replace(graph, tensors=tensors)), "m")
    tensors = (graph.tensors[0], replace(graph.tensors[1], data=None), *graph.tensors[2:])
    with pytest.raises(BadInput, match="'w' is INT4 but not a constant; edgeae cannot read"):
        read(write(replace(graph, tensors=tensors)), "m")


def test_scales_of_blocks_are_refused_and_not_taken_for_none():
    model = schema.ModelT.InitFromPackedBuf(write(narrow(np.ones((1, 2), np.int8), (1.0,))), 0)
    quantization = model.subgraphs[0].tensors[1].quantization
    quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    quantization.details = schema.BlockwiseQuantizationT()
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(BadInput, match="blockwise or custom scales"):
        read(bytes(builder.Output()), "m")


# --- conversion ---


@pytest.mark.system
@pytest.mark.tensorflow
def test_weights_lie_on_the_symmetric_grid_that_training_knows(made):
    """q = round(w / s), s = max|w| / 7 of each output channel, by numpy."""
    graph, original = made.graph("dense", "int4"), made.graph("dense", "float32")
    floats = {item.name: item for item in original.tensors}
    found = [item for item in graph.tensors if item.dtype == "int4"]
    assert len(found) == 4
    for tensor in found:
        weights = floats[tensor.name].data
        scales = np.abs(weights).max(axis=1) / np.float32(7)
        np.testing.assert_allclose(tensor.scales, scales, rtol=1e-6)
        np.testing.assert_array_equal(tensor.data, np.round(weights / scales[:, None]))
        assert set(tensor.zero_points) == {0} and np.abs(tensor.data).max() == 7


@pytest.mark.system
@pytest.mark.tensorflow
def test_operators_have_the_version_that_reads_four_bits(made):
    for part in ("encoder", "decoder", "autoencoder"):
        graph = made.graph("dense", "int4-compensated", part)
        found = {item.name: item.version for item in graph_statistics.operators(graph)}
        assert found["DEQUANTIZE"] == 6
        assert graph_statistics.minimum_runtime(graph) == "2.18.0"


@pytest.mark.system
@pytest.mark.tensorflow
@pytest.mark.parametrize("kernels", ["litert-builtin", "litert-xnnpack"])
def test_kernels_agree(made, kernels):
    first = made.answers("dense", "int4-compensated", "litert-reference")
    np.testing.assert_allclose(
        made.answers("dense", "int4-compensated", kernels), first, rtol=0, atol=1e-5
    )


@pytest.mark.system
@pytest.mark.tensorflow
def test_compensation_lowers_the_loss(made):
    assert made.loss("dense", "float32") < 1e-10
    assert made.loss("dense", "int4-compensated") < 0.5 * made.loss("dense", "int4")
    assert made.said["again"]["dense-int4-compensated"]


@pytest.mark.system
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("model", "operator"),
    [("convolutional", "TRANSPOSE_CONV"), ("mobile", "DEPTHWISE_CONV_2D")],
)
def test_layers_without_4_bit_weights_are_refused_in_one_line(made, model, operator):
    line = made.said["refused"][f"{model}-int4"]
    assert line.startswith(f"quantization = 'int4': {operator} '") and "\n" not in line
    assert line.endswith(
        "allowed are FULLY_CONNECTED and CONV_2D: models of Dense and Conv2D layers"
    )
    assert not list(made.folder.glob(f"{model}-int4*"))
