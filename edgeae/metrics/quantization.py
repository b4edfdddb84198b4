"""Quantize real numbers to a tensor's integers and back; all rounding in edgeae is done here.

real = scale × (q − zero_point); a step of `scale` is one LSB. Rounding is half away from zero, in
float32, as in `tflite::AffineQuantize` and LiteRT's QUANTIZE kernel.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput

#: Largest relative difference of two scales under which their integers are compared as they are.
_SAME_SCALE = 1 / 128


@dataclass(frozen=True)
class Affine:
    """Per-tensor affine parameters of an integer tensor.

    Attributes:
        scale: real size of one LSB, above 0; a float32 value.
        zero_point: the integer that represents 0.0, inside the range of `dtype`.
        dtype: `int8`, `uint8` or `int16`.
    """

    scale: float
    zero_point: int
    dtype: str

    def __post_init__(self) -> None:
        if self.dtype not in ("int8", "uint8", "int16"):
            raise BadInput(f"quantized dtype {self.dtype!r}: allowed are int8, uint8, int16")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise BadInput(f"scale {self.scale!r}: must be finite and above 0")
        low, high = self.limits
        if not low <= self.zero_point <= high:
            raise BadInput(f"zero_point {self.zero_point}: outside {low} to {high} of {self.dtype}")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer of `dtype`."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)


def is_near(first: Affine, second: Affine) -> bool:
    """Return whether integers of two grids may be subtracted as they are.

    Their zero points must be equal, and their scales differ by at most 1/128: an image of scale
    1/255 and a sigmoid of 1/256 do.
    """
    same = (first.zero_point, first.dtype) == (second.zero_point, second.dtype)
    return same and abs(first.scale / second.scale - 1) <= _SAME_SCALE


def round_half_away(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Round to the nearest integer, halves away from zero; exact, unlike `floor(x + 0.5)`."""
    whole: NDArray[np.floating] = np.trunc(values)
    # values − trunc(values) and its double are exact in binary floating point, so a half is
    # exactly a half, and twice the rest is a whole step from there on.
    rest: NDArray[np.floating] = values - whole
    rest += rest
    whole += np.trunc(rest)
    return whole


def quantize(real: NDArray[np.floating], affine: Affine) -> NDArray[np.integer]:
    """Quantize real values of any shape to `affine.dtype`, clamping to its range.

    Raises:
        BadInput: a value is NaN or infinite, which no integer represents.
    """
    if not np.isfinite(real).all():
        raise BadInput("cannot quantize NaN or infinity")
    with np.errstate(over="ignore"):  # a value beyond float32 is also beyond the integer range
        scaled = np.array(real, np.float32)
        scaled /= np.float32(affine.scale)
    low, high = affine.limits
    # clip to one step more than the range, because infinity would break the arithmetic below; what
    # is left is below 2^18, where float32 holds each integer and each sum with a zero point
    np.clip(scaled, low - affine.zero_point - 1, high - affine.zero_point + 1, out=scaled)
    steps = round_half_away(scaled)
    steps += np.float32(affine.zero_point)
    integers: NDArray[np.integer] = np.clip(steps, low, high).astype(affine.dtype)
    return integers


def dequantize(integers: NDArray[np.integer], affine: Affine) -> NDArray[np.float32]:
    """Return the float32 values, of the same shape, that the integers represent."""
    steps = integers.astype(np.int32) - np.int32(affine.zero_point)
    return steps.astype(np.float32) * np.float32(affine.scale)


def saturation(activation: str, dtype: str) -> float:
    """Return the |input| of a sigmoid or tanh beyond which its quantized output is saturated.

    Beyond this input, the result is within half a step of its limit. The steps are 1/256 (sigmoid)
    and 1/128 (tanh) for int8, and 1/32768 for int16.

        1 − σ(x) = step/2  at  x = ln(2/step − 1);    1 − tanh(x) = step/2  at  x = ½ ln(4/step − 1)

    Args:
        activation: `sigmoid` or `tanh`; any other activation does not saturate: infinity.
        dtype: `int8` or `int16`.
    """
    if activation == "sigmoid":
        return math.log(2 / (1 / 256 if dtype == "int8" else 1 / 32768) - 1)
    if activation == "tanh":
        return math.log(4 / (1 / 128 if dtype == "int8" else 1 / 32768) - 1) / 2
    return math.inf
