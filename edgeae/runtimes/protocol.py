"""What a runtime is: the seam between edgeae and an engine."""

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact

__all__ = ["Device", "Runtime", "Session"]


@dataclass(frozen=True)
class Device:
    """What a runtime computes on.

    Attributes:
        name: as the system gives it.
        software: whether it is emulated on the processor: good for correctness, not for latency.
    """

    name: str
    software: bool = False


class Session(Protocol):
    """A loaded model. Not for sharing between threads."""

    @property
    def note(self) -> str:
        """What a reader of a figure should know, such as operators left to another engine.

        Asked for once the first answer was timed: finding it out may take as long as loading.

        Raises:
            NotMeasured: the runtime's name would promise what it did not do.
        """

    def run(self, x: NDArray[Any], /) -> NDArray[Any]:
        """Run one batch in the artifact's own element types: the only call that is ever timed.

        It copies the input in and reads the output out, for every engine alike, and returns when
        the answer is in host memory. The result is the caller's to keep.

        What it adds in Python to the engine's own calls is a part of every figure. A call may take
        a microsecond, so sessions make it a closure: a method that looks up five attributes adds
        twice as much.
        """

    def close(self) -> None:
        """Release the model."""


class Runtime(Protocol):
    """An engine with its kernels and device."""

    @property
    def formats(self) -> tuple[str, ...]:
        """The artifact formats it opens."""

    @property
    def answers(self) -> bool:
        """Whether its outputs mean anything; False for the null runtime alone."""

    def version(self) -> str:
        """Return the engine's version: the receipt that it is available.

        Raises:
            RuntimeUnavailable: the engine or its hardware is absent; with the remedy.
        """

    def device(self) -> Device:
        """Return the device it runs on."""

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> Session:
        """Load a model for calls of `batch` examples each.

        Raises:
            BadInput: the engine refuses the file; says why.
            NotMeasured: the file cannot be called with that batch.
        """

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> Session:
        """Load one operator that computes next to nothing between the same edges.

        What a call of it takes is what a call costs before any arithmetic: the harness, the
        engine's own dispatch, the copies in and out. Its edges are flat: (batch, values).
        """
