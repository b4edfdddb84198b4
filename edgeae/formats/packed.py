"""What a graph takes in flash when it is stored packed: an estimate, by cause.

edgeae writes no such file. The code that computes, its arguments and the order of the operators are
not in the estimate; they are the same for every encoding.

- `weights`: each weight tensor in the form that is least, see `weight_bytes`. Tensors of the same
  bytes are stored once, whoever reads them.
- `biases`: the other constants that are computed with, as they are stored: an int32 or float32
  bias has 4 bytes a value, an int64 one of int16x8 has 8. Again each once.
- `scales`: a multiplier of 4 bytes and a shift of 1 for each scale of an operator's weights: one
  per output channel, or one per tensor. They follow from the operator's input and output too, so
  weights that two operators share have them twice.
- `tables`: 256 bytes for each int8 function of one value that is looked up, from one scale to
  another; 512 bytes once for those of int16, which share a table (`sigmoid_table_uint16` of
  tensorflow/lite/kernels/internal/common.cc).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, Operator, Tensor

#: What flash is spent on; see the module.
CAUSES = ("weights", "biases", "scales", "tables")
#: How weights can be stored, the fastest to read first; see `weight_bytes`.
ENCODINGS = ("dense", "codebook", "sparse", "sparse-codebook")
#: Element types that are narrower than numpy has them → bits.
_NARROW_BITS = {"int2": 2, "int4": 4}
_INDEX_DTYPES = ("int32", "int64", "bool")
_SCALE_BYTES = 4 + 1
#: Functions of one value that TFLite's int8 kernels look up.
_LOOKED_UP = ("ELU", "EXP", "GELU", "LOGISTIC", "TANH")
_TABLE_BYTES = {"int8": 256, "uint8": 256, "int16": 512}


@dataclass(frozen=True)
class Encoded:
    """One weight tensor as it would be stored.

    Attributes:
        name: the tensor's.
        values: how many it holds.
        width_bits: of one of them, dense.
        encoding: one of `ENCODINGS`.
        bytes: in that encoding.
    """

    name: str
    values: int
    width_bits: int
    encoding: str
    bytes: int

    @property
    def dense_bytes(self) -> int:
        """Bytes of each value at its own width."""
        return _bytes(self.values, self.width_bits)


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values that an array holds, in rising order, and how often it holds each."""
    if values.dtype == np.float16:
        # whose sort in numpy 2.4 mixes up all values where 0 comes with both signs
        values = values.astype(np.float32)
    return np.unique(values, return_counts=True)


def weight_bytes(values: NDArray[Any], width_bits: int) -> tuple[int, str]:
    """Return the fewest bytes that hold a weight tensor, and the encoding that needs them.

    Args:
        values: of any shape and type, less their zero point: what stands for nothing is 0.
        width_bits: of one value, dense: 8 of int8, 4 of int4, 16 of float16, 32 of float32.

    The encodings of n values, of which m are not zero; each list of fields starts at a byte:

    - `dense`: each value at its own width.
    - `codebook`: the k distinct values at their own width, and ⌈log2 k⌉ bits a value to say which.
    - `sparse`: a bitmap of n bits, and the m values that are not zero.
    - `sparse-codebook`: the bitmap, the k distinct values that are not zero, and ⌈log2 k⌉ bits for
      each of the m to say which.

    Of two that are as small the earlier one is chosen.
    """
    known, counts = distinct(values)
    zeros = int(counts[known == 0].sum())
    n, nonzero = values.size, values.size - zeros
    k = len(known)
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
    """⌈log2 k⌉: 0 for one value, which needs no index."""
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
    """Return how each weight tensor would be stored, in the order in which they are read."""
    weights = [index for index, cause in _causes(graph).items() if cause == "weights"]
    return tuple(_encoded(graph.tensors[index]) for index in weights)


def width_bits(tensor: Tensor) -> int:
    """Bits of one value of a tensor."""
    return _NARROW_BITS.get(tensor.dtype) or np.dtype(tensor.dtype).itemsize * 8


def _causes(graph: Graph) -> dict[int, str]:
    """Map each constant that an operator computes with to `weights` or `biases`, as it is read."""
    known = graph_statistics.parameter_causes(graph)
    found = {}
    for index in (index for operator in graph.operators for index in operator.inputs):
        if index < 0:
            continue
        tensor = graph.tensors[index]
        if index in known:
            found[index] = known[index]
        elif tensor.data is not None and tensor.dtype not in _INDEX_DTYPES:
            found[index] = "biases"  # what is added to or multiplied with, and of rank 1
    return found


def _once(graph: Graph, indices: list[int]) -> Iterator[Tensor]:
    """Yield the tensors, those of the same bytes once."""
    known = set()
    for tensor in (graph.tensors[index] for index in indices):
        key = (tensor.dtype, tensor.zero_points, _data(tensor).tobytes())
        if key not in known:
            known.add(key)
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
