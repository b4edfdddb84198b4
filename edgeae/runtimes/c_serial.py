"""The runtime `c-serial`: the generated C on a real board, which answers over a serial line.

It runs only if `edgeae verify` or `edgeae bench` name its port. A process opens the port once,
because opening it restarts many boards.
"""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.runtimes.protocol import Device
from edgeae.runtimes.serial_line import Connection, Line, Ran, ports, pyserial_version
from edgeae.runtimes.serial_protocol import (
    CYCLE,
    EMULATED,
    HASH_BYTES,
    NONE,
    PROTOCOL,
    TIMER,
    HeldPart,
    Hello,
)

#: What the ticks of a counter are called.
UNITS = {CYCLE: "cycles", TIMER: "ticks of a timer", EMULATED: "ticks of an emulator"}
#: Digits of a hash that a board states.
_DIGITS = 2 * HASH_BYTES


class BoardSession:
    """A part on a board.

    Attributes:
        hello: what the board says of itself.
    """

    def __init__(self, connection: Connection, part: HeldPart, artifact: Artifact) -> None:
        self.hello = connection.hello
        self._connection, self._part, self._output = connection, part, artifact.output
        self._ticks: list[int] = []

    @property
    def note(self) -> str:
        """What a call takes on the board, by the board's own counter."""
        if not self._ticks or self.hello.tick == NONE:
            return ""
        each = round(statistics.median(self._ticks))
        return f"{each:,} {UNITS[self.hello.tick]} a call on {self.hello.board}"

    def run(self, x: NDArray[Any], /) -> NDArray[Any]:
        """Run examples (n, …), one after the other."""
        outputs = []
        for example in x:
            output, done = self.count(example, 1)
            self._ticks.append(done.ticks)
            outputs.append(output)
        return np.stack(outputs)

    def count(self, example: NDArray[Any], repeats: int) -> tuple[NDArray[Any], Ran]:
        """Run one example several times; return its output, and the answer with the ticks.

        Raises:
            RuntimeCrashed: the board is silent, late, or sends what is no right answer.
        """
        done = self._connection.run(self._part, repeats, np.ascontiguousarray(example).tobytes())
        output = np.frombuffer(done.output, self._output.dtype)
        return output.reshape(self._output.values), done

    def close(self) -> None:
        """Leave the line open for the next part."""


class _CSerial:
    formats: tuple[str, ...] = ("tflite",)
    answers = True

    def __init__(self, line: Line | None = None) -> None:
        self._line = line
        self._connection: Connection | None = None

    def on(self, line: Line) -> "_CSerial":
        """Return the runtime on a line."""
        return _CSerial(line)

    def version(self) -> str:
        self._connected()
        return f"protocol {PROTOCOL}, pyserial {pyserial_version()}"

    def device(self) -> Device:
        hello = self._connected().hello
        return Device(
            hello.board,
            software=hello.tick == EMULATED,
            slow=True,
            holds=tuple(part.sha256 for part in hello.parts),
        )

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> BoardSession:
        if batch != 1:
            raise NotMeasured(f"{program.path}: a board runs one example a call, not {batch}")
        connection = self._connected()
        part = _held(connection.hello, program)
        _check_sizes(part, program)
        return BoardSession(connection, part, program.artifact)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> BoardSession:
        raise NotMeasured("c-serial: a board counts on its own; no call of this machine is timed")

    def _connected(self) -> Connection:
        if self._line is None:
            found = ", ".join(ports()) or "none"
            raise RuntimeUnavailable(
                f"no port is named (on this machine: {found})",
                "edgeae verify and edgeae bench take --port PORT",
            )
        if self._connection is None:
            self._connection = Connection(self._line)
        return self._connection


def is_held(artifact: Artifact, holds: Sequence[str]) -> bool:
    """Return whether a board holds an artifact, by the hashes that it states."""
    return artifact.sha256[:_DIGITS] in holds


def _held(hello: Hello, program: VerifiedArtifact) -> HeldPart:
    """Return the board's part that is an artifact.

    Raises:
        ManifestMismatch: the board runs another model.
        NotMeasured: the board has no such part of this model.
    """
    mine, name = program.artifact.sha256[:_DIGITS], program.artifact.part
    found = next((part for part in hello.parts if part.sha256 == mine), None)
    if found is not None:
        return found
    there = next((part for part in hello.parts if part.name == name), None)
    if there is None and hello.parts:
        names = ", ".join(part.name for part in hello.parts)
        raise NotMeasured(f"{program.path}: {hello.board} has only {names} of {hello.model}")
    theirs = "nothing" if there is None else there.sha256
    raise ManifestMismatch(
        f"{program.path}: the board {hello.board} runs another {name}, of {hello.model}: its hash "
        f"is {theirs}, the file's is {mine}"
    )


def _check_sizes(part: HeldPart, program: VerifiedArtifact) -> None:
    artifact = program.artifact
    sizes = tuple(
        int(np.prod(spec.values)) * np.dtype(spec.dtype).itemsize
        for spec in (artifact.input, artifact.output)
    )
    if sizes != (part.input_bytes, part.output_bytes):
        raise ManifestMismatch(
            f"{program.path}: {sizes[0]} bytes in and {sizes[1]} out; the board's {part.name} "
            f"takes {part.input_bytes} and gives {part.output_bytes}"
        )


SERIAL = _CSerial()
