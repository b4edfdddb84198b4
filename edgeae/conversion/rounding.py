"""Rounding weights so that the errors of one make up for those of another.

Rounding each weight to the nearest integer leaves the least error in the weights. What counts is
the error of the sums, and the inputs of a layer go together: an error in one weight can be made up
for in those whose inputs rise and fall with it. E. Frantar et al., "GPTQ: Accurate Post-Training
Quantization for Generative Pre-trained Transformers", 2023; B. Hassibi et al., "Optimal Brain
Surgeon", 1993. Scales stay what they are, and so do weights that are 0.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.grams import grams
from edgeae.conversion.pairs import paired
from edgeae.errors import OutOfTolerance
from edgeae.formats import census
from edgeae.formats.tflite import INT4, Graph, Tensor

__all__ = ["compensated", "rounded"]

#: Added to the diagonal of a Gram matrix, as a share of its mean, as in the paper.
_DAMPING = 0.01
#: Columns whose errors are spread over all columns behind them at once, as in the paper.
_BLOCK = 64
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
