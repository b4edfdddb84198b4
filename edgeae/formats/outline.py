"""Checks the outline of a large model file without reading all of it.

A file of two gigabytes may begin like a model and have no model in it. The check follows the tables
(TFLite) or messages (ONNX) of the first levels in the memory-mapped file, which touches only a few
pages of it.
"""

import mmap
from collections.abc import Iterator
from io import BufferedReader

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph as tflite
from edgeae.reading import files

#: A model has a few fields, and its graph a few for each operator and constant.
_MOST_FIELDS = 1_000_000
#: `ModelProto.graph`; `GraphProto.node` and `.initializer` (onnx/onnx.proto).
_GRAPH, _MEMBERS = 7, (1, 5)
_VARINT, _EIGHT_BYTES, _MESSAGE, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10


def check(stream: BufferedReader, form: str, origin: str) -> None:
    """Check that a large file can be a model; smaller files are checked by their readers.

    Args:
        stream: the opened file; afterwards it is at its start.
        form: `tflite` or `onnx`.
        origin: name of the file, for the error message.

    Raises:
        BadInput: the file's tables or messages do not fit into one another.
    """
    if stream.seek(0, 2) >= files.LARGE_BYTES:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if form == "tflite":
                tflite.check(content, origin)
            else:
                _check_onnx(content, origin)
    stream.seek(0)


def _check_onnx(content: mmap.mmap, origin: str) -> None:
    try:
        for number, start, end in _fields(content, 0, len(content)):
            if number == _GRAPH:
                for member, first, last in _fields(content, start, end):
                    if member in _MEMBERS:
                        sum(1 for _ in _fields(content, first, last))
    except ValueError as error:
        raise BadInput(f"{origin}: not an ONNX model, or a damaged one ({error})") from None


def _fields(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number, start and end of each field of a message.

    Source of the wire format: https://protobuf.dev/programming-guides/encoding.

    Raises:
        ValueError: a field has an unknown type or ends outside the message, or there are too many.
    """
    for _ in range(_MOST_FIELDS):
        if at == end:
            return
        tag, start = _varint(content, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            at = _varint(content, start, end)[1]
        elif kind == _MESSAGE:
            length, start = _varint(content, start, end)
            at = start + length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at = start + (8 if kind == _EIGHT_BYTES else 4)
        else:
            raise ValueError(f"a field of type {kind} at byte {start}")
        if number == 0 or at > end:
            raise ValueError(f"a field {number} that ends at byte {at} of {end}")
        yield number, start, at
    raise ValueError(f"more than {_MOST_FIELDS:,} fields")


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Return a varint (7 bits per byte, least significant first) and the offset where it ends."""
    value = 0
    for place, byte in enumerate(content[at : min(end, at + _LONGEST_VARINT)]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(f"a varint at byte {at} does not end")
