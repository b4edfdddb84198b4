"""Reads an ONNX file: its inputs, outputs, operators and properties.

Operators are described in ONNX's `docs/Operators.md`, those of the domain `com.microsoft` in
onnxruntime's `docs/ContribOperators.md`. `graph_statistics` counts their MACs and bytes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.errors import BadInput, about
from edgeae.formats.onnx.folding import fold, with_batch
from edgeae.formats.onnx.shapes import inferred

_DEFAULT_DOMAINS = ("", "ai.onnx")
_QUANTIZED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class Model:
    """A checked ONNX model.

    Attributes:
        proto: onnx's `ModelProto`, unchanged.
        shapes: tensor → shape, for tensors whose shape is inferred; a free dimension is 1.
        dtypes: tensor → numpy's name of its element type.
        constants: name → `TensorProto` of an initializer or Constant node.
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

    def constant(self, node: Any, place: int) -> NDArray[Any] | None:
        """Return the values at an input of a node, or None if the input is not a constant."""
        name = node.input[place] if place < len(node.input) else ""
        if name not in self.constants:
            return None
        return values(self.constants[name])


def values(constant: Any) -> NDArray[Any]:
    """Return the values of a constant.

    Raises:
        BadInput: the number of values does not fit the constant's shape.
    """
    try:
        array: NDArray[Any] = onnx.numpy_helper.to_array(constant)
    except (ValueError, TypeError, LookupError) as error:
        raise BadInput(f"constant {constant.name!r}: {error}") from None
    return array


def read(content: bytes, origin: str) -> Model:
    """Return the checked model in an ONNX file.

    Args:
        content: the file's bytes.
        origin: name of the file, for the error message.

    Raises:
        BadInput: the file is not an ONNX model, is truncated or damaged, or its weights are in
            other files.
    """
    try:
        proto = onnx.ModelProto.FromString(content)
        _check_text(proto)
        _check_is_whole(proto)
        onnx.checker.check_model(proto)
        with about(origin):
            return _model(proto, inferred(proto))
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
        LookupError,
    ) as error:
        (reason, *_) = str(error).strip().splitlines() or ["empty"]
        raise BadInput(f"{origin}: not an ONNX model, or a damaged one ({reason})") from None
    except NotImplementedError as error:
        raise BadInput(f"{origin}: {error}; edgeae cannot read that") from None


def _check_text(proto: Any) -> None:
    # protobuf returns bytes for a string that is not UTF-8, which occurs in damaged files
    if any(isinstance(text, bytes) for text in (*strings(proto), *texts(proto))):
        raise ValueError("a name is not UTF-8")


def _check_is_whole(proto: Any) -> None:
    for name, constant in _constants(proto.graph):
        if constant.data_location == onnx.TensorProto.EXTERNAL:
            raise NotImplementedError(f"the values of {name!r} are in another file")


def _model(proto: Any, shaped: Any) -> Model:
    constants = dict(_constants(proto.graph))
    graph = shaped.graph
    typed = [v for v in (*graph.input, *graph.value_info, *graph.output) if _has_shape(v)]
    shapes = {value.name: _shape(value) for value in typed}
    shapes |= {name: tuple(constant.dims) for name, constant in constants.items()}
    if not {name for node in graph.node for name in node.output if name} <= shapes.keys():
        # exporters write the target of a reshape as arithmetic, which ONNX does not always infer
        shapes = fold(with_batch(proto, 1)).shapes | shapes
    return Model(
        proto,
        shapes,
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
    try:
        return str(onnx.helper.tensor_dtype_to_np_dtype(number).name)
    except KeyError:  # a sequence or a map, or a type that this version of onnx lacks
        raise BadInput(f"element type {number}; allowed are tensors of numbers") from None


def inputs(model: Model) -> tuple[TensorSpec, ...]:
    """Return the specs of the inputs; a free dimension is its name in the shape.

    An integer input has the scale and zero point of the DequantizeLinear that reads it.
    """
    readers = {node.input[0]: node for node in model.nodes if node.op_type == "DequantizeLinear"}
    edges = [value for value in model.proto.graph.input if value.name not in model.constants]
    return tuple(_spec(model, value, readers.get(value.name)) for value in edges)


def outputs(model: Model) -> tuple[TensorSpec, ...]:
    """Return the specs of the outputs.

    An integer output has the scale and zero point of the QuantizeLinear that computes it.
    """
    writers = {node.output[0]: node for node in model.nodes if node.op_type == "QuantizeLinear"}
    edges = model.proto.graph.output
    return tuple(_spec(model, value, writers.get(value.name)) for value in edges)


def _spec(model: Model, value: Any, node: Any) -> TensorSpec:
    dimensions = value.type.tensor_type.shape.dim
    shape = tuple(_size(dimension, dimension.dim_param or "?") for dimension in dimensions)
    dtype = _dtype(value.type.tensor_type.elem_type)
    scales = None if node is None else model.constant(node, 1)
    if scales is None or scales.size != 1 or dtype not in _QUANTIZED:
        return TensorSpec(value.name, shape, dtype)
    points = model.constant(node, 2)
    zero_point = 0 if points is None else int(points.reshape(()))
    return TensorSpec(value.name, shape, dtype, float(scales.reshape(())), zero_point)


def opset(model: Model) -> int:
    """Return the version of ONNX's own operator set that the model uses."""
    return _opsets(model)[""]


def needs(model: Model) -> str:
    """Return the operator sets that a runtime must support, such as `opset 18, com.microsoft 1`."""
    others = sorted({domain(node) for node in model.nodes} - {""})
    sets = _opsets(model)
    return ", ".join([f"opset {opset(model)}", *(f"{name} {sets[name]}" for name in others)])


def properties(model: Model) -> dict[str, str]:
    """Return the file's `metadata_props`, key → value."""
    return {item.key: item.value for item in model.proto.metadata_props}


def _opsets(model: Model) -> dict[str, int]:
    imports = model.proto.opset_import
    return {domain(item): int(item.version) for item in imports}


def domain(node: Any) -> str:
    """Return the domain of a node or of an operator set; empty for ONNX's own operators."""
    return "" if node.domain in _DEFAULT_DOMAINS else str(node.domain)


def operators(model: Model) -> tuple[OpVersion, ...]:
    """Return the kinds of operators with their counts, sorted by name.

    The version of an operator is that of its operator set.
    """
    counts = Counter((operator_name(node), operator_version(model, node)) for node in model.nodes)
    return tuple(OpVersion(name, version, n) for (name, version), n in sorted(counts.items()))


def operator_version(model: Model, node: Any) -> int:
    """Return the version of the operator set of a node's operator."""
    return _opsets(model)[domain(node)]


def operator_name(node: Any) -> str:
    """Return the name of a node's operator; a domain other than ONNX's own is put before it."""
    owner = domain(node)
    return f"{owner}.{node.op_type}" if owner else str(node.op_type)


def strings(proto: Any) -> Iterator[str]:
    """Yield all names in a `ModelProto`, each as often as it occurs in the file."""
    graph = proto.graph
    yield graph.name
    yield from (item.domain for item in proto.opset_import)
    yield from (value.name for value in (*graph.input, *graph.output, *graph.value_info))
    yield from (constant.name for constant in graph.initializer)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def texts(proto: Any) -> Iterator[str]:
    """Yield the texts of a `ModelProto` that are not names: producer, documentation, properties."""
    yield from (proto.producer_name, proto.producer_version, proto.domain, proto.doc_string)
    yield proto.graph.doc_string
    for item in proto.metadata_props:
        yield from (item.key, item.value)
