"""The census, against the interpreter and against figures counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, read, write
from edgeae.formats.tflite.minimum_runtime import MINIMUM_RUNTIMES

STRIDES = {"strideH": 1, "strideW": 1, "padding": schema.Padding.VALID}
SIZES = st.integers(1, 4)


def ones(name: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(name, shape, "float32", np.ones(shape, np.float32))


def one_operator(operator: Operator, *tensors: Tensor) -> Graph:
    """A graph of one operator; tensor 0 is its input and the last one its output."""
    return Graph(tensors, (operator,), {"x": 0}, {"y": len(tensors) - 1})


def sum_of_outputs(graph: Graph) -> int:
    """Run on ones: without bias and with weights of 1, each product adds 1 to some output."""
    interpreter = Interpreter(model_content=write(graph))
    interpreter.allocate_tensors()
    (edge,) = interpreter.get_input_details()
    interpreter.set_tensor(edge["index"], np.ones(edge["shape"], np.float32))
    interpreter.invoke()
    return int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).sum())


@given(SIZES, SIZES, SIZES)
def test_macs_of_a_dense_layer_are_the_products_that_the_interpreter_adds(rows, inner, width):
    graph = one_operator(
        tiny.operator("FULLY_CONNECTED", 1, (0, 1, -1), (2,), "FullyConnectedOptions"),
        Tensor("x", (rows, inner), "float32"),
        ones("w", (width, inner)),
        Tensor("y", (rows, width), "float32"),
    )
    assert graph_statistics.macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, SIZES)
def test_macs_of_a_convolution_are_the_products_that_the_interpreter_adds(
    height, width, channels, filters
):
    graph = one_operator(
        tiny.operator("CONV_2D", 1, (0, 1, 2), (3,), "Conv2DOptions", **STRIDES),
        Tensor("x", (1, 5, 6, channels), "float32"),
        ones("w", (filters, height, width, channels)),
        Tensor("b", (filters,), "float32", np.zeros(filters, np.float32)),
        Tensor("y", (1, 6 - height, 7 - width, filters), "float32"),
    )
    assert graph_statistics.macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, st.integers(1, 2))
def test_macs_of_a_depthwise_convolution_are_the_products_that_the_interpreter_adds(
    height, width, channels, multiplier
):
    filters = channels * multiplier
    options = STRIDES | {"depthMultiplier": multiplier}
    graph = one_operator(
        tiny.operator("DEPTHWISE_CONV_2D", 1, (0, 1, 2), (3,), "DepthwiseConv2DOptions", **options),
        Tensor("x", (1, 5, 6, channels), "float32"),
        ones("w", (1, height, width, filters)),
        Tensor("b", (filters,), "float32", np.zeros(filters, np.float32)),
        Tensor("y", (1, 6 - height, 7 - width, filters), "float32"),
    )
    assert graph_statistics.macs(graph) == sum_of_outputs(graph)


def transposed(weights: Tensor, stride: int) -> Graph:
    """A transposed convolution of a 2 × 3 image by weights (filters, height, width, channels)."""
    filters, height, width, channels = weights.shape
    shape = (1, 2 * stride + max(height - stride, 0), 3 * stride + max(width - stride, 0), filters)
    options = STRIDES | {"strideH": stride, "strideW": stride}
    return one_operator(
        tiny.operator("TRANSPOSE_CONV", 1, (1, 2, 0), (3,), "TransposeConvOptions", **options),
        Tensor("x", (1, 2, 3, channels), "float32"),
        Tensor("shape", (4,), "int32", np.array(shape, np.int32)),
        weights,
        Tensor("y", shape, "float32"),
    )


@given(SIZES, SIZES, SIZES, SIZES, st.integers(1, 2))
def test_macs_of_a_transposed_convolution_are_the_products_that_the_interpreter_adds(
    height, width, channels, filters, stride
):
    graph = transposed(ones("w", (filters, height, width, channels)), stride)
    assert graph_statistics.macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, st.booleans())
def test_macs_of_a_matrix_product_are_the_products_that_the_interpreter_adds(
    rows, inner, columns, transposed
):
    graph = one_operator(
        tiny.operator(
            "BATCH_MATMUL", 1, (0, 1), (2,), "BatchMatMulOptions", adjX=transposed, adjY=False
        ),
        Tensor("x", (1, inner, rows) if transposed else (1, rows, inner), "float32"),
        ones("w", (1, inner, columns)),
        Tensor("y", (1, rows, columns), "float32"),
    )
    assert graph_statistics.macs(graph) == sum_of_outputs(graph)


def zeros_and_ones(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    values = np.random.default_rng(seed).integers(0, 2, shape)
    return Tensor(name, shape, "float32", values.astype(np.float32))


@given(SIZES, SIZES, SIZES, st.integers(0, 99))
def test_nonzero_macs_of_a_dense_layer_are_the_products_that_add_something(
    rows, inner, width, seed
):
    graph = one_operator(
        tiny.operator("FULLY_CONNECTED", 1, (0, 1, -1), (2,), "FullyConnectedOptions"),
        Tensor("x", (rows, inner), "float32"),
        zeros_and_ones("w", (width, inner), seed),
        Tensor("y", (rows, width), "float32"),
    )
    assert graph_statistics.nonzero_macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 99))
def test_nonzero_macs_of_a_convolution_count_a_weight_wherever_its_kernel_is_applied(
    height, width, channels, filters, seed
):
    graph = one_operator(
        tiny.operator("CONV_2D", 1, (0, 1, 2), (3,), "Conv2DOptions", **STRIDES),
        Tensor("x", (1, 5, 6, channels), "float32"),
        zeros_and_ones("w", (filters, height, width, channels), seed),
        Tensor("b", (filters,), "float32", np.zeros(filters, np.float32)),
        Tensor("y", (1, 6 - height, 7 - width, filters), "float32"),
    )
    assert graph_statistics.nonzero_macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, st.integers(1, 2), st.integers(0, 99))
def test_nonzero_macs_of_a_depthwise_convolution(height, width, channels, multiplier, seed):
    filters = channels * multiplier
    options = STRIDES | {"depthMultiplier": multiplier}
    graph = one_operator(
        tiny.operator("DEPTHWISE_CONV_2D", 1, (0, 1, 2), (3,), "DepthwiseConv2DOptions", **options),
        Tensor("x", (1, 5, 6, channels), "float32"),
        zeros_and_ones("w", (1, height, width, filters), seed),
        Tensor("b", (filters,), "float32", np.zeros(filters, np.float32)),
        Tensor("y", (1, 6 - height, 7 - width, filters), "float32"),
    )
    assert graph_statistics.nonzero_macs(graph) == sum_of_outputs(graph)


@given(SIZES, SIZES, SIZES, SIZES, st.integers(1, 2), st.integers(0, 99))
def test_nonzero_macs_of_a_transposed_convolution(height, width, channels, filters, stride, seed):
    weights = zeros_and_ones("w", (filters, height, width, channels), seed)
    graph = transposed(weights, stride)
    assert graph_statistics.nonzero_macs(graph) == sum_of_outputs(graph)


@pytest.mark.parametrize("first", [True, False])
def test_nonzero_macs_of_a_matrix_product_are_of_whichever_factor_is_constant(first):
    """(2, 3) by (3, 4): each of the constant's values is in 4 products, or in 2."""
    weights = np.array([[1, 0, 0], [0, 1, 1]] if first else np.eye(3, 4), np.float32)
    other = (3, 4) if first else (2, 3)
    tensors = [Tensor("x", (1, *other), "float32"), Tensor("w", (1, *weights.shape), "float32")]
    tensors[1] = replace(tensors[1], data=weights[None])
    graph = one_operator(
        tiny.operator(
            "BATCH_MATMUL",
            1,
            (1, 0) if first else (0, 1),
            (2,),
            "BatchMatMulOptions",
            adjX=False,
            adjY=False,
        ),
        *tensors,
        Tensor("y", (1, 2, 4), "float32"),
    )
    assert graph_statistics.macs(graph) == 24
    assert graph_statistics.nonzero_macs(graph) == (3 * 4 if first else 3 * 2)


def test_without_constant_weights_every_mac_counts():
    graph = one_operator(
        tiny.operator(
            "BATCH_MATMUL", 1, (0, 1), (2,), "BatchMatMulOptions", adjX=False, adjY=False
        ),
        Tensor("x", (1, 2, 3), "float32"),
        Tensor("z", (1, 3, 4), "float32"),
        Tensor("y", (1, 2, 4), "float32"),
    )
    assert graph_statistics.nonzero_macs(graph) == graph_statistics.macs(graph) == 24


def test_a_zero_point_adds_nothing_and_float16_weights_count_where_they_arrive():
    assert graph_statistics.nonzero_macs(float16_graph()) == 3
    data = np.array([[7, 7, 0], [9, 7, 7]], np.uint8)
    weights = Tensor("w", (2, 3), "uint8", data, (0.5,), (7,))
    graph = one_operator(
        tiny.operator("FULLY_CONNECTED", 4, (0, 1, -1), (2,), "FullyConnectedOptions"),
        Tensor("x", (5, 3), "uint8", None, (1.0,), (0,)),
        weights,
        Tensor("y", (5, 2), "uint8", None, (1.0,), (0,)),
    )
    assert graph_statistics.nonzero_macs(graph) == 2 * 5


def test_macs_of_the_tiny_model():
    assert graph_statistics.macs(tiny.int8_graph()) == 16 * 8 + 8 * 4 + 4 * 16


def test_an_operator_without_its_weights_is_bad_input(float_graph):
    broken = replace(float_graph.operators[0], inputs=(0,))
    with pytest.raises(BadInput, match="FULLY_CONNECTED"):
        graph_statistics.macs(replace(float_graph, operators=(broken,)))


def test_operators_are_sorted_by_name_and_by_version_as_a_number(float_graph):
    first, *_ = float_graph.operators
    kinds = [("RELU", 1), ("FULLY_CONNECTED", 12), ("FULLY_CONNECTED", 4), ("RELU", 1)]
    operators = tuple(replace(first, name=name, version=version) for name, version in kinds)
    assert graph_statistics.operators(replace(float_graph, operators=operators)) == (
        OpVersion("FULLY_CONNECTED", 4, 1),
        OpVersion("FULLY_CONNECTED", 12, 1),
        OpVersion("RELU", 1, 2),
    )


@pytest.mark.parametrize(
    ("kinds", "runtime"),
    [
        ([("FULLY_CONNECTED", 1), ("LOGISTIC", 1)], "1.14.0"),  # what the converter writes, too
        ([("FULLY_CONNECTED", 4), ("LOGISTIC", 2), ("QUANTIZE", 1)], "1.14.0"),
        ([("FULLY_CONNECTED", 1), ("DEQUANTIZE", 3)], "1.15.0"),
        ([("FULLY_CONNECTED", 12), ("LOGISTIC", 1)], "2.17.0"),
        ([("CONV_2D", 6), ("CONV_2D", 7)], "2.11.0"),  # 2.9.0 comes later in the alphabet
        ([("FULLY_CONNECTED", 1), ("FULLY_CONNECTED", 99)], "unknown"),
        ([("FULLY_CONNECTED", 1), ("MyOperator", 1)], "unknown"),
        ([], "unknown"),
    ],
)
def test_minimum_runtime(float_graph, kinds, runtime):
    first, *_ = float_graph.operators
    operators = tuple(replace(first, name=name, version=version) for name, version in kinds)
    assert graph_statistics.minimum_runtime(replace(float_graph, operators=operators)) == runtime


def test_runtimes_are_releases_of_known_operators_and_never_sink():
    known = vars(schema.BuiltinOperator)
    for (name, version), runtime in MINIMUM_RUNTIMES.items():
        assert name in known
        release = [int(number) for number in runtime.split(".")]
        assert len(release) == 3
        earlier = MINIMUM_RUNTIMES.get((name, version - 1), "0.0.0")
        assert [int(number) for number in earlier.split(".")] <= release


def test_edges_are_described_by_signature_name(int8_graph, float_graph):
    (image,) = graph_statistics.edge_specs(int8_graph, int8_graph.inputs)
    assert image == TensorSpec("image", (1, 16), "int8", *tiny.QUANTIZED["image"])
    (reconstruction,) = graph_statistics.edge_specs(float_graph, float_graph.outputs)
    assert reconstruction == TensorSpec("reconstruction", (1, 16), "float32")


@pytest.mark.parametrize(
    ("data", "zero_points", "axis", "share"),
    [
        (np.array([[0, 1], [0, 0]], np.int8), (0,), 0, 0.75),
        (np.array([[7, 1], [0, 0]], np.uint8), (7,), 0, 0.25),
        (np.array([[1, 2], [1, 2], [1, 2]], np.int8), (1, 2, 9), 0, 2 / 6),
        (np.array([[1, 2], [1, 2], [1, 2]], np.int8), (1, 2), 1, 1.0),
    ],
)
def test_a_zero_of_integer_weights_is_their_zero_point(data, zero_points, axis, share):
    scales = (0.5,) * len(zero_points)
    weights = Tensor("w", data.shape, data.dtype.name, data, scales, zero_points, axis)
    graph = one_operator(
        tiny.operator("FULLY_CONNECTED", 4, (0, 1, -1), (2,), "FullyConnectedOptions"),
        Tensor("x", (1, data.shape[1]), "int8", None, (1.0,), (0,)),
        weights,
        Tensor("y", (1, data.shape[0]), "int8", None, (1.0,), (0,)),
    )
    assert graph_statistics.sparsity(graph) == {"w": pytest.approx(share)}


def float16_graph() -> Graph:
    """A dense layer (1, 2) → (1, 3) whose float16 weights and bias arrive through DEQUANTIZE."""
    weights = np.array([[0, 1], [0, 2], [0, 3]], np.float16)
    return Graph(
        (
            Tensor("x", (1, 2), "float32"),
            Tensor("w16", (3, 2), "float16", weights),
            Tensor("b16", (3,), "float16", np.ones(3, np.float16)),
            Tensor("w", (3, 2), "float32"),
            Tensor("b", (3,), "float32"),
            Tensor("y", (1, 3), "float32"),
        ),
        (
            tiny.operator("DEQUANTIZE", 3, (1,), (3,), "DequantizeOptions"),
            tiny.operator("DEQUANTIZE", 3, (2,), (4,), "DequantizeOptions"),
            tiny.operator("FULLY_CONNECTED", 1, (0, 3, 4), (5,), "FullyConnectedOptions"),
        ),
        {"x": 0},
        {"y": 5},
    )


def test_float16_weights_count_where_they_arrive():
    graph = float16_graph()
    sizes = graph_statistics.size_by_cause(write(graph), graph)
    assert graph_statistics.sparsity(graph) == {"w16": 0.5}
    assert [graph_statistics.weight_bytes(graph, op) for op in graph.operators] == [
        0,
        0,
        (6 + 3) * 2,
    ]
    assert (sizes["weights"], sizes["biases"]) == (12, 6)
    assert graph_statistics.parameters(graph) == 9


def test_the_bias_of_a_transposed_convolution_is_its_last_input():
    graph = one_operator(
        tiny.operator("TRANSPOSE_CONV", 3, (1, 2, 0, 3), (4,), "TransposeConvOptions", **STRIDES),
        Tensor("x", (1, 1, 1, 2), "float32"),
        Tensor("shape", (4,), "int32", np.array([1, 2, 2, 3], np.int32)),
        ones("w", (3, 2, 2, 2)),
        ones("b", (3,)),
        Tensor("y", (1, 2, 2, 3), "float32"),
    )
    sizes = graph_statistics.size_by_cause(write(graph), graph)
    assert (sizes["weights"], sizes["biases"]) == (4 * 3 * 2 * 2 * 2, 4 * 3)
    assert graph_statistics.parameters(graph) == 3 * 2 * 2 * 2 + 3


def test_shapes_and_paddings_are_no_weights():
    graph = one_operator(
        tiny.operator("PAD", 1, (0, 1), (2,), "PadOptions"),
        Tensor("x", (1, 2), "float32"),
        Tensor("paddings", (2, 2), "int32", np.array([[0, 0], [1, 1]], np.int32)),
        Tensor("y", (1, 4), "float32"),
    )
    sizes = graph_statistics.size_by_cause(write(graph), graph)
    assert (sizes["weights"], sizes["biases"], graph_statistics.parameters(graph)) == (0, 0, 0)
    assert graph_statistics.sparsity(graph) == {}


def test_an_int8_graph_computes_nothing_in_float(int8_graph):
    for dtype in ("int8", "uint8", "float32"):
        assert graph_statistics.float_operators(with_edges(int8_graph, dtype)) == []


def test_float_operators_are_named_with_a_float_tensor(float_graph):
    assert graph_statistics.float_operators(float_graph) == [
        "FULLY_CONNECTED (tensor 'hidden')",
        "FULLY_CONNECTED (tensor 'code')",
        "FULLY_CONNECTED (tensor 'reconstruction')",
    ]


def test_a_conversion_inside_the_graph_is_a_float_operator(int8_graph):
    graph = with_edges(int8_graph, "float32")
    inside = replace(graph, inputs={"image": 0}, outputs={"reconstruction": 3})
    found = graph_statistics.float_operators(inside)
    assert [line.split()[0] for line in found] == ["QUANTIZE", "DEQUANTIZE"]


def test_size_by_cause_of_the_tiny_int8_model(int8_graph):
    content = write(replace(int8_graph, metadata={"note": b"twelve bytes"}))
    sizes = graph_statistics.size_by_cause(content, read(content, "tiny"))
    names = [tensor.name for tensor in int8_graph.tensors]
    words = ["edgeae", "main", "serving_default", "image", "reconstruction", "note"]
    assert tuple(sizes) == graph_statistics.CAUSES
    assert sum(sizes.values()) == len(content)
    assert sizes["weights"] == 16 * 8 + 8 * 4 + 4 * 16
    assert sizes["biases"] == 4 * (8 + 4 + 16)
    assert sizes["scales"] == (4 + 8 + 0) * sum(bool(t.scales) for t in int8_graph.tensors)
    assert sizes["strings"] == sum(map(len, names + words))
    assert sizes["metadata"] == len(b"twelve bytes")


def test_a_buffer_that_two_tensors_share_counts_once(float_graph):
    (first, *_) = (t for t in float_graph.tensors if t.data is not None and t.data.ndim == 2)
    twice = replace(float_graph, tensors=(*float_graph.tensors, replace(first, name="again")))
    once, both = (
        graph_statistics.size_by_cause(content, read(content, "tiny"))["weights"]
        for content in (write(float_graph), write(twice))
    )
    assert once == both


def test_parts_that_do_not_fit_into_the_file_are_bad_input(int8_graph):
    content = write(int8_graph)
    greedy = replace(int8_graph.tensors[0], scales=(1.0,) * len(content))
    with pytest.raises(BadInput, match="overlap"):
        graph_statistics.size_by_cause(
            content, replace(int8_graph, tensors=(greedy, *int8_graph.tensors[1:]))
        )
