"""Reading ONNX files, against onnxruntime and against figures counted by hand."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.errors import BadInput
from edgeae.formats.onnx import file as onnx_file
from edgeae.formats.onnx import graph_statistics as onnx_statistics

SIZES = st.integers(1, 4)
OPSETS = [helper.make_opsetid("", 18)]


def model_bytes(nodes, inputs, outputs, constants, opsets=OPSETS, **options) -> bytes:
    """A model from nodes, edges name → (element type, shape), and constants name → array."""
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=8, **options
    ).SerializeToString()


def one_node(node, shape, weights) -> bytes:
    """A float model of one node `x`, `w` → `y`."""
    free = [f"free_{axis}" for axis in range(len(shape))]  # for shape inference to find out
    edges = {"x": (TensorProto.FLOAT, shape)}, {"y": (TensorProto.FLOAT, free)}
    return model_bytes([node], *edges, {"w": weights})


def sum_of_outputs(content: bytes, shape: tuple[int, ...]) -> int:
    """Run on ones: with weights of 1, each product adds 1 to some output."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": np.ones(shape, np.float32)})
    return int(output.sum())


def counted(content: bytes) -> int:
    return onnx_statistics.macs(onnx_file.read(content, "m.onnx"))


@given(SIZES, SIZES, SIZES, st.booleans())
def test_macs_of_gemm_are_the_products_that_onnxruntime_adds(rows, inner, columns, transposed):
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transA=int(transposed))
    shape = (inner, rows) if transposed else (rows, inner)
    content = one_node(node, shape, np.ones((inner, columns), np.float32))
    assert counted(content) == sum_of_outputs(content, shape)


@given(SIZES, SIZES, SIZES)
def test_macs_of_a_matrix_product_are_the_products_that_onnxruntime_adds(rows, inner, columns):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    content = one_node(node, (2, rows, inner), np.ones((inner, columns), np.float32))
    assert counted(content) == sum_of_outputs(content, (2, rows, inner))


@given(SIZES, SIZES, SIZES, st.integers(1, 2))
def test_macs_of_a_convolution_are_the_products_that_onnxruntime_adds(
    height, width, filters, group
):
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=group)
    weights = np.ones((filters * group, 2, height, width), np.float32)
    content = one_node(node, (1, 2 * group, 5, 6), weights)
    assert counted(content) == sum_of_outputs(content, (1, 2 * group, 5, 6))


@given(SIZES, SIZES, SIZES, st.integers(1, 2))
def test_macs_of_a_transposed_convolution_are_the_products_that_onnxruntime_adds(
    height, width, filters, stride
):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[stride, stride])
    content = one_node(node, (1, 2, 3, 4), np.ones((2, filters, height, width), np.float32))
    assert counted(content) == sum_of_outputs(content, (1, 2, 3, 4))


def qdq_model(dtype: type = np.int8, number: int = TensorProto.INT8) -> bytes:
    """int8 (batch, 2) → int8 (batch, 3), with per-channel weights and a bias, by QDQ."""
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=1),
        helper.make_node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], axis=0),
        helper.make_node("Gemm", ["xf", "wf", "bf"], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "ys", "yz"], ["y"]),
    ]
    constants = {
        "xs": np.float32(0.25),
        "xz": np.array(7, dtype),
        "w": np.array([[0, 1, 2], [0, 1, 3]], np.int8),
        "ws": np.ones(3, np.float32),
        "wz": np.array([0, 1, 2], np.int8),
        "b": np.zeros(3, np.int32),
        "bs": np.ones(3, np.float32),
        "bz": np.zeros(3, np.int32),
        "ys": np.float32(0.5),
        "yz": np.array(9, dtype),
    }
    constants = {name: np.asarray(value) for name, value in constants.items()}
    edges = {"x": (number, ("batch", 2))}, {"y": (number, ("batch", 3))}
    return model_bytes(nodes, *edges, constants, producer_name="hand")


@pytest.mark.parametrize(
    ("dtype", "number"), [(np.int8, TensorProto.INT8), (np.uint8, TensorProto.UINT8)]
)
def test_integer_edges_have_the_scale_of_the_conversion_beside_them(dtype, number):
    model = onnx_file.read(qdq_model(dtype, number), "m")
    name = np.dtype(dtype).name
    assert onnx_file.inputs(model) == (TensorSpec("x", ("batch", 2), name, 0.25, 7),)
    assert onnx_file.outputs(model) == (TensorSpec("y", ("batch", 3), name, 0.5, 9),)


def test_float_edges_have_no_scale():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = onnx_file.read(one_node(node, (1, 2), np.ones((2, 3), np.float32)), "m")
    assert onnx_file.inputs(model) == (TensorSpec("x", (1, 2), "float32"),)


def test_a_qdq_model_by_hand():
    content = qdq_model()
    model = onnx_file.read(content, "m")
    sizes = onnx_statistics.size_by_cause(content, model)
    assert onnx_file.opset(model) == 18
    assert onnx_file.operators(model) == (
        OpVersion("DequantizeLinear", 18, 3),
        OpVersion("Gemm", 18, 1),
        OpVersion("QuantizeLinear", 18, 1),
    )
    assert onnx_statistics.macs(model) == 2 * 3  # the free batch counts as 1
    assert onnx_statistics.parameters(model) == 2 * 3 + 3
    assert onnx_statistics.sparsity(model) == {"w": pytest.approx(5 / 6)}
    assert [onnx_statistics.weight_bytes(model, node) for node in model.nodes] == [
        0,
        0,
        0,
        6 + 12,
        0,
    ]
    assert sum(sizes.values()) == len(content)
    assert (sizes["weights"], sizes["biases"], sizes["metadata"]) == (6, 12, len("hand"))
    assert sizes["scales"] == 2 * (4 + 1) + 3 * (4 + 1) + 3 * (4 + 4)


def test_zero_points_lie_along_axis_1_unless_the_model_says_otherwise():
    model = onnx.load_model_from_string(qdq_model())
    del model.graph.node[1].attribute[:]
    found = onnx_file.read(model.SerializeToString(), "m")
    assert onnx_statistics.sparsity(found) == {"w": pytest.approx(5 / 6)}


def test_a_constant_that_is_also_listed_as_an_input_is_none():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    edges = {"x": (1, 2), "w": (2, 3)}, {"y": (1, 3)}
    floats = [{name: (TensorProto.FLOAT, shape) for name, shape in side.items()} for side in edges]
    content = model_bytes([node], *floats, {"w": np.ones((2, 3), np.float32)})
    (edge,) = onnx_file.inputs(onnx_file.read(content, "m"))
    assert edge.name == "x"


def test_the_bias_of_a_dense_layer_may_be_an_add():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["y"]),
    ]
    edges = {"x": (TensorProto.FLOAT, (1, 2))}, {"y": (TensorProto.FLOAT, (1, 3))}
    constants = {"w": np.zeros((2, 3), np.float32), "b": np.ones(3, np.float32)}
    content = model_bytes(nodes, *edges, constants)
    model = onnx_file.read(content, "m")
    assert onnx_statistics.size_by_cause(content, model)["biases"] == 12
    assert onnx_statistics.sparsity(model) == {"w": 1.0}


def test_weights_in_typed_fields_and_in_constant_nodes_count():
    weights = helper.make_tensor("value", TensorProto.FLOAT, (2, 3), [0.0, 0, 0, 1, 1, 1])
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weights),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    edges = {"x": (TensorProto.FLOAT, (1, 2))}, {"y": (TensorProto.FLOAT, (1, 3))}
    model = onnx_file.read(content := model_bytes(nodes, *edges, {}), "m")
    assert onnx_statistics.sparsity(model) == {"w": 0.5}
    # packed floats, behind a tag and a length of one byte each
    assert onnx_statistics.size_by_cause(content, model)["weights"] == 2 + 6 * 4


def test_operators_of_another_domain_keep_it_in_their_name():
    opsets = [*OPSETS, helper.make_opsetid("com.example", 3)]
    nodes = [helper.make_node("MatMul", ["x"], ["y"], domain="com.example")]
    edges = {"x": (TensorProto.FLOAT, (1, 2))}, {"y": (TensorProto.FLOAT, (1, 2))}
    model = onnx_file.read(model_bytes(nodes, *edges, {}, opsets), "m")
    assert onnx_file.operators(model) == (OpVersion("com.example.MatMul", 3, 1),)
    assert onnx_statistics.macs(model) == 0


def test_weights_in_another_file_are_refused():
    model = onnx.load_model_from_string(qdq_model())
    onnx.external_data_helper.set_external_data(model.graph.initializer[2], "elsewhere.bin")
    with pytest.raises(BadInput, match=r"^m: the values of 'w' are in another file"):
        onnx_file.read(model.SerializeToString(), "m")


@pytest.mark.parametrize("edges", ["input", "output"])
def test_an_edge_that_holds_no_numbers_is_refused(edges):
    model = onnx.load_model_from_string(qdq_model())
    getattr(model.graph, edges)[0].type.tensor_type.elem_type = TensorProto.UNDEFINED
    with pytest.raises(BadInput, match=r"element type 0|not an ONNX model"):
        read = onnx_file.read(model.SerializeToString(), "m")
        (onnx_file.inputs(read), onnx_file.outputs(read))


def test_an_element_type_that_onnx_does_not_have_is_refused_with_the_file_s_name():
    edges = {"x": (TensorProto.FLOAT, (2, 3))}, {"y": (TensorProto.FLOAT, (2, 3))}
    node = helper.make_node("Relu", ["x"], ["y"])
    model = onnx.ModelProto.FromString(model_bytes([node], *edges, {}))
    model.graph.value_info.append(helper.make_tensor_value_info("z", 255, (2, 3)))
    with pytest.raises(BadInput, match=r"^odd\.onnx: element type 255; allowed are tensors"):
        onnx_file.read(model.SerializeToString(), "odd.onnx")


def test_a_file_cut_short_anywhere_is_refused():
    content = qdq_model()
    for length in range(len(content)):
        with pytest.raises(BadInput, match=r"^cut\.onnx: [^\n]+$"):
            onnx_file.read(content[:length], "cut.onnx")


@given(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1))
def test_flipped_bytes_are_read_or_refused(flips):
    damaged = bytearray(qdq_model())
    for place, value in flips:
        damaged[place % len(damaged)] = value
    try:
        model = onnx_file.read(bytes(damaged), "flipped")
        sizes = onnx_statistics.size_by_cause(bytes(damaged), model)
        (onnx_file.inputs(model), onnx_statistics.sparsity(model), onnx_statistics.macs(model))
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert sum(sizes.values()) == len(damaged)
