"""MEAN over any axes."""

import math
from collections.abc import Sequence
from itertools import groupby

from edgeae.codegen.elementwise import known_type, one_scale, zero_points_of_int16
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Member, Step


def constant_axes(operation: Operation) -> bool:
    """The axes are constants, and the input has them."""
    axes, rank = operation.integers(1), len(operation.input().shape)
    return axes is not None and all(-rank <= axis < rank for axis in axes.reshape(-1))


def kept_axes(operation: Operation) -> bool:
    """The output has one value for each place of the axes that are kept."""
    kept = math.prod(size for size, averaged, _ in _groups(operation) if not averaged)
    return kept == math.prod(operation.output().shape)


def few_groups(operation: Operation) -> bool:
    """At most two groups of neighbouring axes are averaged, and at most two are kept."""
    groups = _groups(operation)
    return all(sum(group[1] is averaged for group in groups) <= 2 for averaged in (True, False))


def moderate_sum(operation: Operation) -> bool:
    """No dimension is 0; a sum of integers, times a ratio of scales above 1, has 31 bits."""
    if operation.input().dtype == "float32":
        return _count(operation) > 0
    bits = 16 if operation.input().dtype == "int16" else 9
    _, shift = _multiplier(operation)
    return 0 < _count(operation) << (bits + max(shift, 0)) < 1 << 32


CONSTRAINTS = (
    known_type,
    one_scale,
    zero_points_of_int16,
    constant_axes,
    kept_axes,
    few_groups,
    moderate_sum,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    dtype = operation.input().dtype
    members: dict[str, Member] = {**_loops(operation), "count": _count(operation)}
    if dtype != "float32":
        multiplier, shift = _multiplier(operation)
        members |= {
            "multiplier": multiplier,
            "shift": shift,
            "input_zero_point": zero_point(operation.input()),
            "zero_point": zero_point(operation.output()),
        }
    inputs = (operation.inputs[0],)
    return [Step(f"mean_{dtype}", inputs, operation.outputs[0], members, operator=operation.index)]


def _groups(operation: Operation) -> list[tuple[int, bool, int]]:
    """Return size, whether it is averaged, and step of each group of neighbouring axes."""
    shape = operation.input().shape
    axes = operation.integers(1)
    assert axes is not None
    averaged = {int(axis) % len(shape) for axis in axes.reshape(-1)}
    wide = [(size, place in averaged) for place, size in enumerate(shape) if size != 1]
    sizes = [
        (math.prod(size for size, _ in members), chosen)
        for chosen, members in groupby(wide, key=lambda item: item[1])
    ]
    return [
        (size, chosen, math.prod(item[0] for item in sizes[place + 1 :]))
        for place, (size, chosen) in enumerate(sizes)
    ]


def _loops(operation: Operation) -> dict[str, Member]:
    """Return the sizes and steps of two loops over what is kept and two over what is averaged."""
    members: dict[str, Member] = {}
    for name, averaged in (("kept", False), ("averaged", True)):
        loops = [(size, step) for size, chosen, step in _groups(operation) if chosen is averaged]
        outer, inner = [(1, 0)] * (2 - len(loops)) + loops
        members |= {f"{name}_outer": outer[0], f"{name}_outer_step": outer[1]}
        members |= {f"{name}_inner": inner[0], f"{name}_inner_step": inner[1]}
    return members


def _count(operation: Operation) -> int:
    """Return how many values are averaged."""
    return math.prod(size for size, averaged, _ in _groups(operation) if averaged)


def _multiplier(operation: Operation) -> tuple[int, int]:
    """Return the multiplier and shift of a sum: the ratio of the scales ÷ the count.

    The rule is that of `QuantizedMeanOrSum` in tflite/kernels/internal/reference/reduce.h.
    """
    multiplier, shift = quantize_multiplier(scale(operation.input()) / scale(operation.output()))
    count = _count(operation)
    places = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << places) // count, shift - places
