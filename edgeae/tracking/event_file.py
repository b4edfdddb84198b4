"""TensorBoard's event files: records of TFRecord that hold messages of protobuf.

`tf.summary` needs the package tensorboard, which TensorFlow does not bring; the bytes need neither.
Sources: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto,
tensorflow/core/framework/summary.proto, tensorboard/plugins/hparams/plugin_data.proto and
google/protobuf/struct.proto.
"""

import struct
from collections.abc import Mapping

from edgeae.formats.onnx.protobuf_writer import double, integer, message, single, text

#: What an event's bytes begin with: its time, field 1, as a `double`.
_TIMED = len(double(1, 0.0))
#: A record: length, checksum of the length, data, checksum of the data.
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
#: The polynomial of CRC-32C, reflected.
_POLYNOMIAL = 0x82F63B78
_HPARAMS = "hparams"
#: `DT_FLOAT`, and `SessionLog.START`.
_FLOAT, _START = 1, 1


def version() -> bytes:
    """Return the event that a file begins with, without its time."""
    return text(3, "brain.Event:2")


def start() -> bytes:
    """Return the event of a start, without its time: a TensorBoard that runs forgets all points."""
    return message(7, integer(1, _START))


def scalars(step: int, values: Mapping[str, float]) -> bytes:
    """Return the event of several figures of one step, without its time.

    Args:
        step: the step, 1 or more.
        values: name → value, which becomes a float32.
    """
    summary = [message(1, text(1, name), single(2, value)) for name, value in values.items()]
    return integer(2, step) + message(5, *summary)


def hyperparameters(values: Mapping[str, str | float | bool]) -> bytes:
    """Return the event that says with which settings a run was started, without its time."""
    pairs = [message(1, text(1, key), message(2, _value(item))) for key, item in values.items()]
    # HParamsPluginData{version 0, session_start_info{hparams …}}
    content = message(3, *pairs)
    plugin = message(1, text(1, _HPARAMS), text(2, content))
    nothing = message(8, integer(1, _FLOAT), message(2))  # a tensor without values
    value = message(1, text(1, "_hparams_/session_start_info"), nothing, message(9, plugin))
    return message(5, value)


def _value(item: str | float | bool) -> bytes:
    """Return a field of `google.protobuf.Value`."""
    if isinstance(item, bool):
        return integer(4, int(item))
    return text(3, item) if isinstance(item, str) else double(2, item)


def record(time: float, event: bytes) -> bytes:
    """Return the record of an event.

    Args:
        time: seconds since 1970.
        event: the event without its time.
    """
    data = double(1, time) + event
    length = _LENGTH.pack(len(data))
    return length + _checksum(length) + data + _checksum(data)


def events(content: bytes) -> list[bytes] | None:
    """Return the events of a file without their times; None if the file is damaged or cut off."""
    found = []
    start = 0
    while start < len(content):
        data = start + _LENGTH.size + _CHECKSUM.size
        length = content[start : start + _LENGTH.size]
        if len(content) < data or content[start + _LENGTH.size : data] != _checksum(length):
            return None
        end = data + _LENGTH.unpack(length)[0]
        if content[end : end + _CHECKSUM.size] != _checksum(content[data:end]):
            return None
        found.append(content[data + _TIMED : end])
        start = end + _CHECKSUM.size
    return found


def _checksum(data: bytes) -> bytes:
    """Return the masked CRC-32C of a record's length or data."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    # a rotation and an addition: "masked", as data often holds checksums
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))
