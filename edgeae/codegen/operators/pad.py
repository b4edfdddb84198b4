"""PAD and PADV2: a constant value around the input."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operands import has_grid
from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.step import Alias, Constant, Step
from edgeae.codegen.strided import Region, copy, known_type, strides


def constant_paddings(operation: Operation) -> bool:
    """The paddings, and the value of PADV2, are constants."""
    return operation.integers(1) is not None and (
        not operation.has(2) or operation.constant(2) is not None
    )


def surrounds(operation: Operation) -> bool:
    """The output is the input with the paddings, which are 0 or more, of the same type."""
    source, target = operation.input(), operation.output()
    paddings = _paddings(operation)
    if len(paddings) != len(source.shape):
        return False
    sums = tuple(int(a + b) + extent for (a, b), extent in zip(paddings, source.shape, strict=True))
    return bool((paddings >= 0).all()) and (sums, source.dtype) == (target.shape, target.dtype)


def value_of_the_output(operation: Operation) -> bool:
    """The value of PADV2 has the output's element type, scale and zero point.

    PAD writes the output's zero point, which is one of its type.
    """
    target = operation.output()
    if not operation.has(2):
        return target.dtype == "float32" or not target.scales or has_grid(target)
    value = operation.input(2)
    return (value.dtype, value.scales, value.zero_points) == (
        target.dtype,
        target.scales,
        target.zero_points,
    )


CONSTRAINTS = (known_type, constant_paddings, surrounds, value_of_the_output)


def _paddings(operation: Operation) -> NDArray[np.int64]:
    values = operation.integers(1)
    assert values is not None
    return values.reshape(-1)[: values.size // 2 * 2].reshape(-1, 2)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return two steps: the output is filled, then the input is copied into it."""
    source, target = operation.input(), operation.output()
    write = strides(target.shape)
    before = [int(item) for item in _paddings(operation)[:, 0]]
    start = sum(place * stride for place, stride in zip(before, write, strict=True))
    region = Region(source.shape, strides(source.shape), write, 0, start)
    moved = copy(operation, operation.inputs[0], operation.outputs[0], region)
    return [moved] if isinstance(moved, Alias) else [_filled(operation), moved]


def _filled(operation: Operation) -> Step:
    target = operation.output()
    stored = operation.constant(2)
    value = zero_point(target) if stored is None else stored.reshape(-1)[0]
    return Step(
        "fill",
        (Constant("padding", np.array([value], target.dtype)),),
        operation.outputs[0],
        {"count": math.prod(target.shape), "size": np.dtype(target.dtype).itemsize},
        operator=operation.index,
    )
