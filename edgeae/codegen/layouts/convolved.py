"""What the convolutions of all layouts have in common."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.convolution import Convolution
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Member

#: With fewer channels, most of a block of eight would be empty.
_FEWEST_CHANNELS = 4


def plain(operation: Operation, form: Convolution) -> bool:
    """Return whether a convolution is of int8, with enough channels, no groups and no dilation."""
    return (
        operation.input().dtype == "int8"
        and form.groups == 1
        and form.dilations == (1, 1)
        and len(form.weights) >= _FEWEST_CHANNELS
    )


def geometry(operation: Operation, form: Convolution) -> dict[str, Member]:
    """Return the members of a kernel that say where the taps of a pixel lie."""
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


def last_reads(
    operation: Operation, form: Convolution, order: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Return for each pixel, in the order of computation, when what it is stored over is read last.

    The output begins where the input does. A pixel may be stored there if the time of the last read
    is at most its own place in the order; if it is its own place, only once it is complete.

    Args:
        operation: the operator.
        form: the convolution, without groups and dilation.
        order: row and column of each pixel of the output, in the order of computation.
    """
    _, height, width, channels = operation.input().shape
    _, rows, columns, outputs = operation.output().shape
    read = np.full((height, width), -1, np.int64)
    for place, (y, x) in enumerate(order):
        top, left = y * form.strides[0] - form.pads[0], x * form.strides[1] - form.pads[1]
        bottom, right = top + form.weights.shape[1], left + form.weights.shape[2]
        read[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = place
    spread = np.full(rows * columns * outputs, -1, np.int64)
    of_bytes = np.repeat(read.reshape(-1), channels)[: len(spread)]
    spread[: len(of_bytes)] = of_bytes
    stored = spread.reshape(rows, columns, outputs).max(axis=2)
    return np.array([stored[pixel] for pixel in order], np.int64)


def in_rows(operation: Operation) -> list[tuple[int, int]]:
    """Return row and column of each pixel of the output, row after row."""
    _, rows, columns, _ = operation.output().shape
    return [(y, x) for y in range(rows) for x in range(columns)]


def may_overwrite(operation: Operation, reads: NDArray[np.int64]) -> bool:
    """Return whether each pixel may be stored over the input: no later one reads what is there."""
    return operation.input().shape[0] == 1 and bool((reads <= np.arange(len(reads))).all())
