"""Gives channels that hold only zeros a scale above 0, where a converter left the scale 0.

The int16 quantizer of TFLite takes a channel's scale from its largest weight, and 0 for a channel
without any, as of a column that is always 0. Its sums are 0, and so is its output whatever the
scale, which the rules of rescaling need to be above 0.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.formats.tflite.graph import Graph, Tensor
from edgeae.formats.tflite.graph_statistics import BIAS_INPUT


def with_scales(graph: Graph) -> Graph:
    """Return the graph in which channels of zeros have the largest scale of their weights.

    Channels with a scale of 0 that hold a weight or have a bias stay as they are.
    """
    tensors = list(graph.tensors)
    for index, biases in _weights(graph):
        tensors[index] = _scaled(tensors[index], biases)
    return replace(graph, tensors=tuple(tensors))


def _weights(graph: Graph) -> Iterator[tuple[int, list[Tensor]]]:
    """Yield each tensor of weights with a scale of 0 in it, and the biases added behind it."""
    for index, tensor in enumerate(graph.tensors):
        if tensor.data is None or 0.0 not in tensor.scales or len(tensor.scales) < 2:
            continue
        users = [item for item in graph.operators if index in item.inputs]
        if all(item.name in BIAS_INPUT and item.inputs[1] == index for item in users):
            biases = [place for item in users for place in item.inputs[BIAS_INPUT[item.name] :]]
            yield index, [graph.tensors[place] for place in biases if place >= 0]


def _scaled(weights: Tensor, biases: list[Tensor]) -> Tensor:
    scales = np.array(weights.scales)
    dead = (scales == 0) & _zeros(weights.data, weights.axis, len(scales))
    for bias in biases:
        dead &= _zeros(bias.data, 0, len(scales))
    largest = float(scales.max()) or 1.0
    return replace(weights, scales=tuple(np.where(dead, largest, scales).tolist()))


def _zeros(data: NDArray[np.generic] | None, axis: int, channels: int) -> NDArray[np.bool_]:
    """Return which channels hold only zeros, (channels,); none of an activation."""
    if data is None or data.shape[axis] != channels:
        return np.zeros(channels, bool)
    zero: NDArray[np.bool_] = (np.moveaxis(data, axis, 0).reshape(channels, -1) == 0).all(axis=1)
    return zero
