"""What the weights of a layer are multiplied with on images, as Gram matrices.

How much a change of the weights changes the sums follows from these: Σ y² = wᵀ (XᵀX) w.
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

#: A layer with more inputs a sum has none: the matrix grows with the square of them.
_MOST_INPUTS = 4096
#: Sums whose factors are multiplied with each other at once.
_AT_ONCE = 1024


def grams(
    graph: Graph, content: bytes, images: NDArray[np.float32]
) -> dict[int, NDArray[np.float64]]:
    """Return weights → XᵀX of what they are multiplied with, over all images.

    That is (inputs, inputs), but of depthwise weights, whose channels have inputs of their own,
    (channels, inputs, inputs).

    Args:
        graph: a float graph.
        content: its flatbuffer.
        images: (n, …).
    """
    layers = [item for item in graph_statistics.weighted(graph) if _is_whole(graph, item)]
    sums = {operator.inputs[1]: _Gram() for operator in layers}
    for interpreter in runs(content, images):
        for operator in layers:
            values = interpreter.get_tensor(_given(operator)).astype(np.float64)
            sums[operator.inputs[1]].add(_factors(values, graph, operator))
    return {weights: gram.total() for weights, gram in sums.items()}


class _Gram:
    """The sum of XᵀX over X (…, sums, inputs), a few of which are multiplied at once."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._waiting: list[NDArray[np.float64]] = []

    def add(self, factors: NDArray[np.float64]) -> None:
        self._waiting.append(factors)
        if sum(item.shape[-2] for item in self._waiting) >= _AT_ONCE:
            self._multiply()

    def total(self) -> NDArray[np.float64]:
        self._multiply()
        found: NDArray[np.float64] = self._sum
        return found

    def _multiply(self) -> None:
        if self._waiting:
            factors = np.concatenate(self._waiting, axis=-2)
            self._sum = self._sum + np.swapaxes(factors, -1, -2) @ factors
            self._waiting = []


def _given(operator: Operator) -> int:
    return operator.inputs[graph_statistics.FACTOR_INPUT[operator.name]]


def _is_whole(graph: Graph, operator: Operator) -> bool:
    """Tell whether every sum takes all channels, and is not too large to be made up for."""
    given, kernel = (graph.tensors[at].shape for at in (_given(operator), operator.inputs[1]))
    if graph.tensors[operator.inputs[1]].data is None:
        return False
    if operator.name == "DEPTHWISE_CONV_2D":
        return True
    grouped = operator.name == "CONV_2D" and given[-1] != kernel[-1]
    return not grouped and math.prod(kernel[1:]) <= _MOST_INPUTS


def _factors(values: NDArray[np.float64], graph: Graph, operator: Operator) -> NDArray[np.float64]:
    """Return what each sum of an operator multiplies, (sums, inputs), or so for each channel."""
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
    return np.repeat(single, shape[-1] // values.shape[-1], axis=0)  # its depth multiplier


def _patches(
    values: NDArray[np.float64], taps: tuple[int, ...], options: dict[str, Any]
) -> NDArray[np.float64]:
    """Return what lies under a kernel at each of its places.

    (1, height, width, channels) → (rows, columns, channels, kernel's height, kernel's width).
    """
    dilations = options["dilationHFactor"], options["dilationWFactor"]
    strides = options["strideH"], options["strideW"]
    window = tuple((n - 1) * d + 1 for n, d in zip(taps, dilations, strict=True))
    if options["padding"] == schema.Padding.SAME:
        sizes = zip(values.shape[1:3], window, strides, strict=True)
        values = np.pad(values, [(0, 0), *(_padding(*item) for item in sizes), (0, 0)])
    patches = sliding_window_view(values[0], window, axis=(0, 1))
    found: NDArray[np.float64] = patches[
        :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]
    ]
    return found


def _reached(
    values: NDArray[np.float64],
    taps: tuple[int, ...],
    size: tuple[int, ...],
    options: dict[str, Any],
) -> NDArray[np.float64]:
    """Return what each weight of a transposed kernel brings to each place of the output.

    Weight i adds input p to place s·p + i − (padding before): a convolution of inputs that lie
    s apart, with nothing between them, read backwards. Shapes as in `_patches`.
    """
    strides = options["strideH"], options["strideW"]
    spread = [(n - 1) * s + 1 for n, s in zip(values.shape[1:3], strides, strict=True)]
    apart = np.zeros((*spread, values.shape[-1]))
    apart[:: strides[0], :: strides[1]] = values[0]
    reach = zip(spread, taps, size, strict=True)
    # of all places that weights reach, the output holds `size`; behind them may be more
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
    """Return TFLite's SAME padding before and behind; the odd one lies behind."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
