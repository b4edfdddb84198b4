"""The versions of operators whose activations are int16.

TensorFlow 2.21 leaves those of int8 at its int16x8 models, which name a runtime that would refuse
them. The facts are those of `GetBuiltinOperatorVersion` in TensorFlow's and LiteRT's
`tools/versioning/op_version.cc`; of the operators that multiply and accumulate it tells the version
that first had int16, of a model whose weights are int16 too: the kernels came together.
"""

from dataclasses import replace

from edgeae.formats.tflite.graph import Graph, Operator

#: Operator → the first version whose activations may be int16; 1 of all others.
_FIRST = {
    "ABS": 3,
    "ADD": 3,
    "AVERAGE_POOL_2D": 3,
    "BATCH_MATMUL": 3,
    "BATCH_TO_SPACE_ND": 4,
    "CONCATENATION": 3,
    "CONV_2D": 4,
    "DEPTHWISE_CONV_2D": 5,
    "EXP": 2,
    "FULLY_CONNECTED": 7,
    "GATHER": 4,
    "LEAKY_RELU": 2,
    "LOG": 2,
    "LOGISTIC": 3,
    "MAXIMUM": 4,
    "MAX_POOL_2D": 3,
    "MEAN": 3,
    "MINIMUM": 4,
    "MIRROR_PAD": 3,
    "MUL": 4,
    "PACK": 3,
    "PAD": 3,
    "PADV2": 3,
    "QUANTIZE": 2,
    "RELU": 3,
    "RELU6": 3,
    "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4,
    "RSQRT": 3,
    "SLICE": 4,
    "SOFTMAX": 3,
    "SPACE_TO_BATCH_ND": 4,
    "SPLIT": 4,
    "SUB": 5,
    "TANH": 3,
    "TRANSPOSE": 5,
}


def with_int16_versions(graph: Graph) -> Graph:
    """Return the graph with operators of at least the version that its int16 activations take."""
    return replace(graph, operators=tuple(_raised(graph, item) for item in graph.operators))


def _raised(graph: Graph, operator: Operator) -> Operator:
    wide = any(graph.tensors[index].dtype == "int16" for index in operator.outputs)
    least = _FIRST.get(operator.name, 1) if wide else 1
    return replace(operator, version=max(operator.version, least))
