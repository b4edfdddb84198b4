"""CONV_2D in the layout helium.

See the two kernels `conv_int8_helium.c` and `conv_narrow_int8_helium.c`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.convolution import Convolution
from edgeae.codegen.layouts.convolved import last_reads, may_overwrite, plain
from edgeae.codegen.layouts.eight_rows import ROWS
from edgeae.codegen.layouts.helium_packing import COLUMNS, ORDER, blocks
from edgeae.codegen.operation import Operation, activation_limits, zero_point
from edgeae.codegen.operators import conv_2d
from edgeae.codegen.operators.fully_connected import folded_bias, scales_and_limits
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Constant, Member, Step

#: Places of taps that a gathering load takes.
_FURTHEST = 255


def lower(operation: Operation) -> Sequence[Step] | None:
    """Return the step of a convolution; None if portable C computes it."""
    form = conv_2d.form(operation)
    if not plain(operation, form):
        return None
    weights = form.weights.reshape(len(form.weights), -1)
    bias = folded_bias(operation, weights)
    constants = _constants(operation, scales_and_limits(operation, weights, bias)[0])
    if constants is None or _spread(operation, form) > _FURTHEST:
        return None
    if _furthest(operation, form) <= _FURTHEST and weights.shape[1] <= COLUMNS:
        return [_narrow(operation, form, bias, constants)]
    return [_wide(operation, form, bias, constants)]


def _furthest(operation: Operation, form: Convolution) -> int:
    """Return the bytes from the first tap of a pixel to the last one."""
    return int(_places(operation, form).max())


def _places(operation: Operation, form: Convolution) -> NDArray[np.int64]:
    """Return the bytes from the first tap of a pixel to each one."""
    _, _, in_width, channels = operation.input().shape
    _, height, width, _ = form.weights.shape
    rows = np.arange(height)[:, None] * in_width * channels
    return (rows + np.arange(width * channels)).reshape(-1)


def _narrow(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> Step:
    places = np.zeros(COLUMNS, np.uint8)
    taps = _places(operation, form)
    places[: len(taps)] = taps
    return Step(
        "conv_narrow_int8_helium",
        (operation.inputs[0],),
        operation.outputs[0],
        {
            **_members(operation, form, bias, constants),
            "places": Constant("places", places),
        },
        operator=operation.index,
    )


def _wide(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> Step:
    taps = _places(operation, form)
    groups = -(-len(taps) // COLUMNS)
    grouped = np.concatenate([taps, np.repeat(taps[-1:], groups * COLUMNS - len(taps))])
    grouped = grouped.reshape(groups, COLUMNS)
    least = grouped.min(axis=1, keepdims=True)  # a row of taps may be wider than the input
    more = grouped - least
    words = np.concatenate([least, more.astype(np.uint8).view("<u4")], axis=1)
    return Step(
        "conv_int8_helium",
        (operation.inputs[0],),
        operation.outputs[0],
        {
            **_members(operation, form, bias, constants),
            "places": Constant("places", words.astype(np.uint32).reshape(-1)),
            "groups": groups,
            "inner": _inner(operation, form),
        },
        in_place=may_overwrite(operation, last_reads(operation, form, _order(operation, form))),
        scratch_bytes=COLUMNS * groups,
        operator=operation.index,
    )


def _order(operation: Operation, form: Convolution) -> list[tuple[int, int]]:
    """Return row and column of the pixels in the kernel's order: one kind after the other."""
    (rows, _), (columns, _) = _kinds_of_both(operation, form)
    return [
        (y, x)
        for top, height in zip(np.cumsum([0, *rows]), rows, strict=False)
        for left, width in zip(np.cumsum([0, *columns]), columns, strict=False)
        for y in range(top, top + height)
        for x in range(left, left + width)
    ]


def _inner(operation: Operation, form: Convolution) -> int:
    """Return the kind of pixels whose taps are all inside the input; −1 if there is none."""
    rows, columns = _kinds_of_both(operation, form)
    inside = [bool(row.all() and column.all()) for row in rows[1] for column in columns[1]]
    return inside.index(True) if any(inside) else -1


def _spread(operation: Operation, form: Convolution) -> int:
    """Return the most bytes between two of 16 taps."""
    taps = _places(operation, form)
    return max(int(np.ptp(taps[n : n + COLUMNS])) for n in range(0, len(taps), COLUMNS))


def _members(
    operation: Operation,
    form: Convolution,
    bias: NDArray[np.int32],
    constants: NDArray[np.int32],
) -> dict[str, Member]:
    """Return what the two kernels have in common."""
    batches, in_height, in_width, channels = operation.input().shape
    _, _, out_width, outputs = operation.output().shape
    weights = form.weights.reshape(outputs, -1)
    (rows, row_taps), (columns, column_taps) = _kinds_of_both(operation, form)
    inside = [
        np.repeat(np.outer(row, column).reshape(-1), channels)
        for row in row_taps
        for column in column_taps
    ]
    offset = zero_point(operation.input())
    biases = np.zeros((len(inside), -(-outputs // ROWS) * ROWS), np.int64)
    for kind, taps in enumerate(inside):
        outside = weights[:, ~taps].sum(axis=1, dtype=np.int64)
        biases[kind, :outputs] = bias + offset * outside  # a tap outside adds nothing
    packed = _packed(weights, bias, constants).reshape(-(-outputs // ROWS), -1)[:, ROWS:]
    return {
        "weights": Constant("weights", np.ascontiguousarray(packed).reshape(-1)),
        "biases": Constant("biases", biases.astype(np.int32).reshape(-1)),
        "masks": Constant("masks", np.concatenate([_bits(taps) for taps in inside])),
        "rows": Constant("rows", np.array(rows, np.int32)),
        "columns": Constant("columns", np.array(columns, np.int32)),
        "row_kinds": len(rows),
        "column_kinds": len(columns),
        "out_channels": outputs,
        "next": form.strides[1] * channels,
        "first": -(form.pads[0] * in_width + form.pads[1]) * channels,
        "out_row": out_width * outputs,
        "next_row": form.strides[0] * in_width * channels,
        "batches": batches,
        "in_size": in_height * in_width * channels,
    }


Kinds = tuple[list[int], list[NDArray[np.bool_]]]


def _kinds_of_both(operation: Operation, form: Convolution) -> tuple[Kinds, Kinds]:
    """Return the kinds of rows and of columns."""
    extents, outputs = operation.input().shape[1:3], operation.output().shape[1:3]
    rows, columns = (
        _kinds(outputs[n], form.strides[n], form.pads[n], form.weights.shape[n + 1], extents[n])
        for n in range(2)
    )
    return rows, columns


def _kinds(outputs: int, stride: int, pad: int, taps: int, extent: int) -> Kinds:
    """Return how many outputs in a row have the same taps inside the input, and these taps."""
    counts: list[int] = []
    kinds: list[NDArray[np.bool_]] = []
    for output in range(outputs):
        places = output * stride - pad + np.arange(taps)
        inside = (places >= 0) & (places < extent)
        if kinds and np.array_equal(kinds[-1], inside):
            counts[-1] += 1
        else:
            counts.append(1)
            kinds.append(inside)
    return counts, kinds


def _bits(taps: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the taps that are inside as bits, 16 a number."""
    padded = np.zeros((-(-len(taps) // COLUMNS), COLUMNS), np.int32)
    padded.reshape(-1)[: len(taps)] = taps
    bits: NDArray[np.int32] = (padded << np.arange(COLUMNS)).sum(axis=1).astype(np.int32)
    return bits


def _constants(operation: Operation, scales: Sequence[float]) -> NDArray[np.int32] | None:
    """Return multiplier and negative shift of the rule `twice` for each channel.

    The kernel adds half a step before it shifts, so a tie below 0 is rounded up; therefore None if
    a result below the zero point is not limited to it, which then is -128. None also if a scale is
    0.5 or more.
    """
    if (zero_point(operation.output()), *activation_limits(operation)) != (-128, -128, 127):
        return None
    found = []
    for scale in scales:
        multiplier, shift = quantize_multiplier(scale)
        if not -31 <= shift < 0:
            return None
        found.append((multiplier, shift))
    return np.array(found, np.int32)


def _packed(
    weights: NDArray[np.int8], bias: NDArray[np.int32], constants: NDArray[np.int32]
) -> NDArray[np.uint32]:
    """Return biases, weights and constants of eight channels after eight channels."""
    count = -(-len(weights) // ROWS)
    each = np.zeros((count * ROWS, 2), "<i4")
    each[:, 1] = -1
    each[: len(weights)] = constants  # of each channel, or of all
    ordered = each.reshape(count, ROWS, 2)[:, ORDER].transpose(0, 2, 1)
    last = np.ascontiguousarray(ordered).view("<u4").reshape(count, -1)
    whole = np.concatenate([blocks(weights, bias).reshape(count, -1), last], axis=1)
    return whole.astype(np.uint32).reshape(-1)
