"""Shapes behind onnxruntime's own operators, against what onnxruntime computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeae.formats import describe
from edgeae.formats.onnx import file as onnx_file
from edgeae.formats.onnx import graph_statistics as onnx_statistics
from edgeae.formats.onnx.metadata import FLAVOUR
from edgeae.formats.onnx.shapes import CONTRIB, contributed, inferred

SETS = [helper.make_opsetid("", 18), helper.make_opsetid(CONTRIB, 1)]
GRID = {"s": np.float32(0.02), "z": np.uint8(3)}
WEIGHTS = np.arange(20, dtype=np.uint8).reshape(4, 5)


def contrib(kind: str, inputs: list[str], outputs: list[str], **options) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, outputs, domain=CONTRIB, **options)


def model(
    nodes, shape=("batch", 4), kind=TensorProto.UINT8, rank=2, **constants
) -> onnx.ModelProto:
    """uint8 `x` → `t`, by the nodes, → `y`, of whose shape the rank alone is told."""
    values = [
        numpy_helper.from_array(np.asarray(array), name)
        for name, array in (GRID | constants).items()
    ]
    source = helper.make_tensor_value_info("x", TensorProto.UINT8, shape)
    target = helper.make_tensor_value_info("y", kind, [f"free_{axis}" for axis in range(rank)])
    nodes = [*nodes, helper.make_node("Identity", ["t"], ["y"])]
    graph = helper.make_graph(nodes, "main", [source], [target], values)
    return helper.make_model(graph, opset_imports=SETS, ir_version=8)


def qgemm(source: str, target: str, output=("s", "z"), **options) -> onnx.NodeProto:
    inputs = [source, "s", "z", "w", "s", "z", "", *output]
    return contrib("QGemm", inputs, [target], **options)


CASES = {
    "QGemm": model([qgemm("x", "h"), contrib("QLinearSigmoid", ["h", *"szsz"], ["t"])], w=WEIGHTS),
    "transposed weights": model([qgemm("x", "t", transB=1)], w=WEIGHTS.T.copy()),
    "float output": model([qgemm("x", "t", ())], kind=TensorProto.FLOAT, w=WEIGHTS),
    "behind it": model(
        [qgemm("x", "h"), helper.make_node("Reshape", ["h", "sizes"], ["t"])],
        w=WEIGHTS,
        rank=3,
        sizes=np.array([-1, 5, 1]),
    ),
    "broadcast": model(
        [contrib("QLinearAdd", ["x", "s", "z", "w", "s", "z", "s", "z"], ["t"])],
        ("batch", 3, 1, 5),
        rank=4,
        w=WEIGHTS,
    ),
    "a row": model(
        [
            contrib("QLinearLeakyRelu", ["x", *"szsz"], ["h"], alpha=0.1),
            contrib("QLinearMul", ["h", "s", "z", "w", "s", "z", "s", "z"], ["t"]),
        ],
        ("batch", 4, 5),
        rank=3,
        w=WEIGHTS,
    ),
}


@pytest.mark.parametrize("proto", CASES.values(), ids=list(CASES))
def test_shapes_are_those_that_onnxruntime_gives(proto):
    content = proto.SerializeToString()
    found = onnx_file.read(content, "m.onnx")
    sizes = [size if isinstance(size, int) else 1 for size in onnx_file.inputs(found)[0].shape]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": np.ones(sizes, np.uint8)})
    assert found.shapes["y"] == output.shape
    assert found.dtypes["y"] == output.dtype.name
    assert proto.SerializeToString() == content


def test_a_free_batch_keeps_its_name():
    found = inferred(CASES["QGemm"]).graph
    (hidden,) = [item for item in found.value_info if item.name == "h"]
    assert [item.dim_param or item.dim_value for item in hidden.type.tensor_type.shape.dim] == [
        "batch",
        5,
    ]


def test_what_is_told_of_contrib_outputs_is_enough_for_onnx_alone():
    proto = CASES["behind it"]
    told = contributed(proto)
    assert [item.name for item in told] == ["h"]  # `t` follows from it
    alone = onnx.ModelProto.FromString(proto.SerializeToString())
    alone.graph.value_info.extend(told)
    found = onnx.shape_inference.infer_shapes(alone, strict_mode=True, data_prop=True)
    shape = found.graph.output[0].type.tensor_type.shape
    assert [item.dim_value for item in shape.dim][1:] == [5, 1]


def test_an_operator_that_nobody_knows_ends_the_inference_without_an_error():
    proto = model([contrib("QLinearConcat", ["s", "z", "x", "s", "z"], ["t"], axis=1)])
    assert "t" not in onnx_file.read(proto.SerializeToString(), "m.onnx").shapes


def test_macs_zeros_and_bytes_of_a_qgemm_by_hand():
    weights = np.array([[7, 1], [7, 9], [0, 9]], np.uint8)
    points = np.array([7, 9], np.uint8)
    scales = np.full(2, 0.1, np.float32)
    node = contrib("QGemm", ["x", "s", "z", "w", "ws", "wz", "b", "s", "z"], ["t"])
    turned = contrib("QGemm", ["x", "s", "z", "w", "ws", "wz", "b", "s", "z"], ["t"], transB=1)
    for item, matrix in ((node, weights), (turned, weights.T.copy())):
        proto = model([item], ("batch", 3), w=matrix, ws=scales, wz=points, b=np.zeros(2, np.int32))
        content = proto.SerializeToString()
        found = onnx_file.read(content, "m.onnx")
        assert onnx_statistics.macs(found) == 3 * 2
        assert onnx_statistics.sparsity(found) == {"w": pytest.approx(4 / 6)}
        sizes = onnx_statistics.size_by_cause(content, found)
        assert (sizes["weights"], sizes["biases"], sizes["scales"]) == (6, 8, 4 + 1 + 8 + 2)
        assert sum(sizes.values()) == len(content)
        assert onnx_file.needs(found) == "opset 18, com.microsoft 1"


@pytest.mark.parametrize(
    ("said", "flavour"),
    [("fast-qoperator", "fast-qoperator"), ("fast-qdq", "qoperator"), (None, "qoperator")],
)
def test_a_file_is_fast_when_it_says_so_and_its_operators_do_not_contradict(said, flavour):
    proto = onnx.ModelProto.FromString(CASES["QGemm"].SerializeToString())
    if said is not None:
        helper.set_model_props(proto, {FLAVOUR: said})
    assert describe.onnx("model", proto.SerializeToString(), "m.onnx").flavour == flavour
