"""Shape inference for ONNX models that have onnxruntime's own operators.

ONNX's shape inference does not know the operators of the domain `com.microsoft`, and stops at them.
This module adds the output shapes of those that `quantize_static` writes; see onnxruntime's
`docs/ContribOperators.md`.
"""

from collections.abc import Iterator
from typing import Any

import onnx

#: The domain of onnxruntime's own operators.
CONTRIB = "com.microsoft"
#: Operators whose output has the shape of their first input.
_SAME_SHAPE = ("QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax")
#: Operators that broadcast two tensors; the second tensor is input 3.
_BROADCAST = ("QLinearAdd", "QLinearMul")
_QGEMM_WEIGHTS, _QGEMM_INTEGER_OUTPUT = 3, 8

#: A size, or the name of a free dimension; None for a free dimension without a name.
_Size = int | str | None


def inferred(proto: Any, *, strict: bool = False) -> Any:
    """Return a copy of the model with all inferred shapes in its `value_info`.

    Args:
        proto: onnx's `ModelProto`; it is not changed.
        strict: whether contradictions raise an error.

    Raises:
        onnx.shape_inference.InferenceError: operators and shapes contradict each other.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    result = onnx.shape_inference.infer_shapes(copy, strict_mode=strict, data_prop=True)
    while more := list(_told(result.graph)):
        copy.graph.value_info.extend(more)
        result = onnx.shape_inference.infer_shapes(copy, strict_mode=strict, data_prop=True)
    return result


def contributed(proto: Any) -> list[Any]:
    """Return the `value_info` of the outputs of contrib operators, which ONNX does not infer."""
    graph = inferred(proto).graph
    names = {name for node in graph.node if node.domain == CONTRIB for name in node.output}
    return [value for value in graph.value_info if value.name in names]


def _told(graph: Any) -> Iterator[Any]:
    """Yield the `value_info` of contrib operators with known inputs and unknown outputs."""
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {item.name: _shape(item) for item in values if _has_shape(item)}
    dtypes = {item.name: item.type.tensor_type.elem_type for item in values}
    for constant in graph.initializer:
        shapes[constant.name] = tuple(constant.dims)
        dtypes[constant.name] = constant.data_type
    for node in graph.node:
        if node.domain != CONTRIB or node.output[0] in shapes:
            continue
        shape = _output_shape(node, shapes)
        if shape is not None:
            kind = onnx.TensorProto.FLOAT if _dequantizes(node) else dtypes[node.input[0]]
            shapes[node.output[0]], dtypes[node.output[0]] = shape, kind
            yield onnx.helper.make_tensor_value_info(node.output[0], kind, shape)


def _has_shape(value: Any) -> bool:
    return bool(value.type.tensor_type.HasField("shape"))


def _shape(value: Any) -> tuple[_Size, ...]:
    return tuple(
        item.dim_value if item.HasField("dim_value") else item.dim_param or None
        for item in value.type.tensor_type.shape.dim
    )


def _dequantizes(node: Any) -> bool:
    """Return whether a QGemm outputs floats: it then has no zero point of the output."""
    return node.op_type == "QGemm" and not "".join(node.input[_QGEMM_INTEGER_OUTPUT:])


def _output_shape(node: Any, shapes: dict[str, tuple[_Size, ...]]) -> tuple[_Size, ...] | None:
    first = shapes.get(node.input[0])
    if first is None or node.op_type in _SAME_SHAPE:
        return first
    other = shapes.get(node.input[3]) if len(node.input) > _QGEMM_WEIGHTS else None
    if other is None:
        return None
    if node.op_type == "QGemm":
        flags = {item.name: item.i for item in node.attribute}
        return (first[1 if flags.get("transA") else 0], other[0 if flags.get("transB") else 1])
    return _broadcast(first, other) if node.op_type in _BROADCAST else None


def _broadcast(first: tuple[_Size, ...], second: tuple[_Size, ...]) -> tuple[_Size, ...]:
    """Return the broadcast shape; of a free dimension and a fixed one above 1, the fixed one."""
    rank = max(len(first), len(second))
    pairs = zip(*((1,) * (rank - len(item)) + item for item in (first, second)), strict=True)
    return tuple(b if a == 1 or (isinstance(b, int) and b > 1) else a for a, b in pairs)
