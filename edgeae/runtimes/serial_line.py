"""A serial line to a board: the port's settings, and requests with their answers in time."""

import contextlib
import errno
import termios
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edgeae.errors import BadInput, Busy, EdgeaeError, RuntimeCrashed, RuntimeUnavailable
from edgeae.runtimes.serial_protocol import (
    ANSWER,
    HELLO,
    PROTOCOL,
    REASONS,
    REFUSED,
    RUN,
    WRONG_CHECKSUM,
    Frame,
    Frames,
    HeldPart,
    Hello,
    framed,
    hello_of,
    protocol_of,
    ran,
    run_payload,
)
from edgeae.system.extras import lacking

#: Bits of a byte on the line: start, eight, stop.
_BITS = 10
#: A byte may be escaped: two on the line.
_ESCAPED = 2
#: Bytes of a frame beside a part's input or output, and of the longest hello that is waited for.
_FRAME_BYTES, _HELLO_BYTES = 32, 1024
#: Longest frame that is not noise: the largest output of a model that fits into a board.
_MOST_BYTES = 1 << 24
#: A board that restarts when its port is opened is greeted again after as many seconds.
_GREETING_S = 0.5
#: How often a request is sent if the line garbles it or its answer.
_ATTEMPTS = 3
#: Seconds that one read of the port waits at most.
_READ_S = 0.1


@dataclass(frozen=True)
class Line:
    """A serial line.

    Attributes:
        port: name of the port, such as `/dev/ttyACM0`.
        baud: bits per second.
        answer_s: seconds within which the board has to begin an answer.
    """

    port: str
    baud: int = 115_200
    answer_s: float = 10.0

    def seconds(self, count: int) -> float:
        """Return the longest time that a number of bytes takes on the line."""
        return count * _BITS * _ESCAPED / self.baud


class Ran(NamedTuple):
    """An answer to a run.

    Attributes:
        ticks: of all repeats.
        output: the output's bytes.
        seconds: from the request to the end of the answer, on this machine's clock.
    """

    ticks: int
    output: bytes
    seconds: float


def line_of(job: Mapping[str, Any]) -> Line | None:
    """Return the line in a child's job; None if it has none."""
    table = job.get("line")
    return None if table is None else Line(**table)


class Connection:
    """An open line to a board that has said hello.

    Raises (in all methods):
        RuntimeCrashed: the board is silent, late, or sends what is no right answer.
    """

    def __init__(self, line: Line) -> None:
        """Open the port and greet the board.

        Raises:
            BadInput: the port does not exist, is no port, or may not be opened.
            Busy: another program has it.
            RuntimeUnavailable: pyserial is missing, or the board speaks another protocol.
        """
        self._line = line
        self._port = _opened(line)
        self._frames = Frames(_MOST_BYTES)
        self._number = 0
        try:
            self.hello: Hello = self._greeted()
        except EdgeaeError:
            self.close()
            raise
        most = max((part.input_bytes for part in self.hello.parts), default=0)
        with _unbroken(line):
            self._port.write_timeout = line.answer_s + line.seconds(most + _FRAME_BYTES)

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def run(self, part: HeldPart, repeats: int, values: bytes) -> Ran:
        """Let the board run a part.

        Args:
            part: one of the board's parts.
            repeats: how often; 0 only moves input and output over the line.
            values: the input, `part.input_bytes` bytes.
        """
        payload = run_payload(self.hello.parts.index(part), repeats, values)
        moved = len(payload) + part.output_bytes + 2 * _FRAME_BYTES
        frame, seconds = self._asked(RUN, payload, self._line.seconds(moved))
        try:
            ticks, output = ran(frame.payload)
        except ValueError as error:
            raise self._failure(f"a damaged answer to a run: {error}") from None
        if len(output) != part.output_bytes:
            given = f"{len(output)} bytes of output"
            raise self._failure(f"{given}; its {part.name} has {part.output_bytes}")
        return Ran(ticks, output, seconds)

    def _greeted(self) -> Hello:
        """Say hello until the board answers; it may be starting."""
        moving_s = self._line.seconds(_HELLO_BYTES)
        within_s = max(self._line.answer_s, _GREETING_S + moving_s)
        deadline = time.monotonic() + within_s
        numbers: set[int] = set()
        while time.monotonic() < deadline:
            numbers.add(self._send(HELLO, bytes([PROTOCOL])))
            until = min(deadline, time.monotonic() + _GREETING_S + moving_s)
            for frame in self._frames_until(until, moving_s):
                if frame.kind == HELLO + ANSWER and frame.number in numbers:
                    return self._understood(frame)
        raise self._failure(self._silence(within_s))

    def _understood(self, frame: Frame) -> Hello:
        try:
            spoken = protocol_of(frame.payload)
            if spoken != PROTOCOL:
                raise RuntimeUnavailable(
                    f"{self._line.port}: the board speaks protocol {spoken}, this edgeae speaks "
                    f"{PROTOCOL}",
                    "embed the model again and flash the board",
                )
            return hello_of(frame.payload)
        except ValueError as error:
            raise self._failure(f"a damaged hello: {error}") from None

    def _silence(self, within_s: float) -> str:
        """Return what is wrong with a board that did not say hello."""
        received = self._frames.received
        if not received:
            return (
                f"silent: no byte within {within_s:.1f} s; does the board run firmware with "
                "edgeae_serial.c, on this port?"
            )
        return (
            f"noise: {received:,} bytes and no right hello within {within_s:.1f} s; is --baud "
            f"{self._line.baud} the firmware's?"
        )

    def _asked(self, kind: int, payload: bytes, moving_s: float) -> tuple[Frame, float]:
        """Send a request, again if the line garbled it, and return the answer and its seconds.

        Args:
            kind: kind of the request.
            payload: its payload.
            moving_s: longest time of request and answer on the line.
        """
        numbers: set[int] = set()
        for _ in range(_ATTEMPTS):
            numbers.add(self._send(kind, payload))
            sent = time.perf_counter()
            frame = self._answer(kind, numbers, moving_s)
            if frame is not None:
                return frame, time.perf_counter() - sent
        raise self._failure(f"noise: {_ATTEMPTS} requests or answers in a row had a wrong checksum")

    def _answer(self, kind: int, numbers: Container[int], moving_s: float) -> Frame | None:
        """Return the answer; None if request or answer was garbled, so that it is worth another."""
        within_s, broken = self._line.answer_s + moving_s, self._frames.broken
        for frame in self._frames_until(time.monotonic() + within_s, moving_s):
            if frame.kind == REFUSED and frame.payload[:1] == bytes([WRONG_CHECKSUM]):
                return None
            if frame.number in numbers:  # all others are late answers to earlier requests
                return self._right(kind, frame)
        if self._frames.broken == broken:
            raise self._failure(f"late: no answer within {within_s:.1f} s (--answer-within)")
        return None

    def _right(self, kind: int, frame: Frame) -> Frame:
        if frame.kind == kind + ANSWER:
            return frame
        why = f"a refusal: {_reason(frame.payload)}" if frame.kind == REFUSED else "another answer"
        raise self._failure(why)

    def _frames_until(self, deadline: float, moving_s: float) -> Iterator[Frame]:
        """Yield frames as they arrive, until a time of `monotonic`.

        A garbled frame may be the one that is waited for, or a text of the firmware before it: the
        time that is left then is only what an answer takes on the line.
        """
        while time.monotonic() < deadline:
            with _unbroken(self._line):
                chunk = self._port.read(max(1, self._port.in_waiting))
            for frame in self._frames.feed(chunk):
                if frame is None:
                    deadline = min(deadline, time.monotonic() + _GREETING_S + moving_s)
                else:
                    yield frame

    def _send(self, kind: int, payload: bytes) -> int:
        """Send a request and return its number."""
        self._number = (self._number + 1) % 256
        with _unbroken(self._line):
            # no wait until it is sent: a board that hangs may never take it
            self._port.write(framed(kind, self._number, payload))
        return self._number

    def _failure(self, why: str) -> RuntimeCrashed:
        return RuntimeCrashed(f"{self._line.port}: {why}")


def _reason(payload: bytes) -> str:
    code = payload[0] if payload else 0
    return REASONS.get(code, f"reason {code}")


@contextlib.contextmanager
def _unbroken(line: Line) -> Iterator[None]:
    """Turn the errors of an open port into an error of the board."""
    try:
        yield
    except (OSError, termios.error) as error:
        raise RuntimeCrashed(
            f"{line.port}: the line broke: is the board still connected? ({error})"
        ) from None


def pyserial_version() -> str:
    """Return the version of pyserial.

    Raises:
        RuntimeUnavailable: it is not installed.
    """
    return str(_pyserial().__version__)


def _pyserial() -> Any:
    try:
        import serial
    except ImportError:
        raise lacking("a board's serial line takes the package pyserial", "board") from None
    return serial


def _opened(line: Line) -> Any:
    """Open a port, which no other program may have open then."""
    serial = _pyserial()
    seconds = line.answer_s + line.seconds(_HELLO_BYTES)
    try:
        return serial.Serial(
            line.port, line.baud, timeout=_READ_S, write_timeout=seconds, exclusive=True
        )
    except ValueError as error:
        raise BadInput(f"--baud {line.baud}: not possible on {line.port}: {error}") from None
    except OSError as error:
        raise _refusal(line.port, error) from None


def _refusal(port: str, error: OSError) -> EdgeaeError:
    """Return why a port cannot be opened."""
    if error.errno == errno.ENOENT or not Path(port).exists():
        there = ", ".join(ports()) or "none"
        return BadInput(f"--port {port}: there is no such port (there are: {there})")
    if error.errno in (errno.EACCES, errno.EPERM):
        return BadInput(
            f"--port {port}: no permission; `sudo usermod -aG dialout $USER`, then log in again"
        )
    if error.errno in (errno.EAGAIN, errno.EBUSY):
        return Busy(f"--port {port}: another program has it open")
    return BadInput(f"--port {port}: no serial port: {error.strerror or error}")


def ports() -> list[str]:
    """Return the names of this machine's serial ports that belong to a device.

    Raises:
        RuntimeUnavailable: pyserial is not installed.
    """
    _pyserial()
    from serial.tools import list_ports

    return sorted(str(item.device) for item in list_ports.comports() if item.hwid != "n/a")
