"""Unsigned activations inside a QDQ graph whose code is moved behind its quantization."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeae.conversion.onnx.unsigned import unsigned_inside

CHANNELS, LENGTH = 16, 24
#: Scales and zero points. The scales of a layer make a tenth: many sums lie between two steps, and
#: which one they become depends on how they were computed.
WEIGHTS = 0.3
INPUT, HIDDEN, CODE, OUTPUT = ((0.05, -3), (0.1, -7), (0.3, 5), (0.9, -7))


class Layers:
    """Convolutions in QDQ form with random weights; channels come first, but last at the edges."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.rng = np.random.default_rng(5)

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def grid(self, name: str, scale: float, point: int) -> list[str]:
        return [
            self.constant(f"{name}_scale", np.float32(scale)),
            self.constant(f"{name}_point", np.int8(point)),
        ]

    def layer(
        self, source: str, grid: tuple[float, int], target: str, to: tuple[float, int]
    ) -> None:
        weights = self.rng.integers(-2, 3, (CHANNELS, CHANNELS, 3)).astype(np.int8)
        self.constant(f"{target}_w", weights)
        real = [f"{source}_into_{target}", f"{target}_weights", f"{target}_real"]
        self.nodes += [
            helper.make_node(
                "DequantizeLinear", [source, *self.grid(f"{source}_in", *grid)], [real[0]]
            ),
            helper.make_node(
                "DequantizeLinear",
                [f"{target}_w", *self.grid(f"{target}_w", WEIGHTS, 0)],
                [real[1]],
            ),
            helper.make_node("Conv", real[:2], [real[2]], pads=[1, 1], kernel_shape=[3]),
            helper.make_node(
                "QuantizeLinear", [real[2], *self.grid(f"{target}_out", *to)], [target]
            ),
        ]

    def moved(self, source: str, target: str) -> None:
        self.nodes.append(helper.make_node("Transpose", [source], [target], perm=[0, 2, 1]))

    def model(self, source: str, target: str) -> onnx.ModelProto:
        edges = [
            helper.make_tensor_value_info(name, TensorProto.INT8, [1, LENGTH, CHANNELS])
            for name in (source, target)
        ]
        constants = [numpy_helper.from_array(value, key) for key, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "qdq", edges[:1], edges[1:], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def models() -> dict[str, onnx.ModelProto]:
    """Encoder, decoder and autoencoder, of the same layers."""
    encoder, decoder, whole = Layers(), Layers(), Layers()
    decoder.rng = np.random.default_rng(6)
    for layers in (encoder, whole):
        layers.moved("image", "first")
        layers.layer("first", INPUT, "hidden", HIDDEN)
        layers.layer("hidden", HIDDEN, "inner", CODE)
        layers.moved("inner", "code")
    whole.rng = np.random.default_rng(6)
    for layers in (decoder, whole):
        layers.moved("code", "again")
        layers.layer("again", CODE, "last", OUTPUT)
        layers.moved("last", "reconstruction")
    return {
        "encoder": encoder.model("image", "code"),
        "decoder": decoder.model("code", "reconstruction"),
        "autoencoder": whole.model("image", "reconstruction"),
    }


def answers(model: onnx.ModelProto, rows: np.ndarray, optimized: bool = True) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: row[None]})[0] for row in rows])


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.integers(-128, 128, (100, LENGTH, CHANNELS)).astype(np.int8)


def test_the_halves_round_the_code_as_the_whole_does(rows):
    parts = models()
    for model in parts.values():
        unsigned_inside(model.graph)
        onnx.checker.check_model(model, full_check=True)
    codes = answers(parts["encoder"], rows)
    assert codes.std() > 10
    composed = answers(parts["decoder"], codes)
    np.testing.assert_array_equal(composed, answers(parts["autoencoder"], rows))


@pytest.mark.parametrize("part", ["encoder", "decoder", "autoencoder"])
def test_nothing_but_the_type_inside_changes(part, rows):
    """Node by node, without fusion, both graphs give the same integers."""
    model = models()[part]
    before = answers(model, rows, optimized=False)
    unsigned_inside(model.graph)
    np.testing.assert_array_equal(answers(model, rows, optimized=False), before)
    # one more step up, and one down again
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("QuantizeLinear") == kinds.count("Conv") + 2
