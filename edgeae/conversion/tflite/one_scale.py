"""Clustered weights on the grid that their values were trained on: one scale for a whole tensor.

The converter gives each output channel a scale of its own, and so each of them other integers for
the same few values. Layers that keep all their values keep their scales, too.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.tflite.on_scales import on_scales
from edgeae.conversion.tflite.pairs import paired
from edgeae.formats.tflite.graph import Graph
from edgeae.recipe import Cluster

_LEVELS = 127


def with_one_scale(graph: Graph, original: Graph, cluster: Cluster) -> Graph:
    """Return an int8 graph with weights of few values, and their biases, quantized anew.

    Args:
        graph: int8, one scale per output channel, no zero points.
        original: the float graph that it was quantized from.
        cluster: how many values are few.

    Raises:
        OutOfTolerance: the two graphs do not have the same operators.
    """
    most = max(cluster.clusters, *cluster.layers.values(), 0)
    tensors = list(graph.tensors)
    for operator, other in paired(graph, original):
        weights = original.tensors[other.inputs[1]].data
        if weights is None or not _repeats(weights, most):
            continue
        scale = np.array([np.abs(weights).max() / _LEVELS], np.float32)
        for at, tensor in on_scales(graph, original, (operator, other), scale).items():
            tensors[at] = tensor
    return replace(graph, tensors=tuple(tensors))


def _repeats(weights: NDArray[np.float32], most: int) -> bool:
    """Tell whether weights hold no more values than that, and not just because they are few."""
    distinct = len(np.unique(weights))
    return distinct <= most and distinct < weights.size and bool(weights.any())
