"""CONV_2D in the layout dsp; see the two kernels `conv_int8_dsp.c` and `conv_narrow_int8_dsp.c`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.convolution import Convolution
from edgeae.codegen.layouts.convolved import geometry, in_rows, last_reads, may_overwrite, plain
from edgeae.codegen.layouts.dsp_packing import COLUMNS, blocks, packable, per_block, step
from edgeae.codegen.layouts.eight_rows import ROWS
from edgeae.codegen.layouts.fused import output_and_table
from edgeae.codegen.layouts.rescaled import high_words
from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.operators import conv_2d
from edgeae.codegen.operators.fully_connected import folded_bias, scales_and_limits
from edgeae.codegen.step import Constant, Member, Step

#: Largest weights of which the narrow kernel keeps a second copy, for the pixels at the edge.
_LARGEST_COPY = 16384
#: Most bytes of a pixel's taps that are copied, so that they are one run.
_LARGEST_TAPS = 256
#: Rows of taps for which the kernel has room in its list of runs.
_MOST_ROWS = 7


def lower(operation: Operation) -> Sequence[Step] | None:
    """Return the step of a convolution; None if portable C computes it."""
    form = conv_2d.form(operation)
    if not plain(operation, form):
        return None
    weights = form.weights.reshape(len(form.weights), -1)
    bias = folded_bias(operation, weights)
    constants = high_words(operation, scales_and_limits(operation, weights, bias), twice=True)
    if constants is None or not packable(weights):
        return None
    if form.weights.shape[3] % COLUMNS == 0 and form.weights.shape[1] <= _MOST_ROWS:
        return [_wide(operation, form, bias, constants)]
    if form.weights.size <= _LARGEST_COPY:
        return [_narrow(operation, form, bias, constants)]
    return None


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
    reads = last_reads(operation, form, in_rows(operation))
    in_place = may_overwrite(operation, reads)
    # what a pixel is made of is read again for its next eight channels
    late = int(np.max(np.flatnonzero(reads == np.arange(len(reads))) + 1, initial=0))
    late = late if in_place and len(bias) > ROWS else 0
    size = form.weights[0].size
    copied = size if size <= _LARGEST_TAPS and len(bias) > ROWS else 0
    padding = np.full(taps, offset, np.int8)
    members: dict[str, Member] = {
        **geometry(operation, form),
        "weights": Constant("weights", blocks(weights, _shifted(bias, weights))),
        "constants": Constant("constants", per_block(constants).reshape(-1)),
        "table": None if table is None else Constant("table", table),
        "padding": None if offset == -128 else Constant("padding", padding),
        "step": step(constants),
        "copied": copied,
        "late": late,
    }
    return Step(
        "conv_int8_dsp",
        (operation.inputs[0],),
        target,
        members,
        in_place=in_place,
        scratch_bytes=max(copied, len(bias) if late else 4),
        operator=operation.index,
    )


def _narrow(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> Step:
    target, table = output_and_table(operation)
    outputs, height, width, channels = form.weights.shape
    row = -(-width * channels // COLUMNS) * COLUMNS  # bytes of a row of taps, filled up
    filled = np.zeros((outputs, height, row), np.int8)
    filled[:, :, : width * channels] = form.weights.reshape(outputs, height, -1)
    weights = filled.reshape(outputs, -1)
    shifted = _shifted(bias, weights)
    step_bytes = form.strides[1] * channels
    in_width, out_width = operation.input().shape[2], operation.output().shape[2]
    inner = -(-form.pads[1] // form.strides[1])
    # the copied taps of a whole row of pixels
    pitch = -(-((out_width - 1) * step_bytes + row) // COLUMNS) * COLUMNS
    last = (in_width - -(-row // channels) + form.pads[1]) // form.strides[1]
    each = np.repeat(constants, outputs, axis=0) if len(constants) == 1 else constants
    members: dict[str, Member] = {
        **geometry(operation, form),
        "weights": _placed(weights, shifted, each, height, in_width * channels),
        "edge": _placed(weights, shifted, each, height, pitch),
        "table": None if table is None else Constant("table", table),
        "background": _background(shifted, each, table),
        "next": step_bytes,
        "pitch": pitch,
        "inner": min(inner, out_width),
        "inner_end": min(last + 1, out_width),
        "zero_point": zero_point(operation.input()),
    }
    return Step(
        "conv_narrow_int8_dsp",
        (operation.inputs[0],),
        target,
        members,
        scratch_bytes=height * pitch,
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
