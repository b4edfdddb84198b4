"""Plans the arena of a TFLite graph, the static buffer for its activations, as TFLite does.

Sources: tensorflow/lite/arena_planner.cc (lifetimes and order) and simple_memory_arena.cc (gaps).
Tensors that live from start to end are placed first, then the others by decreasing size. Each
tensor takes the smallest gap that fits among the tensors that are alive at the same time. The
graph's inputs are never overwritten, and its outputs live to the end. The plan leaves out the
scratch buffers and in-place results of kernels, and the memory of delegates.
"""

from math import prod
from typing import NamedTuple

import numpy as np

from edgeae.formats.tflite.graph import Graph

#: `kDefaultTensorAlignment` of tensorflow/lite/util.h.
HOST_ALIGNMENT = 64
#: `MicroArenaBufferAlignment()` of TFLite Micro.
MICRO_ALIGNMENT = 16


class Place(NamedTuple):
    """The place of a tensor in the arena and its lifetime.

    Attributes:
        offset, size: in bytes.
        first, last: indices of the first and last operator that need the tensor, both included.
    """

    offset: int
    size: int
    first: int
    last: int


def arena_bytes(graph: Graph, alignment: int = HOST_ALIGNMENT) -> int:
    """Return the bytes that TFLite's planner needs for the activations of a graph.

    Args:
        graph: the graph to plan.
        alignment: alignment of each tensor in bytes: 64 for TFLite on a host, 16 for TFLite Micro.
            The planner of TFLite Micro also lets results overwrite the inputs, and takes the first
            gap that fits. For TFLite Micro the figure is therefore an estimate; it is an upper
            bound for graphs that are chains.
    """
    ends = [place.offset + place.size for place in places(graph, alignment).values()]
    return max(ends, default=0)


def places(graph: Graph, alignment: int = HOST_ALIGNMENT) -> dict[int, Place]:
    """Return tensor index → place in the arena, for every activation with at least one value."""
    lives = _lifetimes(graph)
    last = len(graph.operators)
    sizes = {index: _bytes(graph, index) for index in lives}

    def rank(index: int) -> tuple[bool, int, int, int]:
        if lives[index] == (0, last):
            return (False, 0, 0, index)
        return (True, -sizes[index], lives[index][0], index)

    placed: dict[int, Place] = {}
    for index in sorted((index for index in lives if sizes[index]), key=rank):
        first, final = lives[index]
        together = [item for item in placed.values() if item.first <= final and first <= item.last]
        offset = _gap(sorted(together), sizes[index], alignment)
        placed[index] = Place(offset, sizes[index], first, final)
    return placed


def _lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """Return the index of each activation → the first and last operator that need it."""
    end = len(graph.operators)  # nothing lives longer
    first = dict.fromkeys(graph.inputs.values(), 0)
    last: dict[int, int] = {}
    for place, operator in enumerate(graph.operators):
        for index in operator.outputs:
            if index >= 0:
                first.setdefault(index, place)
        last |= {index: place for index in operator.inputs if index in first}
    kept = {*graph.inputs.values(), *graph.outputs.values()}
    return {
        index: (start, end if index in kept else last.get(index, end))
        for index, start in first.items()
        if graph.tensors[index].data is None
    }


def _bytes(graph: Graph, index: int) -> int:
    tensor = graph.tensors[index]
    return prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def _gap(others: list[Place], size: int, alignment: int) -> int:
    """Return the offset of the smallest gap that fits among `others`, or the end of `others`.

    Gaps are compared as in simple_memory_arena.cc: a new gap by its width after alignment, the best
    gap so far by its whole width.
    """
    best, width, end = None, None, 0
    for other in others:
        start = _aligned(end, alignment)
        if start + size <= other.offset and (width is None or other.offset - start < width):
            best, width = start, other.offset - end
        end = max(end, other.offset + other.size)
    return _aligned(end, alignment) if best is None else best


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
