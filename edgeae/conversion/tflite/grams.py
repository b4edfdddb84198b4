"""Computes the Gram matrices XᵀX of the inputs X of each layer.

They determine how much a change w of the weights changes the layer's sums y: Σ y² = wᵀ (XᵀX) w.
"""

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeae.conversion.tflite.activations import runs
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, Operator

#: Layers with more inputs per sum have no Gram matrix: its size grows with their square.
_MOST_INPUTS = 4096
#: Number of rows of X that are multiplied at once.
_AT_ONCE = 1024


def grams(
    graph: Graph, content: bytes, images: NDArray[np.float32]
) -> dict[int, NDArray[np.float64]]:
    """Return index of each weight tensor → XᵀX of its inputs X over all images, float64.

    The shape is (inputs, inputs). For depthwise weights, whose channels have separate inputs, it is
    (channels, inputs, inputs).

    Args:
        graph: a float graph.
        content: flatbuffer of the graph.
        images: (n, …) images.
    """
    layers = [item for item in graph_statistics.weighted(graph) if _is_whole(graph, item)]
    sums = {operator.inputs[1]: _Gram() for operator in layers}
    for interpreter in runs(content, images):
        for operator in layers:
            values = interpreter.get_tensor(_given(operator)).astype(np.float64)
            sums[operator.inputs[1]].add(_factors(values, graph, operator))
    return {weights: gram.total() for weights, gram in sums.items()}


class _Gram:
    """The sum of XᵀX over several X of shape (…, sums, inputs), multiplied in batches."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._waiting: list[NDArray[np.float64]] = []

    def add(self, factors: NDArray[np.float64]) -> None:
        self._waiting.append(factors)
        if sum(item.shape[-2] for item in self._waiting) >= _AT_ONCE:
            self._multiply()

    def total(self) -> NDArray[np.float64]:
        self._multiply()
        gram: NDArray[np.float64] = self._sum
        return gram

    def _multiply(self) -> None:
        if self._waiting:
            factors = np.concatenate(self._waiting, axis=-2)
            self._sum = self._sum + np.swapaxes(factors, -1, -2) @ factors
            self._waiting = []


def _given(operator: Operator) -> int:
    return operator.inputs[graph_statistics.FACTOR_INPUT[operator.name]]


def _is_whole(graph: Graph, operator: Operator) -> bool:
    """Return whether an operator gets a Gram matrix: it is not grouped and not too large."""
    given, kernel = (graph.tensors[at].shape for at in (_given(operator), operator.inputs[1]))
    if graph.tensors[operator.inputs[1]].data is None:
        return False
    if operator.name == "DEPTHWISE_CONV_2D":
        return True
    grouped = operator.name == "CONV_2D" and given[-1] != kernel[-1]
    return not grouped and math.prod(kernel[1:]) <= _MOST_INPUTS


def _factors(values: NDArray[np.float64], graph: Graph, operator: Operator) -> NDArray[np.float64]:
    """Return X of an operator: (sums, inputs), or (channels, sums, inputs) if it is depthwise."""
    shape = graph.tensors[operator.inputs[1]].shape
    if operator.name == "FULLY_CONNECTED":
        return values.reshape(-1, shape[1])
    if operator.name == "TRANSPOSE_CONV":
        size = graph.tensors[operator.outputs[0]].shape[1:3]
        patches = _reached(values, shape[1:3], size, operator.options)
    else:
        patches = _patches(values, shape[1:3], operator.options)
    if operator.name != "DEPTHWISE_CONV_2D":
        return np.moveaxis(patches, 2, -1).reshape(-1, math.prod(shape[1:]))
    single = np.moveaxis(patches, 2, 0).reshape(values.shape[-1], -1, math.prod(shape[1:3]))
    return np.repeat(single, shape[-1] // values.shape[-1], axis=0)  # the depth multiplier


def _patches(
    values: NDArray[np.float64], taps: tuple[int, ...], options: dict[str, Any]
) -> NDArray[np.float64]:
    """Return the values under a kernel at each of its positions.

    (1, height, width, channels) → (rows, columns, channels, kernel's height, kernel's width).
    """
    dilations = options["dilationHFactor"], options["dilationWFactor"]
    strides = options["strideH"], options["strideW"]
    window = tuple((n - 1) * d + 1 for n, d in zip(taps, dilations, strict=True))
    if options["padding"] == schema.Padding.SAME:
        sizes = zip(values.shape[1:3], window, strides, strict=True)
        values = np.pad(values, [(0, 0), *(_padding(*item) for item in sizes), (0, 0)])
    patches = sliding_window_view(values[0], window, axis=(0, 1))
    rows: NDArray[np.float64] = patches[
        :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]
    ]
    return rows


def _reached(
    values: NDArray[np.float64],
    taps: tuple[int, ...],
    size: tuple[int, ...],
    options: dict[str, Any],
) -> NDArray[np.float64]:
    """Return the inputs that each weight of a transposed kernel multiplies at each output position.

    Weight i adds input p to output position s·p + i − (padding before). That is a convolution, with
    a reversed kernel, of inputs that are s apart with zeros in between. Shapes as in `_patches`.
    """
    strides = options["strideH"], options["strideW"]
    spread = [(n - 1) * s + 1 for n, s in zip(values.shape[1:3], strides, strict=True)]
    apart = np.zeros((*spread, values.shape[-1]))
    apart[:: strides[0], :: strides[1]] = values[0]
    reach = zip(spread, taps, size, strict=True)
    # the output has `size` of all positions that weights reach, and possibly more after these
    before = [max(n + k - 1 - kept, 0) // 2 for n, k, kept in reach]
    if options["padding"] != schema.Padding.SAME:
        before = [0, 0]
    wide = [
        (k - 1, max(k - 1, first + kept - n))
        for n, k, kept, first in zip(spread, taps, size, before, strict=True)
    ]
    patches = sliding_window_view(np.pad(apart, [*wide, (0, 0)]), taps, axis=(0, 1))
    (top, left), (height, width) = before, size
    return patches[top : top + height, left : left + width, :, ::-1, ::-1]


def _padding(size: int, reach: int, stride: int) -> tuple[int, int]:
    """Return TFLite's SAME padding before and after; an odd one is added after."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
