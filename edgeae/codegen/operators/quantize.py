"""QUANTIZE: from float32 to integers, or to integers of another type or scale."""

import math
from collections.abc import Sequence

import numpy as np

from edgeae.codegen.operands import has_grid
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.rescale import twice
from edgeae.codegen.step import Alias, Step
from edgeae.formats.tflite.graph import Tensor

_BYTES = ("int8", "uint8")


def known_types(operation: Operation) -> bool:
    """Float32 becomes int8, uint8 or int16; int8, uint8: int8 or uint8; int16: int8 or int16."""
    target = operation.output().dtype
    return target in {
        "float32": ("int8", "uint8", "int16"),
        "int16": ("int8", "int16"),
        "int8": _BYTES,
        "uint8": _BYTES,
    }.get(operation.input().dtype, ())


def per_tensor(operation: Operation) -> bool:
    """Each integer tensor has one scale above 0 and a zero point of its type."""
    tensors = [operation.input(), operation.output()]
    return all(has_grid(item) for item in tensors if item.dtype != "float32")


def symmetric(operation: Operation) -> bool:
    """The zero points are 0 where int16 becomes int16."""
    tensors = operation.input(), operation.output()
    return any(item.dtype != "int16" for item in tensors) or not any(map(zero_point, tensors))


def activation(operation: Operation) -> bool:
    """The input is not a constant."""
    return operation.constant(0) is None


CONSTRAINTS = (known_types, per_tensor, symmetric, activation)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    source = operation.input().dtype
    if source == "float32":
        return [_from_float(operation)]
    return [_from_int16(operation) if source == "int16" else _from_bytes(operation)]


def _from_float(operation: Operation) -> Step:
    target = operation.output()
    limits = np.iinfo(target.dtype)
    members = {
        "size": math.prod(target.shape),
        "scale": scale(target),
        "zero_point": zero_point(target),
        "low": int(limits.min),
        "high": int(limits.max),
    }
    wide = target.dtype == "int16"
    return Step(
        f"quantize_float32_{16 if wide else 8}",
        (operation.inputs[0],),
        operation.outputs[0],
        members,
        in_place=not wide,  # bytes may be written over floats that were read, int16 may not
        operator=operation.index,
    )


def _rescale(operation: Operation) -> tuple[int, int]:
    source, target = operation.input(), operation.output()
    limits = np.iinfo(source.dtype)
    ends = (int(end) - zero_point(source) for end in (limits.min, limits.max))
    return twice(scale(source) / scale(target), max(map(abs, ends)))


def _from_int16(operation: Operation) -> Step:
    multiplier, shift = _rescale(operation)
    members = {
        "size": math.prod(operation.output().shape),
        "input_zero_point": zero_point(operation.input()),
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": zero_point(operation.output()),
    }
    return _in_place(operation, f"requantize_int16_{operation.output().dtype}", members)


def _from_bytes(operation: Operation) -> Step:
    source, target = operation.input(), operation.output()
    points = _byte_zero_point(source), _byte_zero_point(target)
    size = math.prod(target.shape)
    if source.dtype != target.dtype and source.scales == target.scales and points[0] == points[1]:
        return _in_place(operation, "flip", {"size": size})
    multiplier, shift = _rescale(operation)
    members = {
        "size": size,
        "input_flip": flip(source),
        "input_zero_point": points[0],
        "multiplier": multiplier,
        "shift": shift,
        "output_flip": flip(target),
        "output_zero_point": points[1],
    }
    return _in_place(operation, "requantize_8", members)


def flip(tensor: Tensor) -> int:
    """Return the bits to flip in an int8 or uint8 so that the order is that of bytes."""
    return 128 if tensor.dtype == "int8" else 0


def _byte_zero_point(tensor: Tensor) -> int:
    return zero_point(tensor) + flip(tensor)


def _in_place(operation: Operation, kernel: str, members: dict[str, int]) -> Step:
    inputs = (operation.inputs[0],)
    return Step(
        kernel, inputs, operation.outputs[0], members, in_place=True, operator=operation.index
    )
