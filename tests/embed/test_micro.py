"""What TensorFlow Lite Micro takes: methods of its resolver, and the estimate of an arena."""

from itertools import pairwise

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from board_models import conv_autoencoder
from c_models import operator

from edgeae.embed import micro
from edgeae.formats.tflite.graph import Graph, Tensor, read

#: Operator → method, read in micro_mutable_op_resolver.h: those whose names follow no rule, and a
#: few that do.
READ = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CONV_2D": "AddConv2D",
    "CUMSUM": "AddCumSum",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "FULLY_CONNECTED": "AddFullyConnected",
    "L2_NORMALIZATION": "AddL2Normalization",
    "PADV2": "AddPadV2",
    "RELU6": "AddRelu6",
    "SPACE_TO_BATCH_ND": "AddSpaceToBatchNd",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


@pytest.mark.parametrize(("name", "method"), READ.items())
def test_methods_are_the_resolvers(name, method):
    assert micro.METHODS[name] == method


def test_every_operator_is_one_of_tflite():
    assert [name for name in micro.METHODS if not hasattr(schema.BuiltinOperator, name)] == []
    assert len(set(micro.METHODS.values())) == len(micro.METHODS)


def test_a_method_is_called_once_however_often_its_operator_stands_there():
    assert micro.methods(tiny.int8_graph()) == ["AddFullyConnected"]
    graph = read(conv_autoencoder(), "conv")
    assert micro.methods(graph) == ["AddConv2D", "AddTransposeConv", "AddLogistic"]


def dense(*widths: int, logistic: bool = False) -> Graph:
    """Layers of these widths in int8, with a scale for each output, as `deep` has them."""
    tensors, operators, source = [_edge("x", widths[0])], [], 0
    for before, width in pairwise(widths):
        scales, zeros = (0.01,) * width, (0,) * width
        weights, bias = np.ones((width, before), np.int8), np.ones(width, np.int32)
        tensors += [
            Tensor("w", weights.shape, "int8", weights, scales, zeros),
            Tensor("b", (width,), "int32", bias, scales, zeros),
            _edge("y", width),
        ]
        count = len(tensors)
        inputs = [source, count - 3, count - 2]
        options = schema.FullyConnectedOptionsT()
        operators.append(operator("FULLY_CONNECTED", inputs, [count - 1], options))
        source = count - 1
    if logistic:
        tensors.append(_edge("z", widths[-1], 1 / 256))
        operators.append(operator("LOGISTIC", [source], [source + 1]))
    return Graph(tuple(tensors), tuple(operators), {"x": 0}, {"y": len(tensors) - 1})


def _edge(name: str, width: int, scale: float = 0.05) -> Tensor:
    return Tensor(name, (1, width), "int8", None, (scale,), (0,))


#: Bytes of arena that TensorFlow Lite Micro was measured to need for parts of `deep`: on Cortex-M4
#: and Cortex-M55 (docs/microcontrollers.md) and on x86-64 (docs/guides/boards.md).
MEASURED = {
    "encoder": (dense(784, 128, 64, 32), (3456, 4352, 3856)),
    "decoder": (dense(32, 64, 128, 784, logistic=True), (15_072, 18_976, 15_664)),
}


@pytest.mark.parametrize("part", MEASURED)
def test_the_estimate_is_above_each_measured_figure_and_not_far(part):
    graph, measured = MEASURED[part]
    assert max(measured) <= micro.arena_estimate(graph) <= 2.2 * max(measured)


def test_the_estimate_counts_activations_and_a_kernels_buffer():
    graph = read(conv_autoencoder(), "conv")
    # image, sum and reconstruction of 64 bytes each; the code of 48 is gone by then
    assert micro.planned(graph) == 64 + 64 + 64
    sums = 64 * np.dtype(np.int32).itemsize  # TRANSPOSE_CONV adds up in int32
    assert micro.arena_estimate(graph) >= micro.planned(graph) + sums
    assert micro.arena_estimate(graph) % 16 == 0


def test_a_layer_is_a_step_and_a_sigmoid_makes_more_of_it():
    assert micro.steps(dense(8, 4)) == 2  # at least two
    assert micro.steps(dense(8, 4, 4, 4)) == 3
    # of a step of 0.05, the sigmoid's slope of 1/4 makes 3.2 of 1/256
    assert micro.steps(dense(8, 4, 4, 4, logistic=True)) == 10


def test_a_scale_for_each_output_is_noticed():
    assert micro.per_channel(dense(8, 4)) and not micro.per_channel(tiny.int8_graph())
