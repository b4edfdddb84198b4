"""Folds what an exporter left to compute before any input is known: shapes and constants.

The values of all constants have to be valid; `file.read` checks the model before.

Both of PyTorch's exporters write the target of a reshape as arithmetic on the shape of a tensor.
With the batch fixed to one number, each of these is a constant.
"""

import math
from collections import ChainMap
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

Shape = tuple[int, ...]

#: Operators that are computed here if all their inputs are constants.
_FOLDED = (
    *("Abs", "Add", "Cast", "CastLike", "Ceil", "Concat", "Constant", "ConstantOfShape", "Div"),
    *("Equal", "Expand", "Flatten", "Floor", "Gather", "Greater", "GreaterOrEqual", "Identity"),
    *("Less", "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Pow", "Range"),
    *("Reciprocal", "ReduceProd", "ReduceSum", "Reshape", "Shape", "Size", "Slice", "Split"),
    *("Sqrt", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze", "Where"),
)
#: Operators whose result depends only on the shape of their input.
_OF_SHAPES = ("Shape", "Size")
#: A result of more values is not folded: a few bytes of a file could ask for gigabytes.
_MOST_VALUES = 1 << 26
#: Each round knows the shapes that the constants of the round before decide.
_MOST_ROUNDS = 50


@dataclass(frozen=True)
class Folded:
    """A graph with its constants.

    Attributes:
        proto: onnx's `ModelProto`, every node still in it.
        constants: tensor → values, of initializers and of everything that was folded.
        shapes: tensor → shape, where it is known; the batch is that of `with_batch`.
        types: tensor → numpy's name of its element type.
    """

    proto: Any
    constants: dict[str, NDArray[Any]]
    shapes: dict[str, Shape]
    types: dict[str, str]


def with_batch(proto: Any, batch: int) -> Any:
    """Return a copy of a model whose input has this batch, without the shapes that the file says.

    Those shapes hold names of dimensions, or an exporter's example.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    constants = {item.name for item in copy.graph.initializer}
    for value in copy.graph.input:
        if value.name not in constants and value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = batch
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    return copy


def fold(proto: Any) -> Folded:
    """Return a model with everything folded that does not depend on the values of its input."""
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in proto.graph.initializer}
    for _ in range(_MOST_ROUNDS):
        shapes, types = _inferred(proto)
        new = _round(proto, constants, shapes)
        if not new:
            break
        constants |= new
        proto.graph.initializer.extend(
            onnx.numpy_helper.from_array(array, name) for name, array in new.items()
        )
        _drop(proto, new)
    return Folded(proto, constants, shapes, types)


def _drop(proto: Any, folded: dict[str, Any]) -> None:
    """Remove the nodes all of whose outputs are constants now."""
    left = [
        node for node in proto.graph.node if not all(name in folded for name in node.output if name)
    ]
    del proto.graph.node[:]
    proto.graph.node.extend(left)


def _inferred(proto: Any) -> tuple[dict[str, Shape], dict[str, str]]:
    graph = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    shapes, types = {}, {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.elem_type:
            kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            types[value.name] = str(kind)
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
            shapes[value.name] = tuple(d.dim_value for d in tensor.shape.dim)
    return shapes, types


def _round(
    proto: Any, constants: dict[str, NDArray[Any]], shapes: dict[str, Shape]
) -> dict[str, NDArray[Any]]:
    """Return what can be folded now: name → values."""
    new: dict[str, NDArray[Any]] = {}
    known = ChainMap(new, constants)
    for node in proto.graph.node:
        if node.op_type in _OF_SHAPES:
            if node.input[0] in shapes:
                new[node.output[0]] = _of_shape(node, shapes[node.input[0]])
        elif node.op_type in _FOLDED and _bounded(node, shapes):
            inputs = [name for name in node.input if name]
            if all(name in known for name in inputs):
                new |= _computed(proto, node, {name: known[name] for name in inputs})
    return new


def _of_shape(node: Any, shape: Shape) -> NDArray[Any]:
    """Return what Shape or Size computes."""
    if node.op_type == "Size":
        return np.asarray(math.prod(shape), np.int64)
    ends = {item.name: item.i for item in node.attribute}
    return np.asarray(shape[ends.get("start", 0) : ends.get("end", len(shape))], np.int64)


def _bounded(node: Any, shapes: dict[str, Shape]) -> bool:
    """Return whether the size of every output is known and small."""
    if node.op_type == "Constant":
        return True
    found = [shapes.get(name) for name in node.output if name]
    return all(shape is not None and math.prod(shape) <= _MOST_VALUES for shape in found)


def _computed(proto: Any, node: Any, feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the outputs of one node, by onnx's reference implementation of its operator."""
    inputs, outputs = (
        [onnx.helper.make_empty_tensor_value_info(name) for name in names if name]
        for names in (dict.fromkeys(node.input), node.output)
    )
    graph = onnx.helper.make_graph([node], "folded", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=proto.opset_import)
    try:
        answers = ReferenceEvaluator(model).run(None, feeds)
    except Exception:  # its operators raise whatever numpy raises: the node stays as it is
        return {}
    return {value.name: np.asarray(answer) for value, answer in zip(outputs, answers, strict=True)}
