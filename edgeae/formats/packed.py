"""The bytes of flash that a graph's constants need if they are stored packed, by cause.

These are the constants of the C that `edgeae embed --as c --optimize size` writes in portable C,
within 1 %. Of a graph that C does not take, they are an estimate. The code, its arguments and the
order of the operators are left out; they are nearly the same for every encoding.

- `weights`: each weight tensor in its smallest encoding, see `edgeae.formats.weight_encoding`.
  Tensors with the same bytes are stored once.
- `biases`: a bias for each output channel, and the other constants that operators compute with: 4
  bytes per value of an int32 or float32 bias, 8 bytes per value of int16x8. Biases with the same
  bytes are stored once.
- `scales`: a multiplier of 4 bytes and a shift of 1 byte for each scale of an operator's weights:
  one per output channel, or one per tensor; 8 bytes for a FULLY_CONNECTED of int16x8. They also
  depend on the scales of the operator's input and output, so weights that two operators share count
  twice.
- `tables`: 256 bytes for each lookup table of an int8 function between two scales. The int16
  functions share one table of 512 bytes (`sigmoid_table_uint16` of
  tensorflow/lite/kernels/internal/common.cc). SOFTMAX has a table of exponentials, and
  RESIZE_NEAREST_NEIGHBOR a list of rows and columns.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats import weight_encoding
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, Operator, Tensor
from edgeae.formats.weight_encoding import ENCODINGS, distinct, packed_bytes

__all__ = ["CAUSES", "ENCODINGS", "Encoded", "distinct", "encodings", "packed", "weight_bytes"]

#: Causes of flash bytes; see the module.
CAUSES = ("weights", "biases", "scales", "tables")
#: Element types that numpy does not have → bits.
_NARROW_BITS = {"int2": 2, "int4": 4}
_INDEX_DTYPES = ("int32", "int64", "bool")
_SCALE_BYTES = 4 + 1
#: Bytes of a scale, and of a bias, of FULLY_CONNECTED of int16.
_WIDE_BYTES = 8
#: Functions of one value that a lookup table computes in int8, and in int16.
_LOOKED_UP = {
    "int8": (
        *("ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC"),
        *("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "TANH"),
    ),
    "uint8": ("ELU", "EXP", "GELU", "LOGISTIC", "TANH"),
    "int16": ("EXP", "GELU", "LOGISTIC", "TANH"),
}
_TABLE_BYTES = {"int8": 256, "uint8": 256, "int16": 512}
#: Bytes of the two tables of SOFTMAX of int16.
_SOFTMAX_INT16 = 2 * 2 * 513
_INCOMPLETE = "an operator lacks an input or an output, or a tensor a dimension"


@dataclass(frozen=True)
class Encoded:
    """The smallest encoding of a weight tensor.

    Attributes:
        name: name of the tensor.
        values: number of values.
        width_bits: bits of one value in the dense encoding.
        encoding: one of `ENCODINGS`.
        bytes: bytes in that encoding.
    """

    name: str
    values: int
    width_bits: int
    encoding: str
    bytes: int

    @property
    def dense_bytes(self) -> int:
        """Bytes in the dense encoding."""
        return packed_bytes(self.values, self.width_bits)


def weight_bytes(values: NDArray[Any], width_bits: int) -> tuple[int, str]:
    """Return the size of the smallest encoding that does not depend on where the zeros are.

    Weights of which only some are zero, in places that are not known yet, take at most so many
    bytes. The encoding is returned, too.

    Args:
        values: values of any shape and type with the zero point subtracted, so that 0 means 0.0.
        width_bits: bits of one value: 8 for int8, 4 for int4, 16 for float16, 32 for float32.
    """
    sizes = weight_encoding.placeless_bytes(*distinct(values), width_bits)
    encoding = weight_encoding.smallest(sizes)
    return sizes[encoding], encoding


def packed(graph: Graph) -> dict[str, int]:
    """Return cause → bytes of flash; see the module.

    Raises:
        BadInput: an operator lacks an input or an output, or a tensor a dimension.
    """
    try:
        return {
            "weights": sum({use.key: _encoded(use).bytes for use in _weights(graph)}.values()),
            "biases": sum(size for _, size in _biases(graph)),
            "scales": sum(_scale_bytes(graph, operator) for operator in graph.operators),
            "tables": _table_bytes(graph),
        }
    except IndexError:
        raise BadInput(_INCOMPLETE) from None


def encodings(graph: Graph) -> tuple[Encoded, ...]:
    """Return the smallest encoding of each weight tensor, in the order in which they are read.

    Raises:
        BadInput: an operator lacks an input or an output, or a tensor a dimension.
    """
    try:
        uses = {use.place: use for use in reversed(list(_weights(graph)))}
        return tuple(map(_encoded, reversed(list(uses.values()))))
    except IndexError:
        raise BadInput(_INCOMPLETE) from None


def width_bits(tensor: Tensor) -> int:
    """Return the bits of one value of a tensor."""
    return _NARROW_BITS.get(tensor.dtype) or np.dtype(tensor.dtype).itemsize * 8


class _Use(NamedTuple):
    """A weight tensor, as an operator reads it."""

    place: int
    tensor: Tensor
    operator: str
    width_bits: int

    @property
    def key(self) -> tuple[str, tuple[int, ...], int, bytes]:
        """What makes two weight tensors the same bytes."""
        tensor = self.tensor
        return tensor.dtype, tensor.zero_points, self.width_bits, _data(tensor).tobytes()


def _weights(graph: Graph) -> Iterator[_Use]:
    """Yield the weights that operators compute with, in the order in which they are read."""
    known = graph_statistics.parameter_causes(graph)
    sources = graph_statistics.dequantized(graph)
    for operator in graph.operators:
        if operator.name == "DEQUANTIZE" and operator.outputs[0] in sources:
            continue
        for index in (sources.get(item, item) for item in operator.inputs):
            if index >= 0 and known.get(index) == "weights":
                tensor = graph.tensors[index]
                yield _Use(index, tensor, operator.name, _width(graph, operator, tensor))


def _width(graph: Graph, operator: Operator, tensor: Tensor) -> int:
    """Return the bits in which C stores a weight."""
    wide = tensor.dtype == "float16" and not _is_half(graph, operator)
    return 32 if wide else width_bits(tensor)


def _is_half(graph: Graph, operator: Operator) -> bool:
    """Return whether C stores weights and bias as float16: if both are stored so."""
    if operator.name not in graph_statistics.BIAS_INPUT:
        return False
    sources = graph_statistics.dequantized(graph)
    weights, bias = operator.inputs[1], _bias(graph, operator)
    stored = graph.tensors[sources.get(weights, weights)]
    return stored.dtype == "float16" and (bias is None or bias.dtype == "float16")


def _encoded(use: _Use) -> Encoded:
    tensor = use.tensor
    data = _data(tensor)
    values = (
        data if data.dtype.kind == "f" else data.astype(np.int64) - graph_statistics.zeros(tensor)
    )
    sizes = weight_encoding.encoded_bytes(_rows(values, use.operator), use.width_bits)
    few = use.operator in graph_statistics.BIAS_INPUT
    encoding = weight_encoding.for_size(sizes) if few else "dense"
    return Encoded(tensor.name, int(data.size), use.width_bits, encoding, sizes[encoding])


def _rows(values: NDArray[Any], operator: str) -> NDArray[Any]:
    """Return weights as C reads them, (output channels, values of a channel)."""
    if operator == "DEPTHWISE_CONV_2D":
        return np.moveaxis(values, -1, 0).reshape(values.shape[-1], -1)
    if operator == "TRANSPOSE_CONV" and values.ndim == 4:
        values = values[:, ::-1, ::-1]
    columns = values.shape[-1] if operator == "FULLY_CONNECTED" else values[:1].size
    return values.reshape(-1, max(columns, 1))


def _bias(graph: Graph, operator: Operator) -> Tensor | None:
    place = graph_statistics.BIAS_INPUT.get(operator.name)
    if place is None or place >= len(operator.inputs) or operator.inputs[place] < 0:
        return None
    sources = graph_statistics.dequantized(graph)
    index = operator.inputs[place]
    return graph.tensors[sources.get(index, index)]


def _biases(graph: Graph) -> set[tuple[Any, int]]:
    """Return what tells apart the biases and the other constants, with the bytes of each."""
    found: set[tuple[Any, int]] = set()
    sources = graph_statistics.dequantized(graph)
    known = graph_statistics.parameter_causes(graph)
    for operator in graph.operators:
        if operator.name in graph_statistics.BIAS_INPUT:
            found.add(_bias_bytes(graph, operator))
            continue
        if operator.name == "DEQUANTIZE" and operator.outputs[0] in sources:
            continue
        for index in operator.inputs:
            tensor = graph.tensors[sources.get(index, index)] if index >= 0 else None
            if tensor is None or tensor.data is None or tensor.dtype in _INDEX_DTYPES:
                continue
            if known.get(sources.get(index, index)) != "weights":
                content = tensor.dtype, _data(tensor).tobytes()
                width = 32 if index in sources else width_bits(tensor)
                found.add((content, packed_bytes(int(tensor.data.size), width)))
    return found


def _bias_bytes(graph: Graph, operator: Operator) -> tuple[Any, int]:
    """Return what tells the bias of an operator apart, and its bytes, one for each channel.

    The bias of an int8 FULLY_CONNECTED holds what the input's zero point adds to each row.
    """
    source = graph.tensors[operator.inputs[graph_statistics.FACTOR_INPUT[operator.name]]]
    tensor = _bias(graph, operator)
    data = None if tensor is None else tensor.data
    channels = graph.tensors[operator.outputs[0]].shape[-1] if data is None else int(data.size)
    content = b"" if data is None else data.tobytes()
    narrow = 2 if _is_half(graph, operator) else 4
    width = _WIDE_BYTES if source.dtype == "int16" else narrow
    folded = operator.inputs[1] if any(source.zero_points) else -1
    return (content, width, channels, source.zero_points, folded), channels * width


def _scale_bytes(graph: Graph, operator: Operator) -> int:
    tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
    wide = operator.name == "FULLY_CONNECTED" and tensors[0].dtype == "int16"
    return sum(
        (_WIDE_BYTES if wide else _SCALE_BYTES) * len(tensor.scales)
        for tensor in tensors
        if graph_statistics.is_weight(tensor)
    )


def _table_bytes(graph: Graph) -> int:
    tables: dict[Any, int] = {}
    for place, operator in enumerate(graph.operators):
        if operator.name == "RESIZE_NEAREST_NEIGHBOR":
            tables[place] = 2 * sum(graph.tensors[operator.outputs[0]].shape[1:3])
        elif operator.name == "SOFTMAX":
            tables[place] = _softmax_bytes(graph, operator)
        elif len(operator.inputs) == 1:
            source, target = (
                graph.tensors[item] for item in (operator.inputs[0], operator.outputs[0])
            )
            if operator.name in _LOOKED_UP.get(source.dtype, ()):
                grids = (source.scales, source.zero_points, target.scales, target.zero_points)
                one = source.dtype == "int16"
                tables["int16" if one else (operator.name, source.dtype, grids)] = _TABLE_BYTES[
                    source.dtype
                ]
    return sum(tables.values())


def _softmax_bytes(graph: Graph, operator: Operator) -> int:
    """Return the bytes of the exponentials that are at least 2^-20 of the largest."""
    source = graph.tensors[operator.inputs[0]]
    if source.dtype == "int16":
        return _SOFTMAX_INT16
    step = operator.options.get("beta", 1.0) * source.scales[0] if source.scales else 0.0
    return 4 * min(256, math.floor(20 * math.log(2) / step) + 1) if step > 0 else 0


def _data(tensor: Tensor) -> NDArray[Any]:
    assert tensor.data is not None, tensor.name
    return tensor.data
