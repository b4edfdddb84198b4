"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: the converter puts them around a dilated convolution.

Pixels at the same place of their blocks become an image of their own, in the batch; or the reverse.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.step import Alias, Constant, Step
from edgeae.codegen.strided import Region, copy, known_type, strides

#: The most places of a block: each is a copy.
_MOST = 256


class _Axis(NamedTuple):
    """The pixels of one axis at one place of their blocks: `first`, `first + block`, and so on.

    Attributes:
        number: how many of them there are.
        pixel: place of the first one in the image of whole blocks.
        block: distance between two of them there.
        place: place of the first one in the image of its own.
    """

    number: int
    pixel: int
    block: int
    place: int


def constant_blocks(operation: Operation) -> bool:
    """The blocks and the paddings or crops are constants; a block has at most 256 places."""
    blocks, margins = operation.integers(1), operation.integers(2)
    if blocks is None or margins is None:
        return False
    return (
        blocks.size < len(operation.input().shape) == len(operation.output().shape)
        and margins.size == 2 * blocks.size
        and bool((blocks > 0).all() and (margins >= 0).all())
        and math.prod(_blocks(operation)) <= _MOST
    )


def fitting_shapes(operation: Operation) -> bool:
    """The batch has an image for each place in a block, of the size that this leaves."""
    space, batch = _ends(operation)
    blocks, margins = _blocks(operation), _margins(operation)
    count = len(blocks)
    images = (space[0] * math.prod(blocks), *batch[1 : count + 1], *space[count + 1 :])
    whole = [
        extent + before + after
        for extent, (before, after) in zip(space[1 : count + 1], margins, strict=True)
    ]
    return images == batch and all(
        extent == block * size
        for extent, block, size in zip(whole, blocks, batch[1 : count + 1], strict=True)
    )


def one_grid(operation: Operation) -> bool:
    """Input and output have the same element type, scale and zero point."""
    source, target = operation.input(), operation.output()
    return (source.dtype, source.scales, source.zero_points) == (
        target.dtype,
        target.scales,
        target.zero_points,
    )


CONSTRAINTS = (known_type, constant_blocks, fitting_shapes, one_grid)


def _spreads(operation: Operation) -> bool:
    return operation.name == "SPACE_TO_BATCH_ND"


def _ends(operation: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of the whole images and of those in the batch."""
    shapes = operation.input().shape, operation.output().shape
    return shapes if _spreads(operation) else shapes[::-1]


def _blocks(operation: Operation) -> list[int]:
    values = operation.integers(1)
    assert values is not None
    return [int(item) for item in values.reshape(-1)]


def _margins(operation: Operation) -> list[tuple[int, int]]:
    values = operation.integers(2)
    assert values is not None
    pairs = values.reshape(-1, 2).tolist()
    return [(int(before), int(after)) for before, after in pairs]


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy for each place in a block, after a fill where there is padding."""
    copies = list(_copies(operation))
    padded = _spreads(operation) and any(map(sum, _margins(operation)))
    return [_filled(operation), *copies] if padded else copies


def _copies(operation: Operation) -> Iterator[Step | Alias]:
    space, batch = _ends(operation)
    blocks = _blocks(operation)
    for image, place in enumerate(itertools.product(*map(range, blocks))):
        axes = [
            _axis(*item)
            for item in zip(place, blocks, _margins(operation), space[1:], batch[1:], strict=False)
        ]
        if all(axis.number for axis in axes):
            yield _copied(operation, image * space[0], axes)


def _axis(place: int, block: int, margin: tuple[int, int], extent: int, size: int) -> _Axis:
    offset = place - margin[0]  # of the first block's pixel; negative in the margin
    first = max(0, -(offset // block))
    number = min(size, -((offset - extent) // block)) - first
    return _Axis(max(0, number), offset + first * block, block, first)


def _copied(operation: Operation, image: int, axes: Sequence[_Axis]) -> Step | Alias:
    space, batch = _ends(operation)
    wide, narrow = strides(space), strides(batch)
    count = len(axes) + 1
    extents = [space[0], *(axis.number for axis in axes), *space[count:]]
    blocks = [1, *(axis.block for axis in axes), *(1 for _ in space[count:])]
    whole = [stride * block for stride, block in zip(wide, blocks, strict=True)]
    start = sum(axis.pixel * stride for axis, stride in zip(axes, wide[1:], strict=False))
    own = image * narrow[0]
    own += sum(axis.place * stride for axis, stride in zip(axes, narrow[1:], strict=False))
    region = (
        Region(extents, whole, narrow, start, own)
        if _spreads(operation)
        else Region(extents, narrow, whole, own, start)
    )
    return copy(operation, operation.inputs[0], operation.outputs[0], region)


def _filled(operation: Operation) -> Step:
    target = operation.output()
    return Step(
        "fill",
        (Constant("padding", np.array([zero_point(target)], target.dtype)),),
        operation.outputs[0],
        {"count": math.prod(target.shape), "size": np.dtype(target.dtype).itemsize},
        operator=operation.index,
    )
