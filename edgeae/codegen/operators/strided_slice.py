"""STRIDED_SLICE: every n-th element between a begin and an end, along each axis."""

from collections.abc import Sequence
from typing import NamedTuple

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step
from edgeae.codegen.strided import Region, copy, known_type, strides


class _Slice(NamedTuple):
    """The indices that are taken along one axis of the input."""

    begin: int
    number: int
    stride: int
    dropped: bool  # whether the output lacks the axis


def constant_limits(operation: Operation) -> bool:
    """Begin, end and strides are constants, and no stride is 0."""
    begin, end, steps = (operation.integers(place) for place in (1, 2, 3))
    return begin is not None and end is not None and steps is not None and bool(steps.all())


def absolute_end(operation: Operation) -> bool:
    """The end is an index, not an offset from the begin."""
    return not operation.options.get("offset", False)


def known_axes(operation: Operation) -> bool:
    """Begin, end and strides have no more entries than there are axes; at most one is an ellipsis.

    Entries of new axes do not count, and an ellipsis stands for at least one axis.
    """
    entries = _entries(operation)
    axes, rank = len(entries), len(operation.input().shape)
    axes -= sum(item == "new" for item in entries)
    return axes <= rank and entries.count("all") <= 1


def shape_of_the_slices(operation: Operation) -> bool:
    """The output has the elements between begin and end, of the input's type."""
    source, target = operation.input(), operation.output()
    slices = _slices(operation)
    extents = [item.number for item in slices if not item.dropped]
    return (
        source.dtype == target.dtype
        and extents == _without_new_axes(operation)
        and all(item.number == 1 for item in slices if item.dropped)
    )


CONSTRAINTS = (known_type, constant_limits, absolute_end, known_axes, shape_of_the_slices)


def _mask(operation: Operation, name: str, place: int) -> bool:
    return bool(operation.options.get(f"{name}Mask", 0) >> place & 1)


def _entries(operation: Operation) -> list[str]:
    """Return what each entry of begin is: `all` (an ellipsis), `new` (a new axis) or `slice`."""
    values = operation.integers(1)
    assert values is not None
    return [
        "all"
        if _mask(operation, "ellipsis", place)
        else "new"
        if _mask(operation, "newAxis", place)
        else "slice"
        for place in range(values.size)
    ]


def _slices(operation: Operation) -> list[_Slice]:
    """Return a slice for each axis of the input."""
    shape, entries = operation.input().shape, _entries(operation)
    named = entries.count("slice")
    slices: list[_Slice] = []
    for place, entry in enumerate(entries):
        if entry == "all":
            rest = len(shape) - named
            slices += [_Slice(0, shape[len(slices) + item], 1, False) for item in range(rest)]
        elif entry == "slice":
            slices.append(_slice(operation, place, shape[len(slices)]))
    return slices + [_Slice(0, extent, 1, False) for extent in shape[len(slices) :]]


def _slice(operation: Operation, place: int, extent: int) -> _Slice:
    begin, end, stride = (_value(operation, item, place) for item in (1, 2, 3))
    first, behind = (0, extent) if stride > 0 else (extent - 1, -1)
    lowest, highest = (0, extent) if stride > 0 else (-1, extent - 1)
    begin = min(max(begin + extent * (begin < 0), lowest), highest)
    end = min(max(end + extent * (end < 0), lowest), highest)
    begin = first if _mask(operation, "begin", place) else begin
    end = behind if _mask(operation, "end", place) else end
    if _mask(operation, "shrinkAxis", place):
        return _Slice(begin, int(0 <= begin < extent), 1, True)
    return _Slice(begin, len(range(begin, end, stride)), stride, False)


def _value(operation: Operation, item: int, place: int) -> int:
    values = operation.integers(item)
    assert values is not None
    return int(values.reshape(-1)[place])


def _without_new_axes(operation: Operation) -> list[int]:
    """Return the output's shape without the axes of extent 1 that the slice adds."""
    shape = list(operation.output().shape)
    entries, kept = _entries(operation), []
    rest = len(operation.input().shape) - entries.count("slice")
    for place, entry in enumerate(entries):
        if entry == "new":
            if shape.pop(0) != 1:
                return []
        elif entry == "all":
            kept += [shape.pop(0) for _ in range(rest)]
        elif not _mask(operation, "shrinkAxis", place):
            kept.append(shape.pop(0))
    return kept + shape


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy, or an alias if all elements are taken in order."""
    slices, width = _slices(operation), strides(operation.input().shape)
    kept = [
        (item.number, item.stride * stride)
        for item, stride in zip(slices, width, strict=True)
        if not item.dropped
    ]
    extents = [count for count, _ in kept]
    start = sum(item.begin * stride for item, stride in zip(slices, width, strict=True))
    region = Region(extents, [stride for _, stride in kept], strides(extents), start)
    return [copy(operation, operation.inputs[0], operation.outputs[0], region)]
