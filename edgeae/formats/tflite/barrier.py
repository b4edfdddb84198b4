"""Take a fence out of a graph again: an operator that only kept its two sides apart.

The converter moves arithmetic over the code where it can, a bias through a linear layer or a
normalisation into the next one, and then no tensor is the code any more. A GATHER of all values in
their order stops it, and changes nothing.
"""

from dataclasses import replace

import numpy as np

from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.graph import Graph, Operator

FENCE = "GATHER"


def without_barrier(graph: Graph, source: int) -> Graph:
    """Let what follows the fence behind a tensor read the tensor itself.

    Args:
        graph: where the fence is; stays as it is.
        source: the tensor before it.

    Raises:
        OutOfTolerance: there is no such fence, or it does not hand on what it gets.
    """
    fences = [item for item in graph.operators if _is_fence(graph, item, source)]
    if len(fences) != 1:
        raise OutOfTolerance(f"{graph.tensors[source].name!r}: {len(fences)} fences, not 1")
    (fence,) = fences
    behind = graph.tensors[fence.outputs[0]]
    before = graph.tensors[source]
    kinds = [(item.dtype, item.shape, item.scales, item.zero_points) for item in (before, behind)]
    if kinds[0] != kinds[1]:
        raise OutOfTolerance(f"{before.name!r}: {kinds[0]} before the fence, {kinds[1]} behind it")
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
