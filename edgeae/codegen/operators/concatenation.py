"""CONCATENATION: several inputs one behind the other along an axis."""

import itertools
from collections.abc import Sequence

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Constant, Step
from edgeae.codegen.strided import Region, copy, known_type, strides
from edgeae.formats.tflite.graph import Tensor


def same_quantization(operation: Operation) -> bool:
    """All tensors have one element type; those of int8 and uint8 have one scale and zero point.

    LiteRT refuses int8 tensors that differ, rescales those of uint8 and copies int16 as it is.
    """
    tensors, target = _tensors(operation), operation.output()
    if target.dtype in ("int8", "uint8"):
        grid = target.scales, target.zero_points
        if any((tensor.scales, tensor.zero_points) != grid for tensor in tensors):
            return False
    return {tensor.dtype for tensor in tensors} == {target.dtype}


def adjacent(operation: Operation) -> bool:
    """The extents of the inputs along the axis make that of the output; all others are equal."""
    axis = _axis(operation)
    shapes = [list(tensor.shape) for tensor in (*_tensors(operation), operation.output())]
    extents = [shape.pop(axis) for shape in shapes]
    return bool(sum(extents[:-1]) == extents[-1]) and all(shape == shapes[0] for shape in shapes)


def no_activation(operation: Operation) -> bool:
    """No activation is fused."""
    return bool(operation.options.get("fusedActivationFunction", 0) == 0)


CONSTRAINTS = (known_type, same_quantization, adjacent, no_activation)


def _tensors(operation: Operation) -> list[Tensor]:
    return [operation.input(place) for place in range(len(operation.inputs))]


def _axis(operation: Operation) -> int:
    axis, rank = int(operation.options["axis"]), len(operation.output().shape)
    return axis + rank * (axis < 0)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy for each input that has elements."""
    axis, tensors = _axis(operation), _tensors(operation)
    write = strides(operation.output().shape)
    starts = itertools.accumulate((tensor.shape[axis] for tensor in tensors), initial=0)
    return [
        copy(
            operation,
            _source(operation, place),
            operation.outputs[0],
            Region(tensor.shape, strides(tensor.shape), write, 0, start * write[axis]),
        )
        for place, (tensor, start) in enumerate(zip(tensors, starts, strict=False))
        if tensor.shape[axis]
    ]


def _source(operation: Operation, place: int) -> int | Constant:
    values = operation.constant(place)
    return operation.inputs[place] if values is None else Constant("part", values.reshape(-1))
