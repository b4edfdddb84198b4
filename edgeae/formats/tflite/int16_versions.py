"""Sets the operator versions that int16 activations need.

TensorFlow 2.21 writes the operator versions of int8 into int16x8 models, so the minimum runtime
that follows from them would reject the model. The versions here are those of
`GetBuiltinOperatorVersion` in TensorFlow's and LiteRT's `tools/versioning/op_version.cc`. For
operators that multiply and accumulate, that source states the first version with int16 weights; the
kernels with int16 activations and int8 weights came with the same version.
"""

from dataclasses import replace

from edgeae.formats.tflite.graph import Graph, Operator

#: Operator → the first version with int16 activations; 1 for operators that are not listed.
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
    """Return the graph with operator versions raised to what its int16 activations need."""
    return replace(graph, operators=tuple(_raised(graph, item) for item in graph.operators))


def _raised(graph: Graph, operator: Operator) -> Operator:
    wide = any(graph.tensors[index].dtype == "int16" for index in operator.outputs)
    least = _FIRST.get(operator.name, 1) if wide else 1
    return replace(operator, version=max(operator.version, least))
