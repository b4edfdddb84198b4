"""A board on a pseudo-terminal, which answers as the firmware does or misbehaves.

The protocol is written here again, byte by byte as the guide has it: no code of edgeae is used.
The answers are those of LiteRT's reference kernels.
"""

import hashlib
import os
import select
import struct
import threading
import time
import tty
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

#: Seconds that a late board waits, and that one takes to start.
LATE_S, START_S = 1.0, 0.7
#: Seconds of one call, by sleeping.
CALL_S = 0.002
CYCLE, TIMER, EMULATED = 1, 2, 3


class _Part:
    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.hash = name, hashlib.sha256(content).digest()[:8]
        self._model = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        self._model.allocate_tensors()
        (self._input,), (self._output,) = (
            self._model.get_input_details(),
            self._model.get_output_details(),
        )
        self.sizes = [
            int(np.prod(edge["shape"])) * np.dtype(edge["dtype"]).itemsize
            for edge in (self._input, self._output)
        ]

    def run(self, given: bytes) -> bytes:
        values = np.frombuffer(given, self._input["dtype"]).reshape(self._input["shape"])
        self._model.set_tensor(self._input["index"], values)
        self._model.invoke()
        return self._model.get_tensor(self._output["index"]).tobytes()


class Board:
    """A board that does one thing right or wrong; see `_answer`."""

    def __init__(
        self, parts: Mapping[str, bytes], does: str, kind: int, bits: int, hz: int, repeats_s: float
    ) -> None:
        self._parts = [_Part(name, content) for name, content in parts.items()]
        self._does, self._clock, self._call_s = does, (kind, bits, hz), repeats_s
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.requests: list[tuple[int, bytes]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._started = time.monotonic()

    def __enter__(self) -> "Board":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._does != "unplugged":
            self._unplug()

    def _unplug(self) -> None:
        os.close(self._master)
        os.close(self._slave)

    def _serve(self) -> None:
        frame, escaped = bytearray(), False
        while not self._ended.is_set():
            if not select.select([self._master], [], [], 0.02)[0]:
                continue
            for byte in os.read(self._master, 4096):
                if byte == 0xC0:
                    if len(frame) >= 6 and not self._taken(bytes(frame)):
                        return
                    frame.clear()
                elif byte == 0xDB:
                    escaped = True
                else:
                    frame.append({0xDC: 0xC0, 0xDD: 0xDB}[byte] if escaped else byte)
                    escaped = False

    def _taken(self, frame: bytes) -> bool:
        """Answer a frame; return False if the board is gone."""
        body, checksum = frame[:-4], struct.unpack("<I", frame[-4:])[0]
        assert checksum == zlib.crc32(body), "the host sent a wrong checksum"
        self.requests.append((body[0], body[2:]))
        return self._answer(body[0], body[1], body[2:])

    def _answer(self, kind: int, number: int, payload: bytes) -> bool:
        does, first = self._does, sum(item[0] == kind for item in self.requests) == 1
        if does == "silent" or (does == "starts" and time.monotonic() < self._started + START_S):
            return True
        if does == "noise":
            os.write(self._master, bytes(np.random.default_rng(1).integers(0, 256, 700, np.uint8)))
            return True
        if does == "text":
            os.write(self._master, b"boot: ok\r\nADC \xc0 ready, \xdb\xdb \xc0 temperature 21\r\n")
        if kind == 1:
            self._send(0x81, number, self._hello())
            return True
        assert kind == 2
        if does == "unplugged":
            self._unplug()
            return False
        if does == "late":
            time.sleep(LATE_S)
        if does == "refuses-once" and first:
            self._send(0xFF, 0, b"\x01")
            return True
        if does == "refuses":
            self._send(0xFF, number, b"\x03")
            return True
        self._run(number, payload, garbled=does == "garbled" or (does == "garbled-once" and first))
        return True

    def _hello(self) -> bytes:
        kind, bits, hz = self._clock
        version = 2 if self._does == "protocol-2" else 1
        text = struct.pack("<BBBBII", version, kind, bits, len(self._parts), hz, 77)
        text += b"\x0bfake board!" + b"\x04tiny"
        for part in self._parts:
            stated = bytes(8) if self._does == "other" else part.hash
            sizes = struct.pack("<II", *part.sizes)
            text += bytes([len(part.name)]) + part.name.encode() + stated + sizes
        return text[:20] if self._does == "short-hello" else text

    def _run(self, number: int, payload: bytes, garbled: bool) -> None:
        place, zero, repeats = struct.unpack_from("<BBI", payload)
        part, given = self._parts[place], payload[6:]
        assert zero == 0 and len(given) == part.sizes[0]
        output = part.run(given)
        begun = time.perf_counter()
        if repeats:
            time.sleep(self._call_s * repeats)
        rate = 1e6 if self._does == "microseconds" else 1e9
        ticks = int((time.perf_counter() - begun) * rate) & ((1 << self._clock[1]) - 1)
        if self._does == "wrong":
            output = bytes([output[0] ^ 0x40]) + output[1:]
        if self._does == "short":
            output = output[:-1]
        if self._does == "stale":  # an answer to the request before, which comes late
            self._send(0x82, (number - 1) % 256, bytes(8) + bytes(255 - byte for byte in output))
        self._send(0x82, number, struct.pack("<Q", ticks if repeats else 0) + output, garbled)

    def _send(self, kind: int, number: int, payload: bytes, garbled: bool = False) -> None:
        body = bytes([kind, number]) + payload
        body += struct.pack("<I", zlib.crc32(body) ^ garbled)
        stuffed = bytearray([0xC0])
        for byte in body:
            stuffed += {0xC0: b"\xdb\xdc", 0xDB: b"\xdb\xdd"}.get(byte, bytes([byte]))
        os.write(self._master, bytes(stuffed) + b"\xc0")


@contextmanager
def board(
    parts: Mapping[str, bytes],
    does: str = "right",
    *,
    kind: int = CYCLE,
    bits: int = 32,
    hz: int = 1_000_000_000,
    call_s: float = CALL_S,
) -> Iterator[Board]:
    """Start a board for a `with` block.

    Args:
        parts: name → `.tflite`.
        does: `right`, or what it does wrong.
        kind: what it says that a tick is; it counts nanoseconds.
        bits: bits of its counter.
        hz: ticks in a second, as it says.
        call_s: seconds of a call.
    """
    with Board(parts, does, kind, bits, hz, call_s) as started:
        yield started
