"""The arena of a TFLite graph: the one buffer that holds its activations, planned as TFLite does.

Sources: tensorflow/lite/arena_planner.cc (lifetimes and order) and simple_memory_arena.cc (gaps):
tensors that live from start to end first, then by falling size; each takes the smallest gap that
fits among those alive at the same time. The graph's inputs are never overwritten and its outputs
live to the end. What kernels add for themselves (scratch buffers, results written over an
operand) and what delegates keep elsewhere is not in it.
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
    """Where a tensor lies in the arena, and when.

    Attributes:
        offset, size: bytes.
        first, last: operators, by their place in the order of execution, both included.
    """

    offset: int
    size: int
    first: int
    last: int


def arena_bytes(graph: Graph, alignment: int = HOST_ALIGNMENT) -> int:
    """Bytes that TFLite's planner needs for the activations of a graph.

    Args:
        graph: what is planned.
        alignment: bytes that each tensor starts at a multiple of; 64 is TFLite's on a host, 16
            TFLite Micro's. Micro's own planner also lets results overwrite the inputs, and takes
            the first gap that fits: for it the figure is an estimate, on the safe side in chains.
    """
    ends = [place.offset + place.size for place in places(graph, alignment).values()]
    return max(ends, default=0)


def places(graph: Graph, alignment: int = HOST_ALIGNMENT) -> dict[int, Place]:
    """Return tensor index → place, for every activation with at least one value."""
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
    """Map each activation to the first and last operator that needs it; see `Place`."""
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
    """Return the offset of the smallest gap that fits among `others`, else the end of them.

    Gaps are compared as simple_memory_arena.cc does: a new one by what is left after aligning,
    the best one so far by its whole width.
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
