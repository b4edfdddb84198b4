"""Nested loops over two arrays, as few of them as give the same places; copies made of them."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import C_TYPES, Alias, Constant, Step


class Axis(NamedTuple):
    """One loop.

    Attributes:
        extent: number of turns.
        first, second: how far each turn goes in the one and in the other array.
    """

    extent: int
    first: int
    second: int


class Region(NamedTuple):
    """What one copy moves, in elements.

    Attributes:
        extents: the shape of what is moved.
        read, write: the stride of each axis in the input and in the output.
        start, target_start: places of the first element in the input and in the output.
    """

    extents: Sequence[int]
    read: Sequence[int]
    write: Sequence[int]
    start: int = 0
    target_start: int = 0


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of an array without gaps, in elements."""
    behind = itertools.accumulate(shape[:0:-1], lambda a, b: a * b, initial=1)
    return tuple(behind)[: len(shape)][::-1]


def merged(axes: Sequence[Axis]) -> list[Axis]:
    """Return loops that visit the same places in the same order: fewer of them if possible."""
    kept: list[Axis] = []
    for axis in axes:
        if kept and _continues(kept[-1], axis):
            kept.append(axis._replace(extent=kept.pop().extent * axis.extent))
        elif axis.extent != 1:
            kept.append(axis)
    return kept


def _continues(outer: Axis, inner: Axis) -> bool:
    return (outer.first, outer.second) == (
        inner.extent * inner.first,
        inner.extent * inner.second,
    )


def outer_members(axes: Sequence[Axis]) -> dict[str, int | Constant | None]:
    """Return what the kernels call `axes`, `outer` and `rows`; the last of the loops comes first.

    Args:
        axes: the loops around the innermost one.
    """
    values = np.array([value for axis in reversed(axes) for value in axis], np.int32)
    return {
        "axes": Constant("axes", values) if axes else None,
        "outer": len(axes),
        "rows": math.prod(axis.extent for axis in axes),
    }


def known_type(operation: Operation) -> bool:
    """The elements are int8, uint8, int16, int32, int64, float16 or float32."""
    return operation.output().dtype in C_TYPES


def copy(operation: Operation, source: int | Constant, target: int, region: Region) -> Step | Alias:
    """Return what copies a region of one tensor into another; an alias if all of it stays put.

    Args:
        operation: the operator.
        source: index of the tensor to read, or a constant.
        target: index of the tensor to write, which may have other elements, too.
        region: what is moved.
    """
    tensor = operation.graph.tensors[target]
    width = np.dtype(tensor.dtype).itemsize
    axes = [Axis(extent, a * width, b * width) for extent, a, b in zip(*region[:3], strict=True)]
    axes = merged([*axes, Axis(width, 1, 1)])
    run = axes.pop() if axes and axes[-1][1:] == (1, 1) else Axis(1, 1, 1)
    whole = not axes and run.extent == math.prod(tensor.shape) * width
    if whole and isinstance(source, int) and _bytes(operation, source) == run.extent:
        return Alias(source, target, operation.index)
    inner = _popped_longest(axes)
    members = {
        **outer_members(axes),
        "count": inner.extent,
        "size": run.extent,
        "input_start": region.start * width,
        "input_step": inner.first,
        "output_start": region.target_start * width,
        "output_step": inner.second,
    }
    return Step("copy_strided", (source,), target, members, operator=operation.index)


def _bytes(operation: Operation, index: int) -> int:
    tensor = operation.graph.tensors[index]
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def _popped_longest(axes: list[Axis]) -> Axis:
    """Take the longest loop out: as the innermost one it costs the fewest divisions."""
    if not axes:
        return Axis(1, 0, 0)
    longest = max(range(len(axes)), key=lambda place: (axes[place].extent, place))
    return axes.pop(longest)
