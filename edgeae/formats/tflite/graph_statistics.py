"""Statistics of a TFLite graph: MACs, operators, sparsity and bytes.

A *weight* is a constant of rank 2 or more that is not a list of indices (such as paddings). A
*bias* is a constant of rank 1 at the bias input of an operator that multiplies and accumulates. If
a constant reaches an operator through a DEQUANTIZE, as in float16 models, it counts as that
operator's constant.
"""

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, raw_model
from edgeae.formats.tflite.minimum_runtime import MINIMUM_RUNTIMES

#: Causes of a file's bytes; see `size_by_cause`.
CAUSES = ("weights", "biases", "scales", "strings", "metadata", "structure")
#: Operator → position of its bias input.
BIAS_INPUT = {"FULLY_CONNECTED": 2, "CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3}
#: Operator → position of the input that the weights (input 1) are multiplied with.
FACTOR_INPUT = {"FULLY_CONNECTED": 0, "CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "TRANSPOSE_CONV": 2}
_WEIGHTED = {*BIAS_INPUT, "BATCH_MATMUL"}
_INDEX_DTYPES = ("int32", "int64")
_FLOATS = ("float16", "float32")
_QUANTIZED = ("int8", "uint8", "int16")
_SCALE_BYTES, _ZERO_POINT_BYTES = 4, 8


def macs(graph: Graph) -> int:
    """Return the multiply-accumulates of one inference; see `operator_macs`."""
    return sum(operator_macs(graph, operator) for operator in graph.operators)


def weighted(graph: Graph) -> list[Operator]:
    """Return the operators that multiply with weights and add a bias, in execution order."""
    return [operator for operator in graph.operators if operator.name in BIAS_INPUT]


def operator_macs(graph: Graph, operator: Operator) -> int:
    """Return the multiply-accumulates of one operator; 0 for operators that have none.

    Weight layouts are those of TFLite's reference kernels. Products with padding count:

    - FULLY_CONNECTED, weights (out, in): each output value sums `in` products.
    - CONV_2D, filter (out, height, width, in ÷ groups): each output value sums height · width ·
      in ÷ groups products.
    - DEPTHWISE_CONV_2D, filter (1, height, width, channels): each output value sums
      height · width products.
    - TRANSPOSE_CONV, filter (out, height, width, in): each input value contributes to
      height · width · out sums.
    - BATCH_MATMUL, (…, rows, k) by (…, k, columns): each output value sums k products.

    Raises:
        BadInput: the operator lacks an input, or an input has the wrong rank.
    """
    count = _COUNTS.get(operator.name)
    if count is None:
        return 0
    try:
        return count(graph, operator)
    except IndexError:
        raise BadInput(f"{operator.name}: lacks an input, or a dimension of one") from None


def _fully_connected(graph: Graph, operator: Operator) -> int:
    return _values(graph, operator.outputs[0]) * _shape(graph, operator.inputs[1])[-1]


def _convolution(graph: Graph, operator: Operator) -> int:
    _, height, width, channels = _filter(graph, operator)
    return _values(graph, operator.outputs[0]) * height * width * channels


def _depthwise(graph: Graph, operator: Operator) -> int:
    _, height, width, _ = _filter(graph, operator)
    return _values(graph, operator.outputs[0]) * height * width


def _transposed(graph: Graph, operator: Operator) -> int:
    out, height, width, _ = _filter(graph, operator)
    return _values(graph, operator.inputs[2]) * height * width * out


def _matrix_product(graph: Graph, operator: Operator) -> int:
    inner = -2 if operator.options.get("adjX") else -1
    return _values(graph, operator.outputs[0]) * _shape(graph, operator.inputs[0])[inner]


_COUNTS = {
    "FULLY_CONNECTED": _fully_connected,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "BATCH_MATMUL": _matrix_product,
}


def _shape(graph: Graph, index: int) -> tuple[int, ...]:
    if index < 0:
        raise IndexError(index)
    return graph.tensors[index].shape


def _values(graph: Graph, index: int) -> int:
    return prod(_shape(graph, index))


def _filter(graph: Graph, operator: Operator) -> tuple[int, int, int, int]:
    shape = _shape(graph, operator.inputs[1])
    return shape[0], shape[1], shape[2], shape[3]


def nonzero_macs(graph: Graph) -> int:
    """Return the multiply-accumulates with a nonzero weight; see `operator_nonzero_macs`."""
    return sum(operator_nonzero_macs(graph, operator) for operator in graph.operators)


def operator_nonzero_macs(graph: Graph, operator: Operator) -> int:
    """Return the multiply-accumulates of one operator whose weight is not 0.0.

    If neither factor is a constant, all of them count. Each weight takes part in the same number
    of products (products with padding included), so the count is proportional to the share of
    nonzero weights.

    Raises:
        BadInput: see `operator_macs`.
    """
    products = operator_macs(graph, operator)
    sources = dequantized(graph)
    factors = [graph.tensors[sources.get(i, i)] for i in operator.inputs[1::-1] if i >= 0]
    weights = next((tensor for tensor in factors if is_weight(tensor)), None)
    if not products or weights is None or not _data(weights).size:
        return products
    nonzero = int(np.count_nonzero(_data(weights) != zeros(weights)))
    return products * nonzero // _data(weights).size


def operators(graph: Graph) -> tuple[OpVersion, ...]:
    """Return the kinds of operators with their versions and counts, sorted by name."""
    counts = Counter((operator.name, operator.version) for operator in graph.operators)
    return tuple(OpVersion(name, version, n) for (name, version), n in sorted(counts.items()))


def minimum_runtime(graph: Graph) -> str:
    """Return the oldest TFLite runtime that supports all operators in their versions.

    Returns `unknown` if an operator is not in `MINIMUM_RUNTIMES`: a custom or a newer operator.
    """
    needed = {(operator.name, operator.version) for operator in graph.operators}
    if not needed or not needed <= MINIMUM_RUNTIMES.keys():
        return "unknown"
    return max((MINIMUM_RUNTIMES[key] for key in needed), key=_release)


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def edge_specs(graph: Graph, edges: dict[str, int]) -> tuple[TensorSpec, ...]:
    """Return the specs of `graph.inputs` or `graph.outputs`.

    A float input or output of an integer graph gets the scale and zero point of the integer tensor
    next to it.
    """
    return tuple(_edge_spec(graph, name, index) for name, index in edges.items())


def _edge_spec(graph: Graph, name: str, index: int) -> TensorSpec:
    tensor = graph.tensors[index]
    source = tensor if tensor.dtype in _QUANTIZED else _behind(graph, index)
    if source is None or source.dtype not in _QUANTIZED or len(source.scales) != 1:
        return TensorSpec(name, tensor.shape, tensor.dtype)
    return TensorSpec(name, tensor.shape, tensor.dtype, source.scales[0], source.zero_points[0])


def _behind(graph: Graph, index: int) -> Tensor | None:
    """Return the tensor on the other side of the QUANTIZE or DEQUANTIZE at an input or output.

    Returns None if there is no such operator.
    """
    for operator in graph.operators:
        if operator.name == "QUANTIZE" and operator.inputs[:1] == (index,):
            return graph.tensors[operator.outputs[0]]
        if operator.name == "DEQUANTIZE" and operator.outputs[:1] == (index,):
            return graph.tensors[operator.inputs[0]]
    return None


def parameters(graph: Graph) -> int:
    """Return the number of values in the weights and biases."""
    return sum(prod(graph.tensors[index].shape) for index in parameter_causes(graph))


def weight_bytes(graph: Graph, operator: Operator) -> int:
    """Return the stored bytes of an operator's weights and biases.

    The constant of a DEQUANTIZE counts for the operator that reads the result.
    """
    if operator.name == "DEQUANTIZE":
        return 0
    causes, sources = parameter_causes(graph), dequantized(graph)
    read = {sources.get(index, index) for index in operator.inputs}
    return sum(graph.tensors[index].stored_bytes for index in read & causes.keys())


def sparsity(graph: Graph) -> dict[str, float]:
    """Return weight tensor → share of its values that are exactly 0.0.

    An integer is 0.0 if it equals the zero point. Only weights of operators that multiply and
    accumulate are included.
    """
    sources = dequantized(graph)
    read = [
        graph.tensors[sources.get(index, index)]
        for operator in graph.operators
        if operator.name in _WEIGHTED
        for index in operator.inputs
        if index >= 0
    ]
    return {tensor.name: _share_of_zeros(tensor) for tensor in read if is_weight(tensor)}


def _share_of_zeros(tensor: Tensor) -> float:
    data = _data(tensor)
    return float(np.count_nonzero(data == zeros(tensor)) / data.size) if data.size else 0.0


def zeros(tensor: Tensor) -> NDArray[np.int64]:
    """Return the zero points of a constant (0 if it has none), in a shape that broadcasts to it."""
    points = np.array(tensor.zero_points or (0,), np.int64)
    if points.size == 1:
        return points
    return points.reshape([-1 if axis == tensor.axis else 1 for axis in range(len(tensor.shape))])


def float_operators(graph: Graph) -> list[str]:
    """Return the operators with float activations, for a graph that should be fully integer.

    A QUANTIZE of a graph input and a DEQUANTIZE to a graph output do not count.
    """
    inner = (operator for operator in graph.operators if not _is_edge(graph, operator))
    pairs = ((operator, _float_activation(graph, operator)) for operator in inner)
    return [f"{operator.name} (tensor {name!r})" for operator, name in pairs if name is not None]


def _is_edge(graph: Graph, operator: Operator) -> bool:
    if operator.name == "QUANTIZE":
        return set(operator.inputs) <= set(graph.inputs.values())
    return operator.name == "DEQUANTIZE" and set(operator.outputs) <= set(graph.outputs.values())


def _float_activation(graph: Graph, operator: Operator) -> str | None:
    touched = (graph.tensors[i] for i in (*operator.outputs, *operator.inputs) if i >= 0)
    return next((t.name for t in touched if t.data is None and t.dtype in _FLOATS), None)


def size_by_cause(content: bytes, graph: Graph) -> dict[str, int]:
    """Return cause → bytes of the file; the sum is the size of the file.

    Args:
        content: the file's bytes.
        graph: the graph that was read from them.

    Causes (`CAUSES`): `weights` and `biases`, see the module; `scales`, 4 bytes per scale and 8 per
    zero point; `strings`, all names; `metadata`, the buffers of metadata; `structure`, the rest:
    tables, alignment, shapes. A buffer that several tensors share counts once.

    Raises:
        BadInput: parts of the file overlap, which only happens in damaged files.
    """
    model = raw_model(content)
    sizes = dict.fromkeys(CAUSES, 0)
    for buffer, cause in _buffer_causes(model, graph).items():
        data = model.buffers[buffer].data
        sizes[cause] += 0 if data is None else len(data)
    sizes["scales"] = sum(
        _SCALE_BYTES * len(tensor.scales) + _ZERO_POINT_BYTES * len(tensor.zero_points)
        for tensor in graph.tensors
    )
    sizes["strings"] = sum(len(text) for text in _strings(model) if text is not None)
    sizes["structure"] = len(content) - sum(sizes.values())
    if sizes["structure"] < 0:
        raise BadInput("a damaged TFLite model (its parts overlap)")
    return sizes


def _buffer_causes(model: Any, graph: Graph) -> dict[int, str]:
    tensors = model.subgraphs[0].tensors
    causes = {item.buffer: "metadata" for item in model.metadata or []}
    tensor_causes = parameter_causes(graph)
    return causes | {tensors[index].buffer: cause for index, cause in tensor_causes.items()}


def _strings(model: Any) -> Iterator[bytes | None]:
    (subgraph,) = model.subgraphs
    yield model.description
    yield subgraph.name
    yield from (code.customCode for code in model.operatorCodes)
    yield from (tensor.name for tensor in subgraph.tensors)
    yield from (item.name for item in model.metadata or [])
    for signature in model.signatureDefs or []:
        yield signature.signatureKey
        yield from (edge.name for edge in signature.inputs or [])
        yield from (edge.name for edge in signature.outputs or [])


def parameter_causes(graph: Graph) -> dict[int, str]:
    """Return the index of each weight and bias → `weights` or `biases`."""
    biases = set(_bias_indices(graph))
    causes = dict.fromkeys(biases, "biases")
    weights = (index for index, tensor in enumerate(graph.tensors) if is_weight(tensor))
    return causes | dict.fromkeys(weights, "weights")


def _bias_indices(graph: Graph) -> Iterator[int]:
    sources = dequantized(graph)
    for operator in graph.operators:
        place = BIAS_INPUT.get(operator.name)
        if place is None or place >= len(operator.inputs):
            continue
        source = sources.get(operator.inputs[place], operator.inputs[place])
        if source >= 0 and graph.tensors[source].data is not None:
            yield source


def dequantized(graph: Graph) -> dict[int, int]:
    """Return the index of each dequantized constant → the index of the stored constant."""
    return {
        target: source
        for operator in graph.operators
        if operator.name == "DEQUANTIZE"
        for source, target in zip(operator.inputs, operator.outputs, strict=False)
        if source >= 0 and graph.tensors[source].data is not None
    }


def is_weight(tensor: Tensor) -> bool:
    """Return whether a tensor is a weight; see the module."""
    # A quantized bias is int32 too, but of rank 1.
    ranked = tensor.data is not None and len(tensor.shape) >= 2
    return ranked and tensor.dtype not in _INDEX_DTYPES


def _data(tensor: Tensor) -> NDArray[Any]:
    assert tensor.data is not None, tensor.name
    return tensor.data
