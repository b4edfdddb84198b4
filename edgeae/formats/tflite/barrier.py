"""Removes the barrier from a converted graph.

The barrier is a GATHER of all values in their order. It changes no value and keeps the converter
from moving arithmetic across the code, such as a bias through a linear layer, or a normalisation
into the next layer. Without a barrier, such a graph would have no tensor that is the code.
"""

from dataclasses import replace

import numpy as np

from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.graph import Graph, Operator

FENCE = "GATHER"


def without_barrier(graph: Graph, source: int) -> Graph:
    """Return the graph without the barrier that reads a tensor.

    The operators that read the barrier's output read the tensor instead.

    Args:
        graph: the graph with the barrier; it is not changed.
        source: index of the tensor that the barrier reads.

    Raises:
        OutOfTolerance: there is not exactly one barrier, or its output has another type, shape or
            scale than its input.
    """
    fences = [item for item in graph.operators if _is_fence(graph, item, source)]
    if len(fences) != 1:
        raise OutOfTolerance(f"{graph.tensors[source].name!r}: {len(fences)} barriers, not 1")
    (fence,) = fences
    behind = graph.tensors[fence.outputs[0]]
    before = graph.tensors[source]
    kinds = [(item.dtype, item.shape, item.scales, item.zero_points) for item in (before, behind)]
    if kinds[0] != kinds[1]:
        raise OutOfTolerance(f"{before.name!r}: {kinds[0]} before the barrier, {kinds[1]} after it")
    rest = tuple(
        replace(item, inputs=tuple(source if at in fence.outputs else at for at in item.inputs))
        for item in graph.operators
        if item is not fence
    )
    return replace(graph, operators=rest)


def _is_fence(graph: Graph, operator: Operator, source: int) -> bool:
    if operator.name != FENCE or operator.inputs[0] != source:
        return False
    order = graph.tensors[operator.inputs[1]].data
    return order is not None and np.array_equal(order.reshape(-1), np.arange(order.size))
