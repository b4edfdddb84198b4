"""Writes protobuf's wire format without a library: a device may lack the package onnx.

TensorBoard's event files are written with it, too.

Fields are written in the given order. If the field numbers ascend, the bytes equal those that
protobuf itself writes. See https://protobuf.dev/programming-guides/encoding/.
"""

import struct

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def integer(field: int, value: int) -> bytes:
    """Return an `int64` or enum field.

    Raises:
        ValueError: the value is negative; edgeae writes no negative values.
    """
    return _varint(field << 3 | _VARINT) + _varint(value)


def double(field: int, value: float) -> bytes:
    """Return a `double` field."""
    return _varint(field << 3 | _FIXED64) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """Return a `float` field: the value is rounded to float32.

    Raises:
        OverflowError: the value is beyond float32's range.
    """
    return _varint(field << 3 | _FIXED32) + struct.pack("<f", value)


def text(field: int, value: str | bytes) -> bytes:
    """Return a `string` or `bytes` field."""
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | _LENGTH) + _varint(len(content)) + content


def message(field: int, *fields: bytes) -> bytes:
    """Return a field whose value is a message of `fields`."""
    return text(field, b"".join(fields))


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"a varint of {value}")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
