"""The shapes of outputs that a file leaves open, from the shapes and sizes that are known.

A file whose batch is open may not state the height and width behind a TRANSPOSE_CONV, a RESHAPE or
a resize, nor what follows from them. The rules are those of LiteRT's `Prepare` of each operator.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgeae.formats.tflite.graph import Operator, Tensor

_Shape = tuple[int, ...]
_Rule = Callable[[Operator, Sequence[Tensor]], Sequence[_Shape]]
_SAME = 0  # `Padding.SAME` of the schema


class _UnknownError(Exception):
    """A list of sizes or axes is no constant."""


def of_outputs(operator: Operator, tensors: Sequence[Tensor]) -> Sequence[_Shape] | None:
    """Return the shapes of an operator's outputs; None if there is no rule, or data decide.

    Args:
        operator: the operator.
        tensors: the model's tensors, those that the operator reads with their shapes.

    Raises:
        ValueError: the inputs do not fit; also IndexError, KeyError and ZeroDivisionError.
    """
    if operator.name not in RULES:
        return None
    read = [tensors[item] for item in operator.inputs if item >= 0]
    try:
        found = RULES[operator.name](operator, read)
    except _UnknownError:
        return None
    if any(extent < 0 for shape in found for extent in shape):
        raise ValueError(f"a shape of {found}")
    return found


def _numbers(tensor: Tensor) -> list[int]:
    """Return the values of a constant of sizes or axes."""
    if tensor.data is None:
        raise _UnknownError
    return [int(item) for item in tensor.data.reshape(-1)]


def _same(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    return [read[0].shape]


def _broadcast(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    return [np.broadcast_shapes(*(item.shape for item in read))]


def _given(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    return [tuple(_numbers(read[0]))]


def _reshape(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    given = _numbers(read[1]) if read[1:] else [int(n) for n in operator.options["newShape"]]
    size = math.prod(read[0].shape)
    if -1 in given:
        known = -math.prod(given)
        given = [size // known if item == -1 else item for item in given]
    if math.prod(given) != size:
        raise ValueError(f"{read[0].shape} to {given}")
    return [tuple(given)]


def _resize(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    batches, _height, _width, channels = read[0].shape
    height, width = _numbers(read[1])
    return [(batches, height, width, channels)]


def _window(operator: Operator, source: Tensor, size: Sequence[int], channels: int) -> _Shape:
    options = operator.options
    batches, *extents, _ = source.shape
    strides = options["strideH"], options["strideW"]
    dilations = options.get("dilationHFactor", 1), options.get("dilationWFactor", 1)
    rows = [
        -(-(extent if options["padding"] == _SAME else extent - (taps - 1) * dilation) // stride)
        for extent, taps, stride, dilation in zip(extents, size, strides, dilations, strict=True)
    ]
    return (batches, *rows, channels)


def _conv(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    outputs, height, width, _ = read[1].shape
    return [_window(operator, read[0], (height, width), outputs)]


def _depthwise(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    _, height, width, outputs = read[1].shape
    return [_window(operator, read[0], (height, width), outputs)]


def _pool(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    size = operator.options["filterHeight"], operator.options["filterWidth"]
    return [_window(operator, read[0], size, read[0].shape[3])]


def _fully_connected(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    rows, columns = read[1].shape
    if operator.options.get("keepNumDims", False):
        return [(*read[0].shape[:-1], rows)]
    return [(math.prod(read[0].shape) // columns, rows)]


def _concatenation(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    shape, axis = list(read[0].shape), operator.options["axis"]
    shape[axis] = sum(item.shape[axis] for item in read)
    return [tuple(shape)]


def _pad(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    added = np.reshape(_numbers(read[1]), (-1, 2)).sum(1).tolist()
    return [tuple(a + b for a, b in zip(read[0].shape, added, strict=True))]


def _tile(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    return [tuple(a * b for a, b in zip(read[0].shape, _numbers(read[1]), strict=True))]


def _space_to_batch(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    blocks, pads = _numbers(read[1]), np.reshape(_numbers(read[2]), (-1, 2)).sum(1).tolist()
    batches, *extents = read[0].shape
    sized = [(n + pad) // block for n, pad, block in zip(extents, pads, blocks, strict=False)]
    return [(batches * math.prod(blocks), *sized, *extents[len(blocks) :])]


def _batch_to_space(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    blocks, crops = _numbers(read[1]), np.reshape(_numbers(read[2]), (-1, 2)).sum(1).tolist()
    batches, *extents = read[0].shape
    sized = [n * block - crop for n, crop, block in zip(extents, crops, blocks, strict=False)]
    return [(batches // math.prod(blocks), *sized, *extents[len(blocks) :])]


def _transpose(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    return [tuple(read[0].shape[axis] for axis in _numbers(read[1]))]


def _mean(operator: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    rank = len(read[0].shape)
    axes = {axis % rank for axis in _numbers(read[1])}
    if operator.options.get("keepDims", False):
        return [tuple(1 if n in axes else extent for n, extent in enumerate(read[0].shape))]
    return [tuple(extent for n, extent in enumerate(read[0].shape) if n not in axes)]


def _expand_dims(_: Operator, read: Sequence[Tensor]) -> Sequence[_Shape]:
    shape = list(read[0].shape)
    (axis,) = _numbers(read[1])
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, 1)
    return [tuple(shape)]


#: Operator → the shapes of its outputs.
RULES: dict[str, _Rule] = {
    **dict.fromkeys(("ADD", "MUL", "PRELU", "SUB"), _broadcast),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(("DEQUANTIZE", "QUANTIZE"), _same),
    **dict.fromkeys(("ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "SOFTMAX", "TANH"), _same),
    **dict.fromkeys(("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"), _same),
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "EXPAND_DIMS": _expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "MEAN": _mean,
    "RESHAPE": _reshape,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _given,
}
