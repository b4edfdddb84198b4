"""The protocol of runtimes: the interface between edgeae and an engine."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact

__all__ = ["Bulk", "Device", "Runtime", "Session"]


@dataclass(frozen=True)
class Device:
    """The device on which a runtime computes.

    Attributes:
        name: name that the system reports.
        software: whether the device is emulated on the CPU: suitable for correctness, not for
            latency.
        slow: whether an answer takes so long that a few hundred have to do, as over a serial line.
        holds: the first digits of the hashes of the artifacts that it runs; empty if it runs any.
    """

    name: str
    software: bool = False
    slow: bool = False
    holds: tuple[str, ...] = ()


class Session(Protocol):
    """A loaded model; it must not be shared between threads."""

    @property
    def note(self) -> str:
        """A note for readers of a measurement, such as operators that another engine ran; or empty.

        It is read only after the first inference was timed, because computing it may take as long
        as loading.

        Raises:
            NotMeasured: the engine that the runtime is named after ran no operator.
        """

    def run(self, x: NDArray[Any], /) -> NDArray[Any]:
        """Return the output of one batch, in the artifact's element types; the only timed call.

        For every engine, it copies the input to the engine and the output to host memory. The
        engine does not reuse the memory of the result.

        The Python code of this function is part of every measurement. A call may take a
        microsecond, so sessions make it a closure: a method that looks up five attributes adds
        twice as much time.
        """

    def close(self) -> None:
        """Free the model."""


@runtime_checkable
class Bulk(Protocol):
    """A session whose call takes many examples, each as if in a call of its own.

    Attributes:
        bulk: the most examples of one call.
    """

    bulk: int


class Runtime(Protocol):
    """An engine with its kernels and device."""

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of the artifacts that the runtime opens."""

    @property
    def answers(self) -> bool:
        """Whether the outputs are results of the model; only the null runtime has False."""

    def version(self) -> str:
        """Return the engine's version, which proves that the engine is available.

        Raises:
            RuntimeUnavailable: the engine or its hardware is missing; the message has a remedy.
        """

    def device(self) -> Device:
        """Return the device that the runtime uses."""

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> Session:
        """Return a session of a model for calls of `batch` examples each.

        Raises:
            BadInput: the engine cannot open the file; the message has the reason.
            NotMeasured: the file does not support that batch.
        """

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> Session:
        """Return a session of the passthrough model with the inputs and outputs of an artifact.

        The time of its call is the overhead of a call without arithmetic: the harness, the engine's
        dispatch, and the copies of input and output. Both have the shape (batch, values).
        """
