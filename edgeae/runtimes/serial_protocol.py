"""The protocol between this machine and a board on a serial line, as bytes.

A frame is SLIP (RFC 1055): END, then kind, number, payload and CRC-32 with END and ESCAPE escaped,
then END. Whole numbers are little-endian. `docs/guides/serial.md` has the protocol byte by byte.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

#: Version of the protocol that this edgeae speaks.
PROTOCOL = 1
#: Bytes of the hash of an artifact that a board states.
HASH_BYTES = 8

#: Kinds of requests; an answer has the kind of its request plus `ANSWER`.
HELLO, RUN, ANSWER = 0x01, 0x02, 0x80
#: Kind of the answer to a request that the board refuses.
REFUSED = 0xFF
#: The reason of a refusal that is worth another attempt: the request's checksum was wrong.
WRONG_CHECKSUM = 1
#: Why a board refuses a request.
REASONS = {
    WRONG_CHECKSUM: "the request's checksum is wrong",
    2: "it knows no such request",
    3: "it has no such part",
    4: "the request has a wrong length",
}

#: What a tick of the board's counter is.
NONE, CYCLE, TIMER, EMULATED = "none", "cycle", "timer", "emulated"
_TICKS = (NONE, CYCLE, TIMER, EMULATED)

_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED_END, _ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"
#: Kind and number, and the checksum.
_HEAD, _SUM = 2, 4
_HELLO = struct.Struct("<BBBBII")
_PART = struct.Struct("<II")
_RUN = struct.Struct("<BBI")
_RAN = struct.Struct("<Q")


@dataclass(frozen=True)
class Frame:
    """A frame whose checksum is right."""

    kind: int
    number: int
    payload: bytes


@dataclass(frozen=True)
class HeldPart:
    """A part that a board can run.

    Attributes:
        name: `encoder`, `decoder`, `autoencoder`, or `model` of a bare file.
        sha256: the first bytes of the hash of its `.tflite`, as hexadecimal digits.
        input_bytes, output_bytes: sizes of its input and output.
    """

    name: str
    sha256: str
    input_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class Hello:
    """What a board says of itself.

    Attributes:
        board, model: names of the board and of its model.
        identity: 32-bit hash of the parts' hashes.
        tick: what a tick of its counter is: `none`, `cycle`, `timer` or `emulated`.
        tick_bits: bits of the counter.
        tick_hz: ticks in a second, as the firmware states them.
        parts: the parts, in the order of the board's table.
    """

    board: str
    model: str
    identity: int
    tick: str
    tick_bits: int
    tick_hz: int
    parts: tuple[HeldPart, ...]


def framed(kind: int, number: int, payload: bytes) -> bytes:
    """Return the bytes of a frame."""
    body = bytes([kind, number]) + payload
    body += zlib.crc32(body).to_bytes(_SUM, "little")
    body = body.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
    return _END + body + _END


def run_payload(place: int, repeats: int, values: bytes) -> bytes:
    """Return the payload of a request to run a part.

    Args:
        place: the part's place in the board's table.
        repeats: how often it runs; 0 answers with whatever the output holds.
        values: the input.
    """
    return _RUN.pack(place, 0, repeats) + values


def ran(payload: bytes) -> tuple[int, bytes]:
    """Return (ticks of all repeats, output) of an answer to a run.

    Raises:
        ValueError: the payload is too short.
    """
    if len(payload) < _RAN.size:
        raise ValueError(f"{len(payload)} bytes")
    return int(_RAN.unpack_from(payload)[0]), payload[_RAN.size :]


class Frames:
    """Splits what a board sends into frames; what is no frame is counted and left out.

    Attributes:
        received: number of all bytes.
        broken: number of frames whose checksum is wrong.
    """

    def __init__(self, most: int) -> None:
        """Take frames of at most `most` bytes; longer ones are noise."""
        self._most = most
        self._body = b""
        self.received = 0
        self.broken = 0

    def feed(self, chunk: bytes) -> Iterator[Frame | None]:
        """Yield each frame that `chunk` completes; None for a broken one."""
        self.received += len(chunk)
        *complete, rest = (self._body + chunk).split(_END)
        # one byte more than the most marks a frame that is too long, and no further are kept
        self._body = rest[: 2 * self._most + 1]
        for body in complete:
            if len(body) < _HEAD + _SUM:
                continue  # between two frames, or less than any frame
            frame = _parsed(body, self._most)
            self.broken += frame is None
            yield frame


def _parsed(body: bytes, most: int) -> Frame | None:
    plain = body.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
    content, checksum = plain[:-_SUM], plain[-_SUM:]
    if len(plain) > most or zlib.crc32(content).to_bytes(_SUM, "little") != checksum:
        return None
    return Frame(content[0], content[1], content[_HEAD:])


def protocol_of(payload: bytes) -> int:
    """Return the version of the protocol that a hello states.

    Raises:
        ValueError: the payload is empty.
    """
    if not payload:
        raise ValueError("no bytes")
    return payload[0]


def hello_of(payload: bytes) -> Hello:
    """Return the content of a hello of this protocol's version.

    Raises:
        ValueError: it ends too early, or holds a value that is not allowed.
    """
    try:
        _, tick, bits, count, hz, identity = _HELLO.unpack_from(payload)
        board, place = _text(payload, _HELLO.size)
        model, place = _text(payload, place)
        parts = []
        for _ in range(count):
            part, place = _held(payload, place)
            parts.append(part)
        if not 1 <= bits <= 32:
            raise ValueError(f"a counter of {bits} bits")
        return Hello(board, model, identity, _TICKS[tick], bits, hz, tuple(parts))
    except (struct.error, IndexError) as error:
        raise ValueError(str(error)) from None


def _held(payload: bytes, place: int) -> tuple[HeldPart, int]:
    name, place = _text(payload, place)
    sha256, place = payload[place : place + HASH_BYTES].hex(), place + HASH_BYTES
    return HeldPart(name, sha256, *_PART.unpack_from(payload, place)), place + _PART.size


def _text(payload: bytes, place: int) -> tuple[str, int]:
    """Return a text that its length precedes, and the place behind it; only printable characters.

    Raises:
        IndexError: the payload ends before it.
    """
    end = place + 1 + payload[place]
    if end > len(payload):
        raise IndexError(f"a text of {payload[place]} bytes, {len(payload) - place - 1} are left")
    text = payload[place + 1 : end].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text), end
