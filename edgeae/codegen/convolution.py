"""Convolutions of every kind as one form, and the step that computes it.

CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV differ only in their parameters:

- A depthwise convolution is one with as many groups as input channels.
- A transposed convolution is one of stride 1 whose input pixels lie a stride apart, with nothing
  between them, and whose kernel is turned round in both directions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import packing, weighted
from edgeae.codegen.operation import Operation, activation_limits, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Band, Constant, Member, Step
from edgeae.codegen.weighted import bias, biases, narrow_sums, source
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph_statistics import FACTOR_INPUT

#: `Padding` of the schema.
SAME, VALID = 0, 1
#: The 64-bit accumulators of `MultiplyByQuantizedMultiplier` are below this.
_WIDE_LIMIT = 1 << 47
#: A sum below this does not exceed 32 bits when the output's zero point is added.
_LIMIT = (1 << 31) - (1 << 15)

Pair = tuple[int, int]


@dataclass(frozen=True)
class Convolution:
    """A convolution; a pair has a value for rows and one for columns.

    Attributes:
        weights: shape (output channels, rows, columns, input channels of a group), as stored.
        groups: groups of channels.
        strides: input pixels from one output to the next.
        dilations: input pixels from one tap of the kernel to the next.
        spreads: how far apart the input pixels lie.
        pads: padding at the top and at the left.
    """

    weights: NDArray[Any]
    groups: int = 1
    strides: Pair = (1, 1)
    dilations: Pair = (1, 1)
    spreads: Pair = (1, 1)
    pads: Pair = (0, 0)


def output_extent(extent: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    """Return the rows of the output, or its columns: `ComputeOutSize`.

    Source: tflite/kernels/padding.h; the division truncates towards 0, as in C.
    """
    if padding == SAME:
        return (extent + stride - 1) // stride
    return int((extent + stride - ((taps - 1) * dilation + 1)) / stride)


def pad_before(extent: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    """Return the padding at the top, or at the left: `ComputePadding` of padding.h."""
    outputs = output_extent(extent, taps, stride, dilation, padding)
    return max((outputs - 1) * stride + (taps - 1) * dilation + 1 - extent, 0) // 2


def strides(operation: Operation) -> Pair:
    """Return the strides in the options."""
    return operation.options["strideH"], operation.options["strideW"]


def dilations(operation: Operation) -> Pair:
    """Return the dilations in the options; a TRANSPOSE_CONV has none."""
    options = operation.options
    return options.get("dilationHFactor", 1), options.get("dilationWFactor", 1)


def axes(operation: Operation, extents: Pair, taps: Pair) -> list[tuple[int, int, int, int, int]]:
    """Return the arguments of `output_extent` and `pad_before` for rows and for columns."""
    padding = operation.options["padding"]
    return [
        (extent, size, stride, dilation, padding)
        for extent, size, stride, dilation in zip(
            extents, taps, strides(operation), dilations(operation), strict=True
        )
    ]


def four_dimensions(operation: Operation) -> bool:
    """Input, filter and output have four dimensions, each of 1 or more."""
    tensors = source(operation), operation.input(1), operation.output()
    return all(len(item.shape) == 4 and min(item.shape) > 0 for item in tensors)


def constant_filter(operation: Operation) -> bool:
    """Filter and bias are constants, and the filter's zero points are 0."""
    return weighted.constant_weights(operation)


def bias_width(operation: Operation) -> bool:
    """The bias of int8 is int32; that of int16 is int64, or int32 where the options say so."""
    kind, stored = source(operation).dtype, bias(operation)
    if kind == "float32" or stored is None:
        return True
    wide = kind == "int16" and not narrow_sums(operation)
    return stored.dtype == (np.int64 if wide else np.int32)


def positive_steps(operation: Operation) -> bool:
    """The padding is SAME or VALID, and strides and dilations are 1 or more."""
    steps = (*strides(operation), *dilations(operation))
    return min(steps) > 0 and operation.options["padding"] in (SAME, VALID)


#: What holds for every convolution, beside its shapes.
CONSTRAINTS = (
    four_dimensions,
    constant_filter,
    weighted.supported_types,
    bias_width,
    weighted.scales_of_integers,
    weighted.known_activation,
    positive_steps,
)


def fitting_bias(operation: Operation) -> bool:
    """Return whether there is no bias, or one for each channel of the output."""
    stored = bias(operation)
    return stored is None or stored.size == operation.output().shape[-1]


def step(operation: Operation, convolution: Convolution) -> Step:
    """Return the step that computes a convolution.

    Raises:
        BadInput: a sum, or a scale, exceeds what the kernel computes exactly.
    """
    dense = {
        "int8": _of_int8,
        "int16": _of_int16,
        "float32": _of_float32,
    }[source(operation).dtype](operation, convolution)
    rows = len(convolution.weights)
    kernel, members = packing.packed(*dense, rows, operation.optimize, False)
    geometry = _geometry(operation, convolution)
    if "weights" not in members:
        del geometry["run_step"]  # compressed weights have no runs
    return Step(
        kernel,
        (operation.inputs[FACTOR_INPUT[operation.name]],),
        operation.outputs[0],
        {**geometry, **members},
        operator=operation.index,
        band=_band(operation, convolution) if geometry["batches"] == 1 else None,
    )


def _band(operation: Operation, convolution: Convolution) -> Band:
    """Return a band of output rows: a convolution, too, with less padding at the top."""
    _, _, width, channels = operation.output().shape
    return Band("out_height", width * channels, {"pad_top": -convolution.strides[0]})


def _geometry(operation: Operation, convolution: Convolution) -> dict[str, Member]:
    batches, in_height, in_width, in_channels = source(operation).shape
    _, out_height, out_width, out_channels = operation.output().shape
    _, height, width, depth = convolution.weights.shape
    return {
        "batches": batches,
        "in_height": in_height,
        "in_width": in_width,
        "in_channels": in_channels,
        "out_height": out_height,
        "out_width": out_width,
        "groups": convolution.groups,
        "group_channels": out_channels // convolution.groups,
        "depth": depth,
        "kernel_height": height,
        "kernel_width": width,
        "stride_height": convolution.strides[0],
        "stride_width": convolution.strides[1],
        "dilation_height": convolution.dilations[0],
        "dilation_width": convolution.dilations[1],
        "spread_height": convolution.spreads[0],
        "spread_width": convolution.spreads[1],
        "pad_top": convolution.pads[0],
        "pad_left": convolution.pads[1],
        "run_step": _run_step(convolution, in_channels),
    }


def _run_step(convolution: Convolution, in_channels: int) -> int:
    """Return how far apart the inputs of a row of taps lie; 0 if there is no one distance."""
    if convolution.spreads[1] > 1:
        return 0
    depth = convolution.weights.shape[3]
    if depth == 1:
        return convolution.dilations[1] * in_channels
    return int(depth == in_channels and convolution.dilations[1] == 1)


def _of_int8(operation: Operation, convolution: Convolution) -> tuple[str, dict[str, Member]]:
    offset = zero_point(source(operation))
    added = biases(operation, len(convolution.weights), np.int32)
    bounds = _bounds(convolution, added, max(127 - offset, 128 + offset))
    low, high = activation_limits(operation)
    return "conv_int8", {
        "weights": Constant("weights", convolution.weights.reshape(-1)),
        "bias": Constant("bias", added),
        **_multipliers([_twice(*item) for item in _scales(operation, bounds)]),
        "in_zero_point": offset,
        "zero_point": zero_point(operation.output()),
        "low": low,
        "high": high,
    }


def _of_int16(operation: Operation, convolution: Convolution) -> tuple[str, dict[str, Member]]:
    twice = narrow_sums(operation)
    added = biases(operation, len(convolution.weights), np.int64)
    bounds = _bounds(convolution, added, 1 << 15)
    rule = _twice_of_32_bits if twice else _wide
    low, high = activation_limits(operation)
    return "conv_int16", {
        "weights": Constant("weights", convolution.weights.reshape(-1)),
        "bias": Constant("bias", added),
        **_multipliers([rule(*item) for item in _scales(operation, bounds)]),
        "twice": int(twice),
        "low": low,
        "high": high,
    }


def _of_float32(operation: Operation, convolution: Convolution) -> tuple[str, dict[str, Member]]:
    kind, members = weighted.of_floats(operation, convolution.weights)
    return f"conv_{kind}", members


def _bounds(convolution: Convolution, biases: NDArray[Any], largest: int) -> list[int]:
    """Return for each channel a bound of the magnitude of its sums."""
    weights = convolution.weights.reshape(len(biases), -1).astype(np.int64)
    sums = largest * np.abs(weights).sum(axis=1)
    return [abs(int(item)) + int(rest) for item, rest in zip(biases, sums, strict=True)]


def _scales(operation: Operation, bounds: list[int]) -> list[tuple[float, int]]:
    """Return each scale (one, or one per channel) with the bound of the sums under it."""
    scales = weighted.scales(operation)
    if len(scales) == 1:
        return [(scales[0], max(bounds))]
    return list(zip(scales, bounds, strict=True))


def _multipliers(rescales: list[tuple[int, int]]) -> dict[str, Member]:
    multipliers, shifts = zip(*rescales, strict=True)
    return {
        "multipliers": Constant("multipliers", np.array(multipliers, np.int32)),
        "shifts": Constant("shifts", np.array(shifts, np.int8)),
        "channel_step": int(len(rescales) > 1),
    }


def _twice(real: float, bound: int) -> tuple[int, int]:
    """Return multiplier and shift of `rescale_twice`."""
    multiplier, shift = quantize_multiplier(real)
    if bound << max(shift, 0) >= _LIMIT:
        raise BadInput(f"a sum may exceed 32 bits (its scale is {real:.3g})")
    return multiplier, shift


def _twice_of_32_bits(real: float, bound: int) -> tuple[int, int]:
    """Return multiplier and shift of `rescale_twice` for sums of which 32 bits are kept."""
    return _twice(real, bound if real >= 1 else 0)


def _wide(real: float, bound: int) -> tuple[int, int]:
    """Return multiplier and shift of `rescale_wide`: the multiplier's upper 15 bits, rounded."""
    multiplier, shift = quantize_multiplier(real)
    if bound >= _WIDE_LIMIT:
        raise BadInput("a sum may exceed 47 bits")
    if shift > 14:
        raise BadInput(f"a scale of {real:.3g}: allowed are scales below 2^14")
    return min((multiplier + (1 << 15)) >> 16, 0x7FFF), 15 - shift
