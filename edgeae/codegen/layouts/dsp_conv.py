"""CONV_2D in the layout dsp; see the two kernels `conv_int8_dsp.c` and `conv_narrow_int8_dsp.c`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.convolution import Convolution
from edgeae.codegen.layouts.dsp_packing import COLUMNS, ROWS, blocks, packable, per_block, step
from edgeae.codegen.layouts.fused import output_and_table
from edgeae.codegen.layouts.rescaled import high_words
from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.operators import conv_2d
from edgeae.codegen.operators.fully_connected import folded_bias, scales_and_limits
from edgeae.codegen.step import Constant, Member, Step

#: With fewer channels, most of a block of eight would be empty.
_FEWEST_CHANNELS = 4
#: Largest weights of which the narrow kernel keeps a second copy, for the pixels at the edge.
_LARGEST_COPY = 16384
#: Rows of taps for which the kernel has room in its list of runs.
_MOST_ROWS = 7


def lower(operation: Operation) -> Sequence[Step] | None:
    """Return the step of a convolution; None if portable C computes it."""
    form = conv_2d.form(operation)
    channels = operation.output().shape[-1]
    if (
        operation.input().dtype != "int8"
        or form.groups != 1
        or form.dilations != (1, 1)
        or channels < _FEWEST_CHANNELS
    ):
        return None
    weights = form.weights.reshape(channels, -1)
    bias = folded_bias(operation, weights)
    constants = high_words(operation, scales_and_limits(operation, weights, bias), twice=True)
    if constants is None or not packable(weights):
        return None
    if form.weights.shape[3] % COLUMNS == 0 and form.weights.shape[1] <= _MOST_ROWS:
        return [_wide(operation, form, bias, constants)]
    if form.weights.size <= _LARGEST_COPY:
        return [_narrow(operation, form, bias, constants)]
    return None


def _geometry(operation: Operation, form: Convolution) -> dict[str, Member]:
    batches, in_height, in_width, in_channels = operation.input().shape
    _, out_height, out_width, out_channels = operation.output().shape
    return {
        "batches": batches,
        "in_height": in_height,
        "in_width": in_width,
        "in_channels": in_channels,
        "out_height": out_height,
        "out_width": out_width,
        "out_channels": out_channels,
        "kernel_height": form.weights.shape[1],
        "kernel_width": form.weights.shape[2],
        "stride_height": form.strides[0],
        "stride_width": form.strides[1],
        "pad_top": form.pads[0],
        "pad_left": form.pads[1],
    }


def _shifted(bias: NDArray[np.int32], weights: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the biases for a kernel that reads the input + 128."""
    shifted: NDArray[np.int64] = bias - 128 * weights.sum(axis=1, dtype=np.int64)
    return shifted


def _wide(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> Step:
    target, table = output_and_table(operation)
    weights = form.weights.reshape(len(bias), -1)
    offset = zero_point(operation.input())
    taps = form.weights.shape[2] * form.weights.shape[3]
    late = pixels_to_delay(operation, form)
    padding = np.full(taps, offset, np.int8)
    members: dict[str, Member] = {
        **_geometry(operation, form),
        "weights": Constant("weights", blocks(weights, _shifted(bias, weights))),
        "constants": Constant("constants", per_block(constants).reshape(-1)),
        "table": None if table is None else Constant("table", table),
        "padding": None if offset == -128 else Constant("padding", padding),
        "step": step(constants),
        "late": late or 0,
    }
    return Step(
        "conv_int8_dsp",
        (operation.inputs[0],),
        target,
        members,
        in_place=late is not None,
        scratch_bytes=len(bias) if late else 4,
        operator=operation.index,
    )


def pixels_to_delay(operation: Operation, form: Convolution) -> int | None:
    """Return how many pixels may be stored over the input only once they are complete.

    None if a later pixel would read what has been overwritten.
    """
    batches, height, width, channels = operation.input().shape
    _, rows, columns, outputs = operation.output().shape
    first = np.array(
        [
            (max(y * form.strides[0] - form.pads[0], 0) * width) * channels
            + max(x * form.strides[1] - form.pads[1], 0) * channels
            for y in range(rows)
            for x in range(columns)
        ]
    )
    needed = np.minimum.accumulate(first[::-1])[::-1]  # from each pixel on
    stored = outputs * np.arange(1, rows * columns + 1)
    if batches > 1 or (stored[:-1] > needed[1:]).any() or stored[-1] > height * width * channels:
        return None
    return int(np.max(np.flatnonzero(stored > needed) + 1, initial=0))


def _narrow(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> Step:
    target, table = output_and_table(operation)
    geometry = _geometry(operation, form)
    outputs, height, width, channels = form.weights.shape
    row = -(-width * channels // COLUMNS) * COLUMNS  # bytes of a row of taps, filled up
    filled = np.zeros((outputs, height, row), np.int8)
    filled[:, :, : width * channels] = form.weights.reshape(outputs, height, -1)
    weights = filled.reshape(outputs, -1)
    shifted = _shifted(bias, weights)
    in_width, out_width = operation.input().shape[2], operation.output().shape[2]
    inner = -(-form.pads[1] // form.strides[1])
    last = (in_width - -(-row // channels) + form.pads[1]) // form.strides[1]
    each = np.repeat(constants, outputs, axis=0) if len(constants) == 1 else constants
    members: dict[str, Member] = {
        **geometry,
        "weights": _placed(weights, shifted, each, height, in_width * channels),
        "edge": _placed(weights, shifted, each, height, row),
        "table": None if table is None else Constant("table", table),
        "background": _background(shifted, each, table),
        "next": form.strides[1] * channels,
        "inner": inner,
        "inner_end": max(min(last + 1, out_width), inner),
        "zero_point": zero_point(operation.input()),
    }
    return Step(
        "conv_narrow_int8_dsp",
        (operation.inputs[0],),
        target,
        members,
        scratch_bytes=height * row,
        operator=operation.index,
    )


def _placed(
    weights: NDArray[np.int8],
    bias: NDArray[np.int64],
    constants: NDArray[np.int32],
    height: int,
    pitch: int,
) -> Constant:
    """Return all that the narrow kernel reads, for rows of taps that are `pitch` bytes apart."""
    packed = blocks(weights, bias).reshape(-(-len(weights) // ROWS), -1)
    words = weights.shape[1] // COLUMNS
    across = np.arange(words // height) * COLUMNS
    places = 2 * (np.arange(height)[:, None] * pitch + across).reshape(-1)
    places[-1] += 1  # marks the last one
    grouped = packed[:, ROWS:].reshape(len(packed), words, ROWS)
    column = np.broadcast_to(places[:, None].astype(np.uint32), (len(packed), words, 1))
    with_places = np.concatenate([column, grouped], axis=2).reshape(len(packed), -1)
    last = per_block(constants).astype("<i4").view("<u4").reshape(len(packed), -1)
    whole = np.concatenate([packed[:, :ROWS], with_places, last], axis=1)
    return Constant("weights", whole.astype(np.uint32).reshape(-1))


def _background(
    bias: NDArray[np.int64], constants: NDArray[np.int32], table: NDArray[np.int8] | None
) -> Constant | None:
    """Return the channels of a pixel whose bytes are all -128, as words; None if not of four."""
    if len(bias) % 4:
        return None
    multipliers, roundings, shifts = constants.astype(np.int64).T
    values = ((256 * bias * multipliers >> 32) + roundings) >> shifts
    limited = np.clip(values, -128, 127)
    stored = limited if table is None else table[limited + 128]
    return Constant("background", stored.astype(np.int8).view("<u4").astype(np.uint32))
