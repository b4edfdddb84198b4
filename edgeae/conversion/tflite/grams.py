"""Computes the Gram matrices XᵀX of the inputs X of each layer.

They determine how much a change w of the weights changes the layer's sums y: Σ y² = wᵀ (XᵀX) w.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
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
    sums = {operator.inputs[1]: _gram(graph, operator) for operator in layers}
    for interpreter in runs(content, images):
        for operator in layers:
            values = interpreter.get_tensor(_given(operator)).astype(np.float64)
            sums[operator.inputs[1]].add(values)
    return {weights: gram.total() for weights, gram in sums.items()}


def _gram(graph: Graph, operator: Operator) -> "_Gram | _TransposedGram":
    if operator.name == "TRANSPOSE_CONV":
        return _TransposedGram(graph, operator)
    return _Gram(lambda values: _factors(values, graph, operator))


class _Gram:
    """The sum of XᵀX over several X of shape (…, sums, inputs), multiplied in batches.

    Args:
        factors: the layer's input (1, …) → X.
    """

    def __init__(self, factors: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
        self._factors = factors
        self._sum: Any = 0.0
        self._waiting: list[NDArray[np.float64]] = []

    def add(self, values: NDArray[np.float64]) -> None:
        self._waiting.append(self._factors(values))
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


class _TransposedGram:
    """The sum of XᵀX of a transposed convolution, phase by phase.

    At stride s, an output position y gets products of weights i ≡ y + (padding before) modulo s
    only, in each direction: y modulo s is its phase. Without the zeros of the other weights, a 3×3
    kernel at stride 2 takes a thirteenth of the multiplications.
    """

    def __init__(self, graph: Graph, operator: Operator) -> None:
        _, *self._taps, channels = graph.tensors[operator.inputs[1]].shape
        self._size = graph.tensors[operator.outputs[0]].shape[1:3]
        self._options = operator.options
        strides = operator.options["strideH"], operator.options["strideW"]
        before = _before(graph.tensors[_given(operator)].shape, self._taps, self._size, strides)
        if operator.options["padding"] != schema.Padding.SAME:
            before = [0, 0]
        self._before = before
        weights = np.arange(math.prod(self._taps) * channels).reshape(*self._taps, channels)
        #: The indices of each phase's weights, and its sum.
        self._phases: list[tuple[NDArray[np.int64], _Gram]] = []
        for phase in np.ndindex(*strides):
            taps = tuple(
                slice((first + top) % stride, None, stride)
                for first, top, stride in zip(phase, before, strides, strict=True)
            )
            positions = tuple(
                slice(first, None, stride) for first, stride in zip(phase, strides, strict=True)
            )
            places = weights[taps].reshape(-1)
            if len(places):
                self._phases.append((places, _Gram(partial(self._factors, positions, taps))))

    def add(self, values: NDArray[np.float64]) -> None:
        for _, gram in self._phases:
            gram.add(values)

    def total(self) -> NDArray[np.float64]:
        whole = np.zeros((max(places[-1] for places, _ in self._phases) + 1,) * 2)
        for places, gram in self._phases:
            whole[np.ix_(places, places)] += gram.total()
        return whole

    def _factors(
        self, positions: tuple[slice, ...], taps: tuple[slice, ...], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        patches = _reached(values, self._taps, self._size, self._options, self._before)
        factors = np.moveaxis(patches[(*positions, slice(None), *taps)], 2, -1)
        return factors.reshape(-1, math.prod(factors.shape[2:]))


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


def _before(
    shape: tuple[int, ...], taps: Sequence[int], size: Sequence[int], strides: Sequence[int]
) -> list[int]:
    """Return TFLite's SAME padding before the output of a transposed convolution, per direction.

    Args:
        shape: shape of the input, (1, height, width, channels).
        taps: height and width of the kernel.
        size: height and width of the output.
        strides: the strides.
    """
    reach = [(n - 1) * s + k for n, k, s in zip(shape[1:3], taps, strides, strict=True)]
    # the output has `size` of all positions that weights reach, and possibly more after these
    return [max(end - kept, 0) // 2 for end, kept in zip(reach, size, strict=True)]


def _reached(
    values: NDArray[np.float64],
    taps: Sequence[int],
    size: Sequence[int],
    options: dict[str, Any],
    before: Sequence[int],
) -> NDArray[np.float64]:
    """Return the inputs that each weight of a transposed kernel multiplies at each output position.

    Weight i adds input p to output position s·p + i − `before`. That is a convolution, with a
    reversed kernel, of inputs that are s apart with zeros in between. Shapes as in `_patches`.
    """
    strides = options["strideH"], options["strideW"]
    spread = [(n - 1) * s + 1 for n, s in zip(values.shape[1:3], strides, strict=True)]
    apart = np.zeros((*spread, values.shape[-1]))
    apart[:: strides[0], :: strides[1]] = values[0]
    wide = [
        (k - 1, max(k - 1, first + kept - n))
        for n, k, kept, first in zip(spread, taps, size, before, strict=True)
    ]
    patches = sliding_window_view(np.pad(apart, [*wide, (0, 0)]), tuple(taps), axis=(0, 1))
    (top, left), (height, width) = before, size
    return patches[top : top + height, left : left + width, :, ::-1, ::-1]


def _padding(size: int, reach: int, stride: int) -> tuple[int, int]:
    """Return TFLite's SAME padding before and after; an odd one is added after."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
