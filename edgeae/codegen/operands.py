"""The two operands of ADD, SUB and MUL: their element types, and how they are broadcast."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import FUSED, Operation, zero_point
from edgeae.codegen.step import Constant, Member
from edgeae.codegen.strided import Axis, merged, outer_members, strides
from edgeae.formats.tflite.graph import Tensor

#: What a float kernel limits its output to where no activation is fused, as LiteRT's do.
_FLOAT_MAX = float(np.finfo(np.float32).max)


def one_type(operation: Operation) -> bool:
    """Both operands and the output are int8, int16 or float32."""
    dtypes = {tensor.dtype for tensor in tensors(operation)}
    return dtypes <= {"int8", "int16", "float32"} and len(dtypes) == 1


def one_scale(operation: Operation) -> bool:
    """Integer tensors have one scale and a zero point of their type, which is 0 for int16."""
    dtype = operation.output().dtype
    return dtype == "float32" or all(
        has_grid(tensor) and (dtype == "int8" or zero_point(tensor) == 0)
        for tensor in tensors(operation)
    )


def has_grid(tensor: Tensor) -> bool:
    """Return whether an integer tensor has one scale, above 0, and a zero point of its type."""
    limits = np.iinfo(tensor.dtype)
    return (
        len(tensor.scales) == 1
        and tensor.scales[0] > 0
        and bool(limits.min <= zero_point(tensor) <= limits.max)
    )


def broadcast(operation: Operation) -> bool:
    """The output has the shape to which the operands are broadcast."""
    try:
        shape = np.broadcast_shapes(operation.input(0).shape, operation.input(1).shape)
    except ValueError:
        return False
    return shape == operation.output().shape


def one_activation(operation: Operation) -> bool:
    """At least one operand is not a constant."""
    return bool(operation.activations())


def known_activation(operation: Operation) -> bool:
    """The fused activation is none, RELU, RELU_N1_TO_1 or RELU6."""
    return operation.options.get("fusedActivationFunction", 0) in FUSED


CONSTRAINTS = (one_type, one_scale, broadcast, one_activation, known_activation)


def tensors(operation: Operation) -> tuple[Tensor, Tensor, Tensor]:
    """Return both operands and the output."""
    return operation.input(0), operation.input(1), operation.output()


def order(operation: Operation, commutative: bool) -> tuple[int, int]:
    """Return the places of the operands in the order in which the kernel takes them.

    The kernel may write over the first one; so it is one that could be written over, if possible.
    """
    swapped = commutative and not overwritable(operation, 0) and overwritable(operation, 1)
    return (1, 0) if swapped else (0, 1)


def overwritable(operation: Operation, place: int) -> bool:
    """Return whether the output may have the bytes of an operand."""
    same = operation.input(place).shape == operation.output().shape
    return same and operation.constant(place) is None


def inputs(operation: Operation, places: Sequence[int]) -> tuple[int | Constant, ...]:
    """Return the operands as a step's inputs."""
    return tuple(_input(operation, place) for place in places)


def _input(operation: Operation, place: int) -> int | Constant:
    stored = values(operation, place)
    return operation.inputs[place] if stored is None else Constant("operand", stored.reshape(-1))


def values(operation: Operation, place: int) -> NDArray[Any] | None:
    """Return a constant operand in the operator's type; None for an activation."""
    stored = operation.constant(place)
    index = operation.inputs[place]
    if stored is None or index not in operation.sources:
        return stored
    return _dequantized(operation.graph.tensors[operation.sources[index]])


def _dequantized(tensor: Tensor) -> NDArray[np.float32]:
    """Return the float32 values of a constant, as LiteRT's DEQUANTIZE computes them.

    A product of a float32 scale and an integer of up to 24 bits is rounded to float32 once, so it
    does not matter that LiteRT computes it in float64.
    """
    assert tensor.data is not None, tensor.name
    if not tensor.scales:
        return tensor.data.astype(np.float32)
    shape = [1] * tensor.data.ndim
    if len(tensor.scales) > 1:
        shape[tensor.axis] = len(tensor.scales)
    scales = np.array(tensor.scales, np.float32).reshape(shape)
    points = np.array(tensor.zero_points, np.int64).reshape(shape)
    values: NDArray[np.float32] = (tensor.data - points).astype(np.float32) * scales
    return values


def largest(operation: Operation, place: int) -> int:
    """Return the largest distance of an operand's integers from its zero point."""
    tensor, values = operation.input(place), operation.constant(place)
    limits = np.iinfo(tensor.dtype)
    ends = (limits.min, limits.max) if values is None else (values.min(), values.max())
    return max(abs(int(end) - zero_point(tensor)) for end in ends)


def loops(operation: Operation, places: Sequence[int]) -> dict[str, Member]:
    """Return the members of a kernel that walk over both operands, in the output's order."""
    shape = operation.output().shape
    first, second = (_strides(operation.input(place).shape, len(shape)) for place in places)
    axes = merged([Axis(*item) for item in zip(shape, first, second, strict=True)])
    inner = axes.pop() if axes else Axis(math.prod(shape), 0, 0)
    steps = {"count": inner.extent, "first_step": inner.first, "second_step": inner.second}
    return {**outer_members(axes), **steps}


def _strides(shape: Sequence[int], rank: int) -> list[int]:
    """Return the strides of an operand along the output's axes: 0 where it is broadcast."""
    own = zip(shape, strides(shape), strict=True)
    return [0] * (rank - len(shape)) + [0 if extent == 1 else stride for extent, stride in own]


def float_limits(operation: Operation) -> dict[str, Member]:
    """Return the smallest and largest float that the operator writes."""
    low, high = FUSED[operation.options.get("fusedActivationFunction", 0)]
    return {
        "low": -_FLOAT_MAX if low is None else low,
        "high": _FLOAT_MAX if high is None else high,
    }
