"""What LOGISTIC and TANH of int16 need: one table of the sigmoid, and the input's multiplier.

The rules are those of `SigmoidPrepare` and `TanhPrepare` in tflite/kernels/activations.cc: an
input value is multiplied to steps of 1/12288, and the table is read at every 512th step (LOGISTIC;
TANH at every 256th, as tanh x = 2 × sigmoid(2x) − 1).
"""

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, scale
from edgeae.codegen.step import Constant, Member

#: Where the reference's table is 1 above the rounded sigmoid.
_ONE_ABOVE = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39),
    *(40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135),
    255,
)


def moderate_scale(operation: Operation) -> bool:
    """The input scale of int16 is between 2^-43 and 5.33, so that no product exceeds 32 bits."""
    return operation.input().dtype != "int16" or 1 <= input_multiplier(operation, ())[0] < 1 << 16


def sigmoid_members(operation: Operation, shifts: tuple[int, ...]) -> dict[str, Member]:
    """Return the members of the int16 kernels, without the size.

    Args:
        operation: the operator.
        shifts: left shifts that an input scale of a power of two may ask for, see
            `input_multiplier`.
    """
    multiplier, shift = input_multiplier(operation, shifts)
    return {
        "sigmoid": Constant("sigmoid", sigmoid_table()),
        "multiplier": multiplier,
        "shift": shift,
    }


def sigmoid_table() -> NDArray[np.uint16]:
    """Return sigmoid(i ÷ 24) × 65536 for i from 0 to 255, as `sigmoid_table_uint16` has it."""
    table = np.floor(65536 / (1 + np.exp(-np.arange(256) / 24)) + 0.5)
    table[list(_ONE_ABOVE)] += 1
    return table.astype(np.uint16)


def input_multiplier(operation: Operation, shifts: tuple[int, ...]) -> tuple[int, int]:
    """Return multiplier and right shift that turn an input value into steps of 1/12288.

    An input scale of 2^(s − 12) with s among `shifts` is multiplied by 3 × 2^s without a shift;
    every other one by a multiplier of 15 bits.
    """
    power = rounded_log2(scale(operation.input()))
    if power is not None and power + 12 in shifts:
        return 3 << (power + 12), 0
    multiplier, shift = scale(operation.input()) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return int(multiplier), shift


def rounded_log2(value: float) -> int | None:
    """Return log2 as an integer if it is within 0.001 of one, in float32: `CheckedLog2`."""
    real = np.log(np.float32(value)) * (np.float32(1) / np.log(np.float32(2)))
    whole = np.round(real)
    return int(whole) if abs(real - whole) < np.float32(1e-3) else None
