"""Passthrough models: one operator that only copies, with inputs and outputs of another model.

The time of a call is the overhead of a call without arithmetic. The operator is `RESHAPE` or
`Identity` if input and output have the same number of values, `SLICE` or `Slice` if the output has
fewer, and `PAD` or `Pad` (with zeros) if it has more. If the element types differ, a second
operator converts.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeae.artifacts.manifest import TensorSpec
from edgeae.errors import BadInput
from edgeae.formats.onnx import protobuf_writer as protobuf
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write

#: Element type of an input or output → its number in ONNX's `TensorProto.DataType`.
_ONNX_TYPES = {
    **{"float32": 1, "uint8": 2, "int8": 3},
    **{"int16": 5, "int32": 6, "int64": 7, "float16": 10},
}
#: LiteRT's SLICE and PAD do not take float16, and onnxruntime's Pad does not take int16.
_TFLITE_TYPES = tuple(name for name in _ONNX_TYPES if name != "float16")
_PADDED_TYPES = tuple(name for name in _ONNX_TYPES if name != "int16")
#: Element types that QUANTIZE and DEQUANTIZE convert.
_QUANTIZED = ("int8", "uint8")
_ONNX_INT64 = 7
#: The same as in edgeae's other ONNX files; onnxruntime reads IR version 10 from 1.18 on.
_OPSET, _IR_VERSION = 18, 10
#: Names of inner tensors; no input or output of a model has such a name.
_CONVERTED_FROM, _PREFIX = "edgeae/unconverted", "edgeae/"


def tflite(source: TensorSpec, target: TensorSpec, batch: int = 1) -> bytes:
    """Return a `.tflite` with an input like `source` and an output like `target`.

    Both have the shape `(batch, values)`: the other dimensions do not change the time of a call.

    Raises:
        BadInput: the operators do not support an element type.
    """
    given, wanted = _sizes(source, target, _TFLITE_TYPES)
    edges = (
        _edge(source.name, (batch, given), source.dtype),
        _edge(target.name, (batch, wanted), target.dtype),
    )
    name, options, constants = _operator(batch, given, wanted)
    tensors: tuple[Tensor, ...] = (*edges, *constants)
    inputs = (0, *range(2, len(tensors)))
    version = 1 if name == "RESHAPE" else 2  # version 2 takes int8
    operators: tuple[Operator, ...] = (Operator(name, version, inputs, (1,), _settings(options)),)
    if source.dtype != target.dtype:
        between = len(tensors)
        tensors += (_edge(_CONVERTED_FROM, (batch, wanted), source.dtype),)
        operators = (
            replace(operators[0], outputs=(between,)),
            _conversion(between, source.dtype, target.dtype),
        )
    return write(Graph(tensors, operators, {source.name: 0}, {target.name: 1}))


def _sizes(source: TensorSpec, target: TensorSpec, types: tuple[str, ...]) -> tuple[int, int]:
    for spec in (source, target):
        if spec.dtype not in types:
            raise BadInput(f"edge {spec.name!r} is {spec.dtype}: allowed are {', '.join(types)}")
    return math.prod(source.values), math.prod(target.values)


def _edge(name: str, shape: tuple[int, ...], dtype: str) -> Tensor:
    if dtype not in _QUANTIZED:
        return Tensor(name, shape, dtype)
    return Tensor(name, shape, dtype, scales=(1 / 256,), zero_points=(0,))


def _operator(batch: int, given: int, wanted: int) -> tuple[str, str, tuple[Tensor, ...]]:
    if given == wanted:
        return "RESHAPE", "ReshapeOptions", (_constant("shape", [batch, wanted]),)
    if given > wanted:
        return (
            "SLICE",
            "SliceOptions",
            (_constant("begin", [0, 0]), _constant("size", [batch, wanted])),
        )
    return "PAD", "PadOptions", (_constant("paddings", [[0, 0], [0, wanted - given]]),)


def _constant(name: str, values: Any) -> Tensor:
    data = np.array(values, np.int32)
    return Tensor(name, data.shape, "int32", data)


def _conversion(between: int, given: str, wanted: str) -> Operator:
    if not {given, wanted} <= {"float32", *_QUANTIZED}:
        return Operator("CAST", 1, (between,), (1,), _settings("CastOptions"))
    if wanted == "float32":
        return Operator("DEQUANTIZE", 2, (between,), (1,), _settings("DequantizeOptions"))
    return Operator("QUANTIZE", 1, (between,), (1,), _settings("QuantizeOptions"))


def _settings(options: str) -> Any:
    settings = schema.OperatorT()
    settings.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    settings.builtinOptions = getattr(schema, f"{options}T")()
    return settings


def onnx(source: TensorSpec, target: TensorSpec, batch: int = 1) -> bytes:
    """Return an `.onnx` with an input like `source` and an output like `target`.

    Both have the shape `(batch, values)`, as in `tflite`. The field numbers are those of ONNX's
    `onnx.proto3`.

    Raises:
        BadInput: the operators do not support an element type.
    """
    given, wanted = _sizes(source, target, _PADDED_TYPES)
    kind, constants = _node(given, wanted)
    converts = source.dtype != target.dtype
    result = _CONVERTED_FROM if converts else target.name
    nodes = [_onnx_node(kind, [source.name, *constants], result)]
    if converts:
        to = protobuf.message(
            5,
            protobuf.text(1, "to"),
            protobuf.integer(3, _ONNX_TYPES[target.dtype]),
            protobuf.integer(20, 2),  # AttributeProto.INT
        )
        nodes.append(_onnx_node("Cast", [result], target.name, to))
    graph = (
        *nodes,
        protobuf.text(2, "one_operator"),
        *(_onnx_constant(*item) for item in constants.items()),
        _onnx_edge(11, source, batch, given),
        _onnx_edge(12, target, batch, wanted),
    )
    opset = (protobuf.text(1, ""), protobuf.integer(2, _OPSET))
    return (
        protobuf.integer(1, _IR_VERSION) + protobuf.message(7, *graph) + protobuf.message(8, *opset)
    )


def _node(given: int, wanted: int) -> tuple[str, dict[str, list[int]]]:
    """Return the operator and its constant inputs, in input order; see ONNX's Operators.md."""
    if given == wanted:
        return "Identity", {}
    if given > wanted:
        places = {"starts": [0], "ends": [wanted], "axes": [1]}
        return "Slice", {f"{_PREFIX}{name}": value for name, value in places.items()}
    return "Pad", {f"{_PREFIX}pads": [0, 0, 0, wanted - given]}


def _onnx_node(kind: str, inputs: list[str], output: str, *attributes: bytes) -> bytes:
    names = (protobuf.text(1, name) for name in inputs)
    return protobuf.message(
        1, *names, protobuf.text(2, output), protobuf.text(4, kind), *attributes
    )


def _onnx_constant(name: str, values: list[int]) -> bytes:
    return protobuf.message(
        5,
        protobuf.integer(1, len(values)),
        protobuf.integer(2, _ONNX_INT64),
        protobuf.text(8, name),
        protobuf.text(9, np.array(values, "<i8").tobytes()),
    )


def _onnx_edge(field: int, spec: TensorSpec, batch: int, values: int) -> bytes:
    dimensions = (protobuf.message(1, protobuf.integer(1, size)) for size in (batch, values))
    tensor = protobuf.message(
        1, protobuf.integer(1, _ONNX_TYPES[spec.dtype]), protobuf.message(2, *dimensions)
    )
    return protobuf.message(field, protobuf.text(1, spec.name), protobuf.message(2, tensor))
