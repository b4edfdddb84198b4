"""Rounding weights so that the errors of one make up for those of another.

Rounding each weight to the nearest integer leaves the least error in the weights. What counts is
the error of the sums, and the inputs of a layer go together: an error in one weight can be made up
for in those whose inputs rise and fall with it. E. Frantar et al., "GPTQ: Accurate Post-Training
Quantization for Generative Pre-trained Transformers", 2023; B. Hassibi et al., "Optimal Brain
Surgeon", 1993. Scales stay what they are, and so do weights that are 0.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeae.conversion.activations import runs
from edgeae.conversion.pairs import paired
from edgeae.errors import OutOfTolerance
from edgeae.formats import census
from edgeae.formats.tflite import INT4, Graph, Operator, Tensor

__all__ = ["compensated", "grams", "rounded"]

#: Added to the diagonal of a Gram matrix, as a share of its mean, as in the paper.
_DAMPING = 0.01
#: A layer with more inputs a sum keeps its weights: the matrix grows with the square of them.
_MOST_INPUTS = 4096
#: Columns whose errors are spread over all columns behind them at once, as in the paper.
_BLOCK = 64
#: Sums whose factors are multiplied with each other at once.
_AT_ONCE = 1024
#: Where depthwise weights have their channels: (1, height, width, channels).
_DEPTHWISE_AXIS = 3
_LEVELS = {"int8": 127, INT4: 7}


def rounded(graph: Graph, original: Graph, content: bytes, images: NDArray[np.float32]) -> Graph:
    """Return a graph with weights rounded anew: of Dense and all kinds of convolutional layers.

    Args:
        graph: integer weights, one scale per tensor or per output channel, and no zero points.
        original: the float graph that it was quantized from.
        content: the flatbuffer of `original`.
        images: (n, …) representative images.

    Raises:
        OutOfTolerance: the two graphs do not have the same weights.
    """
    found = grams(original, content, images)
    tensors = list(graph.tensors)
    stored = census.dequantized(graph)
    for operator, float_operator in paired(graph, original):
        index = stored.get(operator.inputs[1], operator.inputs[1])
        gram = found.get(float_operator.inputs[1])
        weights = original.tensors[float_operator.inputs[1]].data
        if weights is None:
            raise OutOfTolerance(f"{operator.name} has no weights in the float model")
        if gram is not None:
            tensors[index] = _weights(tensors[index], weights, gram)
    return replace(graph, tensors=tuple(tensors))


def _weights(tensor: Tensor, weights: NDArray[np.float32], gram: NDArray[np.float64]) -> Tensor:
    """Round the weights of one layer; a Gram matrix for all output channels, or one for each."""
    assert tensor.data is not None
    channels = 0 if gram.ndim == 2 else _DEPTHWISE_AXIS
    rows, known = (_rows(item, channels) for item in (weights, tensor.data))
    scales = np.broadcast_to(np.array(tensor.scales), (len(rows),))
    levels = _LEVELS[tensor.dtype]
    nearest = np.clip(np.round(rows / scales[:, None]), -levels, levels)
    if np.abs(nearest - known).max() > 1:
        raise OutOfTolerance(f"{tensor.name}: its integers are not those of the float weights")
    if gram.ndim == 2:
        values = compensated(rows, gram, scales, levels)
    else:
        single = zip(rows, gram, scales, strict=True)
        values = np.concatenate(
            [compensated(row[None], item, scale[None], levels) for row, item, scale in single]
        )
    moved = np.moveaxis(tensor.data, channels, 0).shape
    back = np.moveaxis(values.reshape(moved), 0, channels)
    return replace(tensor, data=np.ascontiguousarray(back, np.int8))


def _rows(weights: NDArray[Any], channels: int) -> NDArray[Any]:
    return np.moveaxis(weights, channels, 0).reshape(weights.shape[channels], -1)


def compensated(
    weights: NDArray[np.floating],
    gram: NDArray[np.float64],
    scales: NDArray[np.floating],
    levels: int,
) -> NDArray[np.int64]:
    """Round each row of weights so that its sums change little: least ‖(W − sQ) Xᵀ‖².

    One column after the other is rounded, those with the largest inputs first, and the columns left
    take the error over: δ = −(w − sq)/[H⁻¹]ⱼⱼ · [H⁻¹]ⱼ, with H⁻¹ of the columns left, which is
    row j of the upper Cholesky factor of the whole H⁻¹.

    Args:
        weights: W, (outputs, inputs).
        gram: H = XᵀX of the inputs, (inputs, inputs).
        scales: s, (outputs,).
        levels: q is −levels to levels.

    Returns:
        Q, (outputs, inputs).
    """
    order = np.argsort(-np.diag(gram), kind="stable")
    left = np.asarray(weights, np.float64)[:, order]
    zero = left == 0
    damped = gram[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += max(_DAMPING * np.diag(gram).mean(), 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    result = np.zeros(left.shape, np.int64)
    for start in range(0, left.shape[1], _BLOCK):
        end = min(start + _BLOCK, left.shape[1])
        errors = np.empty((len(left), end - start))
        for column in range(start, end):
            steps = np.clip(np.round(left[:, column] / scales), -levels, levels)
            steps[zero[:, column]] = 0
            error = (left[:, column] - steps * scales) / upper[column, column]
            left[:, column:end] -= np.outer(error, upper[column, column:end])
            errors[:, column - start] = error
            result[:, column] = steps
        left[:, end:] -= errors @ upper[start:end, end:]
    back = np.empty_like(result)
    back[:, order] = result
    return back


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
    layers = [item for item in census.weighted(graph) if _is_whole(graph, item)]
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
    return operator.inputs[census.FACTOR_INPUT[operator.name]]


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
