"""Statistics of an ONNX model: MACs, sparsity and bytes.

A *weight* is a constant of rank 2 or more that is not a list of indices. A *bias* is a constant of
rank 1 at the bias input of an operator that multiplies and accumulates, or at an Add. If a constant
reaches an operator through a DequantizeLinear or a change of shape, it counts as that operator's
constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats.onnx.file import Model, domain, strings, texts, values
from edgeae.formats.onnx.shapes import CONTRIB
from edgeae.formats.tflite.graph_statistics import CAUSES

_INDEX_DTYPES = ("int32", "int64")
#: Operators that pass their first input on with another type or shape.
_CARRIERS = (
    "Cast",
    "DequantizeLinear",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
_DATA_FIELDS = (
    "raw_data",
    "float_data",
    "int32_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "string_data",
)


@dataclass(frozen=True)
class _Product:
    """Input positions of an operator that multiplies and accumulates; see ONNX's Operators.md.

    Attributes:
        data, weights, zero_point, bias: positions of the inputs; None if the operator lacks one.
            `zero_point` is that of the weights.
        axis: axis of the weights that per-channel zero points belong to, if the weights are not
            transposed.
    """

    data: int = 0
    weights: int = 1
    zero_point: int | None = None
    bias: int | None = None
    axis: int = -1


#: (domain, operator) → positions of its inputs.
_PRODUCTS = {
    ("", "Gemm"): _Product(bias=2),
    ("", "MatMul"): _Product(),
    ("", "MatMulInteger"): _Product(zero_point=3),
    ("", "QLinearMatMul"): _Product(weights=3, zero_point=5),
    (CONTRIB, "QGemm"): _Product(weights=3, zero_point=5, bias=6),
    ("", "Conv"): _Product(bias=2),
    ("", "ConvInteger"): _Product(zero_point=3, axis=0),
    ("", "QLinearConv"): _Product(weights=3, zero_point=5, bias=8, axis=0),
    ("", "ConvTranspose"): _Product(bias=2),
}


def macs(model: Model) -> int:
    """Return the multiply-accumulates of one inference; see `node_macs`."""
    return sum(node_macs(model, node) for node in model.nodes)


def node_macs(model: Model, node: Any) -> int:
    """Return the multiply-accumulates of one operator; 0 for operators that have none.

    A free dimension counts as 1. Products with padding count.

    - MatMul, (…, rows, k) by (…, k, columns), Gemm and QGemm: each output value sums k products.
    - Conv, weights (out, in ÷ groups, kernel…): each output value sums in ÷ groups · kernel
      products.
    - ConvTranspose, weights (in, out ÷ groups, kernel…): each input value contributes to
      out ÷ groups · kernel sums.

    Raises:
        BadInput: shape inference did not find a shape that is needed.
    """
    product = _product(node)
    if product is None:
        return 0
    data = _known_shape(model, node.input[product.data])
    weights = _known_shape(model, node.input[product.weights])
    if node.op_type == "ConvTranspose":
        return prod(data) * prod(weights[1:])
    given = prod(_known_shape(model, node.output[0]))
    if "Conv" in node.op_type:
        return given * prod(weights[1:])
    return given * data[0 if _attribute(node, "transA", 0) else -1]


def _product(node: Any) -> _Product | None:
    return _PRODUCTS.get((domain(node), node.op_type))


def _known_shape(model: Model, name: str) -> tuple[int, ...]:
    if name not in model.shapes:
        raise BadInput(f"the shape of {name!r} cannot be inferred")
    return model.shapes[name]


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(item.i) for item in node.attribute if item.name == name), default)


def nonzero_macs(model: Model) -> int:
    """Return the multiply-accumulates whose weight is not zero.

    Each weight takes part in the same number of products, so the count is proportional to the share
    of nonzero weights.
    """
    shares = sparsity(model)
    left = 0
    for node in model.nodes:
        product = _product(node)
        if product is not None:
            name, _ = _source(model, node.input[product.weights])
            left += round(node_macs(model, node) * (1 - shares.get(name, 0.0)))
    return left


def parameters(model: Model) -> int:
    """Return the number of values in the weights and biases."""
    causes = _causes(model)
    trained = [name for name, cause in causes.items() if cause in ("weights", "biases")]
    return sum(prod(model.shapes[name]) for name in trained)


def weight_bytes(model: Model, node: Any) -> int:
    """Return the stored bytes of an operator's weights and biases; see the module."""
    if node.op_type in _CARRIERS:
        return 0
    causes = _causes(model)
    read = {_source(model, name)[0] for name in node.input}
    trained = [name for name in read if causes.get(name) in ("weights", "biases")]
    return sum(_payload_bytes(model.constants[name]) for name in trained)


def sparsity(model: Model) -> dict[str, float]:
    """Return weight → share of its values that are exactly 0.0.

    An integer is 0.0 if it equals the zero point.
    """
    shares = {}
    for node in model.nodes:
        product = _product(node)
        if product is None:
            continue
        name, carrier = _source(model, node.input[product.weights])
        if name in model.constants and len(model.shapes[name]) >= 2:
            held = values(model.constants[name])
            zeros = _zeros(model, node, product, carrier, held.ndim)
            shares[name] = float(np.mean(held == zeros)) if held.size else 0.0
    return shares


def _zeros(model: Model, node: Any, product: _Product, carrier: Any, rank: int) -> NDArray[Any]:
    """Return the zero points of weights of `rank`, in a shape that broadcasts to the weights."""
    points, axis = None, 0
    if carrier is not None:
        points, axis = model.constant(carrier, 2), _attribute(carrier, "axis", 1)
    elif product.zero_point is not None:
        points = model.constant(node, product.zero_point)
        axis = 0 if _attribute(node, "transB", 0) else product.axis
    if points is None or points.size == 1:
        return np.zeros(1) if points is None else points.reshape(1)
    return points.reshape([-1 if place == axis % rank else 1 for place in range(rank)])


def _source(model: Model, name: str) -> tuple[str, Any]:
    """Return the tensor that `_CARRIERS` pass on as `name`, and the DequantizeLinear among them.

    The second value is None if there is no DequantizeLinear.
    """
    carrier = None
    while name in model.producers and model.producers[name].op_type in _CARRIERS:
        node = model.producers[name]
        carrier = node if node.op_type == "DequantizeLinear" else carrier
        name = node.input[0]
    return name, carrier


def size_by_cause(content: bytes, model: Model) -> dict[str, int]:
    """Return cause → bytes of the file; the sum is the size of the file.

    Causes (`CAUSES`): `weights` and `biases`, see the module; `scales`, scales and zero points;
    `strings`, all names, each as often as it occurs; `metadata`, producer, documentation and
    properties; `structure`, the rest: tags, lengths, shapes, other constants.
    """
    sizes = dict.fromkeys(CAUSES, 0)
    for name, cause in _causes(model).items():
        sizes[cause] += _payload_bytes(model.constants[name])
    sizes["strings"] = sum(len(text.encode()) for text in strings(model.proto))
    sizes["metadata"] = sum(len(text.encode()) for text in texts(model.proto))
    sizes["structure"] = len(content) - sum(sizes.values())
    return sizes


def _causes(model: Model) -> dict[str, str]:
    """Return constant → `weights`, `biases` or `scales`; other constants are left out."""
    causes = dict.fromkeys(_scales(model), "scales") | dict.fromkeys(_biases(model), "biases")
    weights = [
        name
        for name, shape in model.shapes.items()
        if name in model.constants and len(shape) >= 2 and model.dtypes[name] not in _INDEX_DTYPES
    ]
    causes |= dict.fromkeys(weights, "weights")
    return {name: cause for name, cause in causes.items() if name in model.constants}


def _scales(model: Model) -> Iterator[str]:
    for node in model.nodes:
        product = _product(node)
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            yield from node.input[1:]
        elif product is not None:
            values = (product.data, product.weights, product.bias)
            yield from (name for place, name in enumerate(node.input) if place not in values)
        elif domain(node) == CONTRIB and node.op_type.startswith("QLinear"):
            # all constants are scales or zero points, but a second operand of rank 2 or more is a
            # weight
            yield from node.input[1:]


def _biases(model: Model) -> Iterator[str]:
    for node in model.nodes:
        for name in _bias_inputs(node):
            source, _ = _source(model, name)
            if len(model.shapes.get(source, ())) == 1:
                yield source


def _bias_inputs(node: Any) -> list[str]:
    if node.op_type == "Add":
        return list(node.input)
    product = _product(node)
    if product is None or product.bias is None:
        return []
    return list(node.input[product.bias : product.bias + 1])


def _payload_bytes(constant: Any) -> int:
    if constant.HasField("raw_data"):
        return len(constant.raw_data)
    bare = onnx.TensorProto()
    bare.CopyFrom(constant)
    for field in _DATA_FIELDS:
        bare.ClearField(field)
    return int(constant.ByteSize() - bare.ByteSize())
