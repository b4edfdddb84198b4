"""Computes at generation time what a model computes of shapes alone.

A file converted with an open batch holds SHAPE, STRIDED_SLICE, PACK and others, which compute the
shape that a RESHAPE or a TRANSPOSE_CONV is given. With a batch of 1 every shape is known, so their
outputs are constants. Shapes that the file leaves open follow from them: see
`edgeae.codegen.shapes`. What depends on data is not computed.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import shapes
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Operator, Tensor

_Values = NDArray[Any]
_Options = Mapping[str, Any]
_Rule = Callable[[Sequence[_Values], _Options], _Values]
#: The most values that a list of sizes has; a damaged file may ask for any number.
_MOST = 1 << 12
_INTEGERS = ("int32", "int64", "bool")
#: What numpy raises if an operator is given what LiteRT refuses as well.
_WRONG = (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError)


def folded(graph: Graph, origin: str) -> Graph:
    """Return a model in which the outputs of operators that compute only shapes are constants.

    The operators keep their places; those that write constants need not be computed.

    Args:
        graph: the model; its input's shape has a batch of 1.
        origin: name of the file, for errors.

    Raises:
        BadInput: an operator writes a constant of the file, or an input's shape does not allow it.
    """
    tensors = list(graph.tensors)
    open_ = False
    for index, operator in enumerate(graph.operators):
        place = f"{origin}: operator {index}, {operator.name}"
        if any(item >= 0 and tensors[item].data is not None for item in operator.outputs):
            raise BadInput(f"{place}: writes a constant")
        try:
            changed = _constants(operator, tensors) or (
                _reshaped(operator, tensors) if open_ or _is_sized(operator, graph) else {}
            )
        except _WRONG as error:
            raise BadInput(f"{place}: its inputs do not fit: {error}") from None
        for item, tensor in changed.items():
            open_ |= tensor.shape != tensors[item].shape
            tensors[item] = tensor
    return dataclasses.replace(graph, tensors=tuple(tensors))


def is_folded(graph: Graph, operator: Operator) -> bool:
    """Return whether all that an operator writes are constants, as after `folded`."""
    return bool(operator.outputs) and all(
        graph.tensors[item].data is not None for item in operator.outputs
    )


def _is_sized(operator: Operator, graph: Graph) -> bool:
    """Return whether an operator reads sizes that are no constants of the file, or makes a batch.

    A file whose batch is open states neither.
    """
    if operator.name == "SPACE_TO_BATCH_ND":
        return True
    read = [graph.tensors[item] for item in operator.inputs if item >= 0]
    return any(item.dtype in _INTEGERS and item.data is None for item in read)


def _constants(operator: Operator, tensors: Sequence[Tensor]) -> dict[int, Tensor]:
    """Return the outputs that are constants now, by their indices."""
    if operator.name not in RULES or len(operator.outputs) != 1:
        return {}
    (target,) = operator.outputs
    dtype = tensors[target].dtype
    read = [tensors[item] for item in operator.inputs if item >= 0]
    if operator.name in _OF_SHAPES:
        values = [np.array(read[0].shape, np.int64)]
    else:
        values = [_known(item) for item in read if _is_known(item)]
    if dtype not in _INTEGERS or not values or len(values) < len(read):
        return {}
    result = np.asarray(RULES[operator.name](values, operator.options))
    limits = np.iinfo(np.int32 if dtype == "bool" else dtype)
    if result.size > _MOST or (
        result.size and not limits.min <= result.min() <= result.max() <= limits.max
    ):
        raise ValueError("more than a shape has")
    shape = tuple(int(item) for item in result.shape)
    changed = dataclasses.replace(tensors[target], shape=shape, data=result.astype(dtype))
    return {target: changed}


def _is_known(tensor: Tensor) -> bool:
    """Return whether a tensor is a constant of few integers."""
    return tensor.data is not None and tensor.dtype in _INTEGERS and tensor.data.size <= _MOST


def _known(tensor: Tensor) -> _Values:
    """Return the values of a constant, with room for sums and products."""
    assert tensor.data is not None
    return tensor.data.astype(np.int64)


def _reshaped(operator: Operator, tensors: Sequence[Tensor]) -> dict[int, Tensor]:
    """Return the outputs whose shapes the file leaves open, with their shapes."""
    found = shapes.of_outputs(operator, tensors)
    return {
        item: dataclasses.replace(tensors[item], shape=shape)
        for item, shape in zip(operator.outputs, found or (), strict=False)
        if item >= 0
    }


def _strided_slice(values: Sequence[_Values], options: _Options) -> _Values:
    source, begin, end, steps = values
    if options.get("offset", False):
        raise ValueError("an end that is an offset")
    entries: list[Any] = []
    for place in range(begin.size):
        if options["ellipsisMask"] >> place & 1:
            entries.append(Ellipsis)
        elif options["newAxisMask"] >> place & 1:
            entries.append(None)
        elif options["shrinkAxisMask"] >> place & 1:
            entries.append(int(begin[place]))
        else:
            first = None if options["beginMask"] >> place & 1 else int(begin[place])
            last = None if options["endMask"] >> place & 1 else int(end[place])
            entries.append(slice(first, last, int(steps[place])))
    return np.asarray(source[tuple(entries)])


def _slice(values: Sequence[_Values], _: _Options) -> _Values:
    source, begin, size = values
    return source[
        tuple(
            slice(int(first), None if count < 0 else int(first + count))
            for first, count in zip(begin, size, strict=True)
        )
    ]


def _pack(values: Sequence[_Values], options: _Options) -> _Values:
    return np.stack(values, options["axis"])


def _concatenation(values: Sequence[_Values], options: _Options) -> _Values:
    return np.concatenate(values, options["axis"])


def _gather(values: Sequence[_Values], options: _Options) -> _Values:
    if options.get("batchDims", 0):
        raise ValueError("batch dimensions")
    return np.take(values[0], values[1], options["axis"])


def _reduced(reduce: Any) -> _Rule:
    def rule(values: Sequence[_Values], options: _Options) -> _Values:
        source, axes = values
        kept = bool(options.get("keepDims", False))
        return np.asarray(reduce(source, tuple(axes.reshape(-1).tolist()), keepdims=kept))

    return rule


def _range(values: Sequence[_Values], _: _Options) -> _Values:
    start, limit, delta = (int(item.item()) for item in values)
    items = range(start, limit, delta)
    if len(items) > _MOST:
        raise ValueError("more than a shape has")
    return np.array(items, np.int64)


def _fill(values: Sequence[_Values], _: _Options) -> _Values:
    shape, value = values
    if math.prod(shape.tolist()) > _MOST:
        raise ValueError("more than a shape has")
    return np.full(shape.tolist(), value.item(), np.int64)


def _reshape(values: Sequence[_Values], options: _Options) -> _Values:
    shape = values[1] if len(values) > 1 else options["newShape"]
    return values[0].reshape([int(item) for item in shape])


def _squeeze(values: Sequence[_Values], options: _Options) -> _Values:
    axes = options.get("squeezeDims")
    chosen = None if axes is None or not len(axes) else tuple(int(item) for item in axes)
    return np.squeeze(values[0], chosen)


def _expand_dims(values: Sequence[_Values], _: _Options) -> _Values:
    return np.expand_dims(values[0], int(values[1].item()))


def _transpose(values: Sequence[_Values], _: _Options) -> _Values:
    return values[0].transpose(values[1].tolist())


def _floor_div(values: Sequence[_Values], _: _Options) -> _Values:
    if not values[1].all():
        raise ZeroDivisionError("division by 0")
    return np.asarray(values[0] // values[1])


def _same(values: Sequence[_Values], _: _Options) -> _Values:
    return values[0]


def _binary(function: Any) -> _Rule:
    def rule(values: Sequence[_Values], options: _Options) -> _Values:
        if options.get("fusedActivationFunction", 0):
            raise ValueError("a fused activation")
        first, second = values
        return np.asarray(function(first, second))

    return rule


#: Operators of which only the input's shape matters.
_OF_SHAPES = ("RANK", "SHAPE")
#: Operator → what it computes of integers.
RULES: dict[str, _Rule] = {
    "ADD": _binary(np.add),
    "CAST": _same,
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _expand_dims,
    "FILL": _fill,
    "FLOOR_DIV": _floor_div,
    "GATHER": _gather,
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "MUL": _binary(np.multiply),
    "PACK": _pack,
    "RANGE": _range,
    "RANK": lambda values, _: np.array(values[0].size),
    "REDUCE_MAX": _reduced(np.max),
    "REDUCE_MIN": _reduced(np.min),
    "REDUCE_PROD": _reduced(np.prod),
    "RESHAPE": _reshape,
    "SHAPE": _same,
    "SLICE": _slice,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _binary(np.subtract),
    "SUM": _reduced(np.sum),
    "TRANSPOSE": _transpose,
}
