"""Estimates the bytes of flash that a graph needs if its constants are stored packed, by cause.

edgeae writes no such file. The estimate leaves out the code, its arguments and the order of the
operators, which are the same for every encoding.

- `weights`: each weight tensor in its smallest encoding, see `weight_bytes`. Tensors with the same
  bytes are stored once.
- `biases`: the other constants that operators compute with, at their stored width: 4 bytes per
  value of an int32 or float32 bias, 8 bytes per value of an int64 bias of int16x8. Biases with the
  same bytes are stored once.
- `scales`: a multiplier of 4 bytes and a shift of 1 byte for each scale of an operator's weights:
  one per output channel, or one per tensor. They also depend on the scales of the operator's input
  and output, so weights that two operators share count twice.
- `tables`: 256 bytes for each lookup table of an int8 function between two scales. The int16
  functions share one table of 512 bytes (`sigmoid_table_uint16` of
  tensorflow/lite/kernels/internal/common.cc).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, Operator, Tensor

#: Causes of flash bytes; see the module.
CAUSES = ("weights", "biases", "scales", "tables")
#: Encodings of weights, the fastest to read first; see `weight_bytes`.
ENCODINGS = ("dense", "codebook", "sparse", "sparse-codebook")
#: Element types that numpy does not have → bits.
_NARROW_BITS = {"int2": 2, "int4": 4}
_INDEX_DTYPES = ("int32", "int64", "bool")
_SCALE_BYTES = 4 + 1
#: Functions of one value that TFLite's int8 kernels compute by a lookup table.
_LOOKED_UP = ("ELU", "EXP", "GELU", "LOGISTIC", "TANH")
_TABLE_BYTES = {"int8": 256, "uint8": 256, "int16": 512}


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
        return _bytes(self.values, self.width_bits)


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct values of an array, in rising order, and the count of each."""
    if values.dtype == np.float16:
        # numpy 2.4 sorts float16 wrongly if both 0.0 and -0.0 occur
        values = values.astype(np.float32)
    return np.unique(values, return_counts=True)


def weight_bytes(values: NDArray[Any], width_bits: int) -> tuple[int, str]:
    """Return the size of the smallest encoding of a weight tensor, and that encoding.

    Args:
        values: values of any shape and type with the zero point subtracted, so that 0 means 0.0.
        width_bits: bits of one value: 8 for int8, 4 for int4, 16 for float16, 32 for float32.

    Encodings of n values, m of them nonzero; each list of fields starts at a whole byte:

    - `dense`: n values of `width_bits`.
    - `codebook`: the k distinct values, and an index of ⌈log2 k⌉ bits for each value.
    - `sparse`: a bitmap of n bits, and the m nonzero values.
    - `sparse-codebook`: the bitmap, the k distinct nonzero values, and an index of ⌈log2 k⌉ bits
      for each nonzero value.

    If two encodings have the same size, the one earlier in `ENCODINGS` is returned.
    """
    codebook, counts = distinct(values)
    zeros = int(counts[codebook == 0].sum())
    n, nonzero = values.size, values.size - zeros
    k = len(codebook)
    k_nonzero = k - bool(zeros)
    sizes = {
        "dense": _bytes(n, width_bits),
        "codebook": _bytes(n, _index_bits(k)) + _bytes(k, width_bits),
        "sparse": _bytes(n, 1) + _bytes(nonzero, width_bits),
        "sparse-codebook": _bytes(n, 1)
        + _bytes(nonzero, _index_bits(k_nonzero))
        + _bytes(k_nonzero, width_bits),
    }
    encoding = min(ENCODINGS, key=sizes.__getitem__)
    return sizes[encoding], encoding


def _bytes(fields: int, bits: int) -> int:
    return -(-fields * bits // 8)


def _index_bits(k: int) -> int:
    """Return ⌈log2 k⌉; it is 0 for one value, which needs no index."""
    return max(k - 1, 0).bit_length()


def packed(graph: Graph) -> dict[str, int]:
    """Return cause → bytes of flash; see the module."""
    causes = _causes(graph)
    stored = _once(graph, [index for index, cause in causes.items() if cause == "weights"])
    others = _once(graph, [index for index, cause in causes.items() if cause == "biases"])
    return {
        "weights": sum(_encoded(tensor).bytes for tensor in stored),
        "biases": sum(_bytes(_size(tensor), width_bits(tensor)) for tensor in others),
        "scales": sum(_scale_bytes(graph, operator) for operator in graph.operators),
        "tables": _table_bytes(graph),
    }


def encodings(graph: Graph) -> tuple[Encoded, ...]:
    """Return the smallest encoding of each weight tensor, in the order in which they are read."""
    weights = [index for index, cause in _causes(graph).items() if cause == "weights"]
    return tuple(_encoded(graph.tensors[index]) for index in weights)


def width_bits(tensor: Tensor) -> int:
    """Return the bits of one value of a tensor."""
    return _NARROW_BITS.get(tensor.dtype) or np.dtype(tensor.dtype).itemsize * 8


def _causes(graph: Graph) -> dict[int, str]:
    """Return index of each constant that operators compute with → `weights` or `biases`.

    The indices are in the order in which the constants are read.
    """
    stored = graph_statistics.parameter_causes(graph)
    sizes = {}
    for index in (index for operator in graph.operators for index in operator.inputs):
        if index < 0:
            continue
        tensor = graph.tensors[index]
        if index in stored:
            sizes[index] = stored[index]
        elif tensor.data is not None and tensor.dtype not in _INDEX_DTYPES:
            sizes[index] = "biases"  # a rank-1 operand of an addition or multiplication
    return sizes


def _once(graph: Graph, indices: list[int]) -> Iterator[Tensor]:
    """Yield the tensors at the indices; of tensors with the same bytes only the first."""
    seen = set()
    for tensor in (graph.tensors[index] for index in indices):
        key = (tensor.dtype, tensor.zero_points, _data(tensor).tobytes())
        if key not in seen:
            seen.add(key)
            yield tensor


def _encoded(tensor: Tensor) -> Encoded:
    data, width = _data(tensor), width_bits(tensor)
    values = (
        data if data.dtype.kind == "f" else data.astype(np.int64) - graph_statistics.zeros(tensor)
    )
    size, encoding = weight_bytes(values, width)
    return Encoded(tensor.name, _size(tensor), width, encoding, size)


def _scale_bytes(graph: Graph, operator: Operator) -> int:
    tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
    return sum(
        _SCALE_BYTES * len(tensor.scales)
        for tensor in tensors
        if graph_statistics.is_weight(tensor)
    )


def _table_bytes(graph: Graph) -> int:
    tables: dict[Any, int] = {}
    for operator in graph.operators:
        edges = (*operator.inputs, *operator.outputs)
        if operator.name not in _LOOKED_UP or len(edges) != 2 or min(edges) < 0:
            continue
        source, target = (graph.tensors[index] for index in edges)
        grids = (source.scales, source.zero_points, target.scales, target.zero_points)
        key = source.dtype if source.dtype == "int16" else (operator.name, source.dtype, grids)
        tables[key] = _TABLE_BYTES.get(source.dtype, 0)
    return sum(tables.values())


def _size(tensor: Tensor) -> int:
    return int(_data(tensor).size)


def _data(tensor: Tensor) -> NDArray[Any]:
    assert tensor.data is not None, tensor.name
    return tensor.data
