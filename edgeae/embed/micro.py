"""What TensorFlow Lite Micro makes of a graph: operators, types, an arena's size, other roundings.

Sources: micro_mutable_op_resolver.h, micro_allocator.cc and the kernels of tflite-micro, August
2026, with those of CMSIS-NN.
"""

from math import ceil, prod

import numpy as np

from edgeae.errors import BadInput
from edgeae.formats.tflite.arena import MICRO_ALIGNMENT, arena_bytes
from edgeae.formats.tflite.graph import INT4, Graph, Operator, Tensor

_OPERATORS = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D
DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR
LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND
SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH
TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""
#: Words that the resolver's methods write in their own way.
_WORDS = {"MATMUL": "MatMul", "CUMSUM": "CumSum", "PADV2": "PadV2", "LSTM": "LSTM"}


def _method(name: str) -> str:
    words = (
        word if word[0].isdigit() else _WORDS.get(word, word.capitalize())
        for word in name.split("_")
    )
    return f"Add{''.join(words)}"


#: Operator → the resolver's method that registers its kernel.
METHODS = {name: _method(name) for name in _OPERATORS.split()}
#: Operator with weights → the index of its weights and of its activations among its inputs.
_WEIGHTED = {
    "CONV_2D": (1, 0),
    "DEPTHWISE_CONV_2D": (1, 0),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 2),
}
#: Activations → weights that the kernels take with them.
_TAKEN = {"float32": ("float32",), "int8": ("int8", INT4), "int16": ("int8",)}
#: Operators whose kernels take uint8.
_BYTES = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")

#: Bytes of the interpreter's own objects, on a machine with pointers of 64 bits: of the whole, of
#: a tensor, of an operator, and of an output channel: multiplier, shift, and CMSIS-NN's sum.
_WHOLE, _TENSOR, _OPERATOR, _CHANNEL = 1024, 64, 384, 12
#: Bytes while a layer is prepared: its tensors, and for each output channel the zero points of
#: weights and bias.
_LAYER, _ZERO_POINTS = 512, 8
#: Channels that CMSIS-NN's depthwise kernel for Helium takes at once.
_BLOCK = 124
#: Operator → the most that its output changes with its input. The others that stand here pass
#: values on.
_SLOPES = {"LOGISTIC": 0.25, "TANH": 1.0, "QUANTIZE": 1.0, "DEQUANTIZE": 1.0}
_PASSING = (*_SLOPES, "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS")


def methods(graph: Graph) -> list[str]:
    """Return the resolver's methods for the operators of a graph, each once, in their order."""
    return list(dict.fromkeys(METHODS[operator.name] for operator in graph.operators))


def check(graph: Graph, origin: str) -> None:
    """Check that there is a kernel for each operator with its types.

    Args:
        graph: the graph.
        origin: its file, for the message.

    Raises:
        BadInput: there is none; the message names the first such operator.
    """
    for place, operator in enumerate(graph.operators):
        problem = _problem(graph, operator)
        if problem:
            raise BadInput(
                f"{origin}: operator {place}, {operator.name}: TensorFlow Lite Micro has no kernel "
                f"for {problem}"
            )


def _problem(graph: Graph, operator: Operator) -> str:
    """Return what there is no kernel for; empty if there is one."""
    if operator.name not in METHODS:
        return "it"
    inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
    types = {tensor.dtype for tensor in inputs}
    if "float16" in types:
        return "float16"
    if operator.name in _WEIGHTED:
        weights, activations = (_input(graph, operator, i).dtype for i in _WEIGHTED[operator.name])
        if weights not in _TAKEN.get(activations, ()):
            return f"{weights} weights with {activations} activations"
    elif "uint8" in types and operator.name not in _BYTES:
        return "uint8"
    return ""


def arena_estimate(graph: Graph) -> int:
    """Return an estimate from above of the bytes of an interpreter's arena.

    It is the sum of the planned activations, the largest buffer that a kernel asks for while it
    runs, what the interpreter keeps of its own for the whole, each tensor, each operator and each
    output channel, and what it needs beside all that while it prepares the widest layer, which
    `arena_used_bytes()` does not count.
    """
    own = _WHOLE + _TENSOR * len(graph.tensors) + _OPERATOR * len(graph.operators)
    channels = sum(_channels(graph, operator) for operator in graph.operators)
    scratch = max((_scratch(graph, operator) for operator in graph.operators), default=0)
    found = planned(graph) + scratch + prepared(graph) + own + _CHANNEL * channels
    return -(-found // MICRO_ALIGNMENT) * MICRO_ALIGNMENT


def prepared(graph: Graph) -> int:
    """Return the bytes that the interpreter needs only while it prepares the widest layer."""
    channels = (_channels(graph, operator) for operator in graph.operators)
    return _LAYER + _ZERO_POINTS * max(channels, default=0)


def steps(graph: Graph) -> int:
    """Return by how many steps an integer output may differ from LiteRT's reference kernels.

    It is a step for each layer with weights, at least two, and what a LOGISTIC or TANH behind the
    last of them makes of those steps.
    """
    layers = sum(operator.name in _WEIGHTED for operator in graph.operators)
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    maker = makers.get(next(iter(graph.outputs.values())))
    factor = 1.0
    while maker is not None and maker.name in _PASSING:
        factor *= _gain(_input(graph, maker, 0), graph.tensors[maker.outputs[0]], maker.name)
        maker = makers.get(maker.inputs[0])
    return ceil(max(2, layers) * max(1.0, factor))


def _gain(source: Tensor, target: Tensor, name: str) -> float:
    """Return how many steps of an operator's output come of one of its input."""
    if name not in _SLOPES or not (source.scales and target.scales):
        return 1.0
    return _SLOPES[name] * source.scales[0] / target.scales[0]


def planned(graph: Graph) -> int:
    """Return the bytes of the planned activations, with the input and the output."""
    return arena_bytes(graph, MICRO_ALIGNMENT)


def per_channel(graph: Graph) -> bool:
    """Return whether a FULLY_CONNECTED has a scale of its own for each output."""
    return any(
        operator.name == "FULLY_CONNECTED" and len(_input(graph, operator, 1).scales) > 1
        for operator in graph.operators
    )


def _input(graph: Graph, operator: Operator, place: int) -> Tensor:
    return graph.tensors[operator.inputs[place]]


def _channels(graph: Graph, operator: Operator) -> int:
    if operator.name not in _WEIGHTED:
        return 0
    return graph.tensors[operator.outputs[0]].shape[-1]


def _scratch(graph: Graph, operator: Operator) -> int:
    """Return the bytes that the reference kernel or CMSIS-NN's asks for, whichever are more."""
    output = graph.tensors[operator.outputs[0]]
    values, width = prod(output.shape), np.dtype(output.dtype).itemsize
    if operator.name not in _WEIGHTED:
        return 8 * values if operator.name in ("MEAN", "SUM", "ADD_N") else 0
    weights = _input(graph, operator, _WEIGHTED[operator.name][0])
    unpacked = prod(weights.shape) if weights.dtype == INT4 else 0
    if output.dtype == "float32":
        return 0
    if operator.name == "TRANSPOSE_CONV":
        return 4 * width * values + prod(weights.shape)
    if operator.name == "DEPTHWISE_CONV_2D":
        return unpacked + 4 * prod(weights.shape[1:3]) * max(_BLOCK, weights.shape[-1])
    if operator.name == "CONV_2D":
        return unpacked + 4 * width * prod(weights.shape[1:])
    return unpacked
