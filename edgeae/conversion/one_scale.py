"""Clustered weights on the grid that their values were trained on: one scale for a whole tensor.

The converter gives each output channel a scale of its own, and so each of them other integers for
the same few values. Layers that keep all their values keep their scales, too.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.pairs import paired
from edgeae.formats import census
from edgeae.formats.tflite import Graph, Operator, Tensor
from edgeae.recipe import Cluster

__all__ = ["with_one_scale"]

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
        at = operator.inputs[1]
        weights = original.tensors[other.inputs[1]].data
        if weights is None or not _repeats(weights, most):
            continue
        scale = float(np.float32(np.abs(weights).max() / _LEVELS))
        tensors[at] = _on_steps(tensors[at], weights, scale)
        bias = _bias(operator)
        if bias >= 0:
            given = _bias(other)
            values = original.tensors[given].data if given >= 0 else np.zeros(1, np.float32)
            assert values is not None
            (factor,) = graph.tensors[operator.inputs[census.FACTOR_INPUT[operator.name]]].scales
            tensors[bias] = _on_steps(tensors[bias], values, float(np.float32(scale * factor)))
    return replace(graph, tensors=tuple(tensors))


def _bias(operator: Operator) -> int:
    """Return the bias's tensor; −1 if there is none."""
    at = census.BIAS_INPUT[operator.name]
    return operator.inputs[at] if len(operator.inputs) > at else -1


def _on_steps(tensor: Tensor, values: NDArray[np.float32], scale: float) -> Tensor:
    steps = np.round(np.broadcast_to(values, tensor.shape) / scale).astype(tensor.dtype)
    return replace(tensor, data=steps, scales=(scale,), zero_points=(0,))


def _repeats(weights: NDArray[np.float32], most: int) -> bool:
    """Tell whether weights hold no more values than that, and not just because they are few."""
    distinct = len(np.unique(weights))
    return distinct <= most and distinct < weights.size and bool(weights.any())
