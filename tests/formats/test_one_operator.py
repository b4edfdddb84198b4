from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeae.artifacts.manifest import TensorSpec
from edgeae.errors import BadInput
from edgeae.formats import passthrough
from edgeae.formats.onnx import protobuf_writer
from edgeae.formats.tflite import graph as tflite
from edgeae.runtimes import RUNTIMES, load

DTYPES = ("float32", "int8", "uint8")
#: Edges of models that are not edgeae's own.
OTHERS = ("int16", "int32", "int64")
#: Values given → values wanted, and the operator that does it in each format.
EDGES = {
    "as many": ((4, 4), (16,), "RESHAPE", "Identity"),
    "fewer": ((28, 28, 1), (32,), "SLICE", "Slice"),
    "more": ((32,), (784,), "PAD", "Pad"),
    "one": ((784,), (1,), "SLICE", "Slice"),
}
LITERT = [name for name in RUNTIMES if name.startswith("litert") and not name.endswith("gpu")]


def specs(case: str, given: str, wanted: str) -> tuple[TensorSpec, TensorSpec]:
    source, target, *_ = EDGES[case]
    return TensorSpec("image", (1, *source), given), TensorSpec("code", ("batch", *target), wanted)


def values(spec: TensorSpec, batch: int) -> np.ndarray:
    random = np.random.default_rng(1)
    shape = (batch, int(np.prod(spec.values)))
    if spec.dtype == "float32":
        return random.normal(0, 3, shape).astype(np.float32)
    return random.integers(0, 128, shape).astype(spec.dtype)


def cut_or_padded(x: np.ndarray, target: TensorSpec) -> np.ndarray:
    """What the operator does, said another way."""
    wanted = int(np.prod(target.values))
    return np.concatenate([x, np.zeros((len(x), wanted), x.dtype)], axis=1)[:, :wanted]


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", EDGES)
def test_onnxruntime_passes_its_input_on_cut_or_padded(case, dtype, batch):
    source, target = specs(case, dtype, dtype)
    content = passthrough.onnx(source, target, batch)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,), (wanted,) = session.get_inputs(), session.get_outputs()
    assert (given.name, wanted.name) == ("image", "code")
    assert given.shape[0] == wanted.shape[0] == batch
    x = values(source, batch)
    (y,) = session.run(None, {"image": x})
    assert y.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(y, cut_or_padded(x, target))


@pytest.mark.parametrize("wanted", DTYPES)
@pytest.mark.parametrize("given", DTYPES)
@pytest.mark.parametrize("case", EDGES)
def test_the_bytes_are_what_protobuf_itself_writes_and_the_checker_takes(case, given, wanted):
    content = passthrough.onnx(*specs(case, given, wanted), 8)
    model = onnx.ModelProto.FromString(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString(deterministic=True) == content
    assert (model.ir_version, model.opset_import[0].version) == (10, 18)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == [EDGES[case][3], *(["Cast"] if given != wanted else [])]


def test_the_onnx_model_is_the_one_that_onnx_builds():
    places = {"starts": [0], "ends": [32], "axes": [1]}
    constants = [
        numpy_helper.from_array(np.array(value, np.int64), f"edgeae/{name}")
        for name, value in places.items()
    ]
    node = helper.make_node("Slice", ["image", *(item.name for item in constants)], ["code"])
    graph = helper.make_graph(
        [node],
        "one_operator",
        [helper.make_tensor_value_info("image", TensorProto.INT8, [2, 784])],
        [helper.make_tensor_value_info("code", TensorProto.INT8, [2, 32])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    own = onnx.ModelProto.FromString(passthrough.onnx(*specs("fewer", "int8", "int8"), 2))
    assert own == model


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", EDGES)
@pytest.mark.parametrize("runtime", [*LITERT, "onnxruntime-cpu", "null"])
def test_every_runtime_opens_it_for_any_edges(runtime, case, dtype, batch):
    source, target = specs(case, dtype, dtype)
    artifact = SimpleNamespace(input=source, output=target)
    session = load(runtime).open_fixed(artifact, threads=1, batch=batch)
    x = values(source, batch)
    y = session.run(x)
    assert y.dtype == np.dtype(dtype) and y.shape == (batch, np.prod(target.values))
    if runtime != "null":
        np.testing.assert_array_equal(y, cut_or_padded(x, target))
    session.close()


@pytest.mark.parametrize(
    ("runtime", "dtype"),
    [(name, dtype) for name in LITERT for dtype in OTHERS]
    + [("onnxruntime-cpu", dtype) for dtype in ("int32", "int64", "float16")],
)
@pytest.mark.parametrize("case", EDGES)
def test_models_of_other_makers_have_a_fixed_cost_too(runtime, case, dtype):
    source, target = specs(case, dtype, dtype)
    artifact = SimpleNamespace(input=source, output=target)
    session = load(runtime).open_fixed(artifact, threads=1, batch=2)
    x = values(source, 2)
    np.testing.assert_array_equal(session.run(x), cut_or_padded(x, target))


@pytest.mark.parametrize(("given", "wanted"), [("int32", "float32"), ("float32", "int64")])
def test_integers_that_count_become_floats_and_back_by_a_cast(given, wanted):
    source, target = specs("fewer", given, wanted)
    artifact = SimpleNamespace(input=source, output=target)
    x = values(replace(source, dtype="int8"), 2).astype(given)
    for runtime in ("litert-reference", "onnxruntime-cpu"):
        y = load(runtime).open_fixed(artifact, threads=1, batch=2).run(x)
        assert y.dtype == np.dtype(wanted)
        np.testing.assert_array_equal(y, x[:, :32].astype(wanted))


@pytest.mark.parametrize("wanted", DTYPES)
@pytest.mark.parametrize("given", DTYPES)
@pytest.mark.parametrize("case", EDGES)
def test_a_tflite_is_one_operator_and_a_conversion_where_the_edges_differ(case, given, wanted):
    graph = tflite.read(passthrough.tflite(*specs(case, given, wanted), 8), "x")
    conversion = "DEQUANTIZE" if wanted == "float32" else "QUANTIZE"
    names = [operator.name for operator in graph.operators]
    assert names == [EDGES[case][2], *([conversion] if given != wanted else [])]
    (source,), (target,) = graph.inputs.values(), graph.outputs.values()
    assert graph.tensors[source].dtype == given and graph.tensors[target].dtype == wanted


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", EDGES)
def test_xnnpack_takes_the_operator(case, dtype, batch):
    from ai_edge_litert.interpreter import Interpreter

    content = passthrough.tflite(*specs(case, dtype, dtype), batch)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    last = interpreter._get_ops_details()[-1]
    assert last["op_name"] == "DELEGATE"
    ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {item["index"] for item in ends} <= {*last["inputs"], *last["outputs"]}


@pytest.mark.parametrize(
    ("make", "dtype"), [(passthrough.tflite, "float16"), (passthrough.onnx, "complex64")]
)
@pytest.mark.parametrize("place", [0, 1])
def test_other_element_types_are_refused_by_name(make, dtype, place):
    pair = [TensorSpec("image", (1, 4), "int8"), TensorSpec("code", (1, 4), "int8")]
    pair[place] = TensorSpec("odd", (1, 4), dtype)
    with pytest.raises(BadInput, match=rf"'odd' is {dtype}: allowed are float32, uint8, int8, int"):
        make(*pair)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
def test_integers_of_the_wire_read_back(value):
    made = onnx.ModelProto.FromString(protobuf_writer.integer(1, value))
    assert made.ir_version == value


def test_a_negative_integer_is_refused():
    with pytest.raises(ValueError, match="-1"):
        protobuf_writer.integer(1, -1)


def test_long_text_reads_back():
    text = "ü" * 70_000
    assert onnx.ModelProto.FromString(protobuf_writer.text(2, text)).producer_name == text
