"""Quantizes the weights and bias of a layer with other scales than those of the converter.

Clustered weights get the grid on which their values were trained, which has one scale per tensor.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import INT4, Graph, Operator, Tensor
from edgeae.recipe import Cluster


def paired(graph: Graph, original: Graph) -> Iterator[tuple[Operator, Operator]]:
    """Yield each operator with weights, and the corresponding operator of the original.

    Raises:
        OutOfTolerance: the two graphs do not have the same operators.
    """
    for operator, other in zip(
        graph_statistics.weighted(graph), graph_statistics.weighted(original), strict=False
    ):
        if operator.name != other.name:
            raise OutOfTolerance(f"{operator.name} is not {other.name} of the float model")
        yield operator, other


def on_scales(
    graph: Graph, original: Graph, pair: tuple[Operator, Operator], scales: NDArray[np.float32]
) -> dict[int, Tensor]:
    """Return index → new tensor of a layer's weights and integer bias, rounded to nearest.

    Args:
        graph: a graph with integer weights without zero points.
        original: the float graph that it was quantized from.
        pair: the layer's operator in `graph` and in `original`.
        scales: scales of the weights: (1,), or one per output channel.
    """
    operator, other = pair
    stored = graph_statistics.dequantized(graph).get(operator.inputs[1], operator.inputs[1])
    weights = original.tensors[other.inputs[1]].data
    assert weights is not None
    integers = {stored: _on_steps(graph.tensors[stored], weights, scales)}
    bias = _bias(operator)
    if bias >= 0 and graph.tensors[bias].dtype != "float32":
        given = _bias(other)
        values = original.tensors[given].data if given >= 0 else np.zeros(1, np.float32)
        assert values is not None
        (factor,) = graph.tensors[
            operator.inputs[graph_statistics.FACTOR_INPUT[operator.name]]
        ].scales
        units = (scales.astype(np.float64) * factor).astype(np.float32)
        integers[bias] = _on_steps(graph.tensors[bias], values, units)
    return integers


def _bias(operator: Operator) -> int:
    """Return the index of the bias tensor; −1 if there is none."""
    at = graph_statistics.BIAS_INPUT[operator.name]
    return operator.inputs[at] if len(operator.inputs) > at else -1


def _on_steps(tensor: Tensor, values: NDArray[np.float32], scales: NDArray[np.float32]) -> Tensor:
    along = [-1 if axis == tensor.axis else 1 for axis in range(len(tensor.shape))]
    steps = np.round(np.broadcast_to(values, tensor.shape) / scales.reshape(along))
    return replace(
        tensor,
        data=steps.astype(tensor.dtype if tensor.dtype != INT4 else np.int8),
        scales=tuple(map(float, scales)),
        zero_points=(0,) * len(scales),
    )


_LEVELS = 127


def with_one_scale(graph: Graph, original: Graph, cluster: Cluster) -> Graph:
    """Return an int8 graph in which clustered weights have one scale per tensor.

    Args:
        graph: an int8 graph with one scale per output channel and no zero points.
        original: the float graph that it was quantized from.
        cluster: provides the largest number of values of a clustered layer.

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
    """Return whether weights have at most `most` distinct values, some of them repeated."""
    distinct = len(np.unique(weights))
    return distinct <= most and distinct < weights.size and bool(weights.any())
