"""Clustered weights on the grid that their values were trained on: one scale for a whole tensor.

The converter gives each output channel a scale of its own, and so each of them other integers for
the same few values. Layers that keep all their values keep their scales, too.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import OutOfTolerance
from edgeae.formats import census
from edgeae.formats.tflite import Graph
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
    pairs = zip(census.weighted(graph), census.weighted(original), strict=False)
    for operator, float_operator in pairs:
        if operator.name != float_operator.name:
            raise OutOfTolerance(f"{operator.name} is not {float_operator.name} of the float model")
        at, bias_at = operator.inputs[1], census.BIAS_INPUT[operator.name]
        weights = original.tensors[float_operator.inputs[1]].data
        if weights is None or not _repeats(weights, most):
            continue
        scale = float(np.float32(np.abs(weights).max() / _LEVELS))
        steps = np.round(weights / scale).astype(np.int8)
        tensors[at] = replace(tensors[at], data=steps, scales=(scale,), zero_points=(0,))
        if len(operator.inputs) > bias_at and operator.inputs[bias_at] >= 0:
            index = operator.inputs[bias_at]
            given = float_operator.inputs[bias_at] if len(float_operator.inputs) > bias_at else -1
            values = original.tensors[given].data if given >= 0 else np.zeros(1, np.float32)
            assert values is not None
            (factor,) = graph.tensors[operator.inputs[census.FACTOR_INPUT[operator.name]]].scales
            unit = float(np.float32(scale * factor))
            stored = np.round(np.broadcast_to(values, tensors[index].shape) / unit)
            tensors[index] = replace(
                tensors[index],
                data=stored.astype(tensors[index].dtype),
                scales=(unit,),
                zero_points=(0,),
            )
    return replace(graph, tensors=tuple(tensors))


def _repeats(weights: NDArray[np.float32], most: int) -> bool:
    """Tell whether weights hold no more values than that, and not just because they are few."""
    distinct = len(np.unique(weights))
    return distinct <= most and distinct < weights.size and bool(weights.any())
