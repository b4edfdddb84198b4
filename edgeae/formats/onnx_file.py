"""An ONNX file read as data: its edges, operators, work, zeros and bytes.

A *weight* is a constant of rank 2 or more that is not a list of indices; a *bias* is a constant of
rank 1 at the bias input of an operator that multiplies and accumulates, or at an Add. Constants
also count where they arrive through DequantizeLinear or a change of shape. Operators are described
in ONNX's `docs/Operators.md`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from edgeae.bundle import OpVersion, TensorSpec
from edgeae.errors import BadInput
from edgeae.formats.census import CAUSES

__all__ = [
    "Model",
    "inputs",
    "macs",
    "node_macs",
    "operator_name",
    "operator_version",
    "operators",
    "opset",
    "outputs",
    "parameters",
    "read",
    "size_by_cause",
    "sparsity",
    "weight_bytes",
]

_DEFAULT_DOMAINS = ("", "ai.onnx")
_INDEX_DTYPES = ("int32", "int64")
_QUANTIZED = ("int8", "uint8", "int16")
#: Operators that only pass their first input on, in another form.
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
    """Where an operator that multiplies and accumulates has its inputs; see ONNX's Operators.md."""

    data: int = 0
    weights: int = 1
    zero_point: int | None = None
    bias: int | None = None


_PRODUCTS = {
    "Gemm": _Product(bias=2),
    "MatMul": _Product(),
    "MatMulInteger": _Product(zero_point=3),
    "QLinearMatMul": _Product(weights=3, zero_point=5),
    "Conv": _Product(bias=2),
    "ConvInteger": _Product(zero_point=3),
    "QLinearConv": _Product(weights=3, zero_point=5, bias=8),
    "ConvTranspose": _Product(bias=2),
}


@dataclass(frozen=True)
class Model:
    """A checked ONNX model.

    Attributes:
        proto: onnx's `ModelProto`, as in the file.
        shapes: tensor → shape, as far as shape inference gets; a free dimension is 1.
        dtypes: tensor → numpy's name of its element type.
        constants: name → `TensorProto`, of initializers and Constant nodes.
        producers: tensor → the node that computes it.
    """

    proto: Any
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    constants: dict[str, Any]
    producers: dict[str, Any]

    @property
    def nodes(self) -> list[Any]:
        """The operators in execution order."""
        return list(self.proto.graph.node)


def read(content: bytes, origin: str) -> Model:
    """Read an ONNX file.

    Args:
        content: the file's bytes.
        origin: its name, for the error's line.

    Raises:
        BadInput: it is not an ONNX model, or a truncated or damaged one, or its weights are in
            other files.
    """
    try:
        proto = onnx.ModelProto.FromString(content)
        _check_text(proto)
        _check_is_whole(proto)
        onnx.checker.check_model(proto)
        inferred = onnx.shape_inference.infer_shapes(proto)
        return _model(proto, inferred)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
        KeyError,
    ) as error:
        (reason, *_) = str(error).strip().splitlines() or ["empty"]
        raise BadInput(f"{origin}: not an ONNX model, or a damaged one ({reason})") from None
    except NotImplementedError as error:
        raise BadInput(f"{origin}: {error}; edgeae cannot read that") from None


def _check_text(proto: Any) -> None:
    # protobuf hands out bytes where a damaged file's string is not UTF-8
    if any(isinstance(text, bytes) for text in (*_strings(proto), *_metadata(proto))):
        raise ValueError("a name is not UTF-8")


def _check_is_whole(proto: Any) -> None:
    for name, constant in _constants(proto.graph):
        if constant.data_location == onnx.TensorProto.EXTERNAL:
            raise NotImplementedError(f"the values of {name!r} are in another file")


def _model(proto: Any, inferred: Any) -> Model:
    constants = dict(_constants(proto.graph))
    graph = inferred.graph
    typed = [v for v in (*graph.input, *graph.value_info, *graph.output) if _has_shape(v)]
    return Model(
        proto,
        {value.name: _shape(value) for value in typed}
        | {name: tuple(constant.dims) for name, constant in constants.items()},
        {value.name: _dtype(value.type.tensor_type.elem_type) for value in typed}
        | {name: _dtype(constant.data_type) for name, constant in constants.items()},
        constants,
        {name: node for node in proto.graph.node for name in node.output},
    )


def _constants(graph: Any) -> Iterator[tuple[str, Any]]:
    yield from ((constant.name, constant) for constant in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            yield from ((node.output[0], item.t) for item in node.attribute if item.name == "value")


def _has_shape(value: Any) -> bool:
    return bool(value.type.tensor_type.HasField("shape"))


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(_size(dimension, 1) for dimension in value.type.tensor_type.shape.dim)


def _size(dimension: Any, free: Any) -> Any:
    return dimension.dim_value if dimension.HasField("dim_value") else free


def _dtype(number: int) -> str:
    return str(onnx.helper.tensor_dtype_to_np_dtype(number).name)


def inputs(model: Model) -> tuple[TensorSpec, ...]:
    """Describe the inputs; a free dimension keeps its name in the shape.

    An integer input has the scale and zero point of the DequantizeLinear that reads it.
    """
    readers = {node.input[0]: node for node in model.nodes if node.op_type == "DequantizeLinear"}
    edges = [value for value in model.proto.graph.input if value.name not in model.constants]
    return tuple(_spec(model, value, readers.get(value.name)) for value in edges)


def outputs(model: Model) -> tuple[TensorSpec, ...]:
    """Describe the outputs.

    An integer output has the scale and zero point of the QuantizeLinear that computes it.
    """
    writers = {node.output[0]: node for node in model.nodes if node.op_type == "QuantizeLinear"}
    edges = model.proto.graph.output
    return tuple(_spec(model, value, writers.get(value.name)) for value in edges)


def _spec(model: Model, value: Any, node: Any) -> TensorSpec:
    dimensions = value.type.tensor_type.shape.dim
    shape = tuple(_size(dimension, dimension.dim_param or "?") for dimension in dimensions)
    dtype = _dtype(value.type.tensor_type.elem_type)
    scales = None if node is None else _constant(model, node, 1)
    if scales is None or scales.size != 1 or dtype not in _QUANTIZED:
        return TensorSpec(value.name, shape, dtype)
    points = _constant(model, node, 2)
    zero_point = 0 if points is None else int(points.reshape(()))
    return TensorSpec(value.name, shape, dtype, float(scales.reshape(())), zero_point)


def opset(model: Model) -> int:
    """Return the version of ONNX's own operator set that the model is written in."""
    return _opsets(model)[""]


def _opsets(model: Model) -> dict[str, int]:
    imports = model.proto.opset_import
    return {_domain(item.domain): int(item.version) for item in imports}


def _domain(name: str) -> str:
    return "" if name in _DEFAULT_DOMAINS else name


def operators(model: Model) -> tuple[OpVersion, ...]:
    """Return the kinds of operators, by name; their version is that of their operator set."""
    counts = Counter((operator_name(node), operator_version(model, node)) for node in model.nodes)
    return tuple(OpVersion(name, version, n) for (name, version), n in sorted(counts.items()))


def operator_version(model: Model, node: Any) -> int:
    """Return the version of the operator set that a node's operator is of."""
    return _opsets(model)[_domain(node.domain)]


def operator_name(node: Any) -> str:
    """Return a node's operator, with its domain in front unless it is ONNX's own."""
    domain = _domain(node.domain)
    return f"{domain}.{node.op_type}" if domain else str(node.op_type)


def macs(model: Model) -> int:
    """Multiply-accumulates of one inference; see `node_macs`."""
    return sum(node_macs(model, node) for node in model.nodes)


def node_macs(model: Model, node: Any) -> int:
    """Multiply-accumulates of one operator; 0 for those that do not multiply and accumulate.

    A free dimension counts as 1; products with padding count.

    - MatMul, (…, rows, k) by (…, k, columns), and Gemm: each output value sums k products.
    - Conv, weights (out, in ÷ groups, kernel…): each output value sums in ÷ groups · kernel.
    - ConvTranspose, weights (in, out ÷ groups, kernel…): each input value is multiplied into
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
    values = prod(_known_shape(model, node.output[0]))
    if "Conv" in node.op_type:
        return values * prod(weights[1:])
    return values * data[0 if _attribute(node, "transA", 0) else -1]


def _product(node: Any) -> _Product | None:
    return None if _domain(node.domain) else _PRODUCTS.get(node.op_type)


def _known_shape(model: Model, name: str) -> tuple[int, ...]:
    if name not in model.shapes:
        raise BadInput(f"the shape of {name!r} cannot be inferred")
    return model.shapes[name]


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(item.i) for item in node.attribute if item.name == name), default)


def parameters(model: Model) -> int:
    """How many values the weights and biases hold together."""
    causes = _causes(model)
    trained = [name for name, cause in causes.items() if cause in ("weights", "biases")]
    return sum(prod(model.shapes[name]) for name in trained)


def weight_bytes(model: Model, node: Any) -> int:
    """Bytes of an operator's weights and biases, as stored, also through DequantizeLinear."""
    if node.op_type in _CARRIERS:
        return 0
    causes = _causes(model)
    read = {_source(model, name)[0] for name in node.input}
    trained = [name for name in read if causes.get(name) in ("weights", "biases")]
    return sum(_payload_bytes(model.constants[name]) for name in trained)


def sparsity(model: Model) -> dict[str, float]:
    """Return weight → share of its values that stand for exactly 0.

    For integers that is the zero point.
    """
    found = {}
    for node in model.nodes:
        product = _product(node)
        if product is None:
            continue
        name, carrier = _source(model, node.input[product.weights])
        if name in model.constants and len(model.shapes[name]) >= 2:
            values = onnx.numpy_helper.to_array(model.constants[name])
            zeros = _zeros(model, node, product, carrier, values.ndim)
            found[name] = float(np.mean(values == zeros)) if values.size else 0.0
    return found


def _zeros(model: Model, node: Any, product: _Product, carrier: Any, rank: int) -> NDArray[Any]:
    """Return what stands for 0, in a shape that broadcasts against weights of `rank`."""
    points, axis = None, 0
    if carrier is not None:
        points, axis = _constant(model, carrier, 2), _attribute(carrier, "axis", 1)
    elif product.zero_point is not None:
        points = _constant(model, node, product.zero_point)
    if points is None or points.size == 1:
        return np.zeros(1) if points is None else points.reshape(1)
    return points.reshape([-1 if place == axis % rank else 1 for place in range(rank)])


def _constant(model: Model, node: Any, place: int) -> NDArray[Any] | None:
    name = node.input[place] if place < len(node.input) else ""
    if name not in model.constants:
        return None
    values: NDArray[Any] = onnx.numpy_helper.to_array(model.constants[name])
    return values


def _source(model: Model, name: str) -> tuple[str, Any]:
    """Follow a tensor back through carriers: what they carry, and the DequantizeLinear or None."""
    carrier = None
    while name in model.producers and model.producers[name].op_type in _CARRIERS:
        node = model.producers[name]
        carrier = node if node.op_type == "DequantizeLinear" else carrier
        name = node.input[0]
    return name, carrier


def size_by_cause(content: bytes, model: Model) -> dict[str, int]:
    """Return cause → bytes of the file; they add up to all of them.

    Causes (`CAUSES`): `weights` and `biases`, see the module; `scales`, scales and zero points;
    `strings`, all names, as often as they are written; `metadata`, producer, documentation and
    properties; `structure`, the rest: tags, lengths, shapes, other constants.
    """
    sizes = dict.fromkeys(CAUSES, 0)
    for name, cause in _causes(model).items():
        sizes[cause] += _payload_bytes(model.constants[name])
    sizes["strings"] = sum(len(text.encode()) for text in _strings(model.proto))
    sizes["metadata"] = sum(len(text.encode()) for text in _metadata(model.proto))
    sizes["structure"] = len(content) - sum(sizes.values())
    return sizes


def _causes(model: Model) -> dict[str, str]:
    """Map each constant that is not structure to its cause."""
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


def _strings(proto: Any) -> Iterator[str]:
    graph = proto.graph
    yield graph.name
    yield from (item.domain for item in proto.opset_import)
    yield from (value.name for value in (*graph.input, *graph.output, *graph.value_info))
    yield from (constant.name for constant in graph.initializer)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _metadata(proto: Any) -> Iterator[str]:
    yield from (proto.producer_name, proto.producer_version, proto.domain, proto.doc_string)
    yield proto.graph.doc_string
    for item in proto.metadata_props:
        yield from (item.key, item.value)
