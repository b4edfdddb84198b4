"""What a runtime is: the seam between edgeae and an engine."""

from typing import Any, Protocol

from numpy.typing import NDArray

from edgeae.program import Program

__all__ = ["Runtime", "Session"]


class Session(Protocol):
    """A loaded model. Not for sharing between threads."""

    @property
    def note(self) -> str:
        """What a reader of a figure should know, such as operators left to another engine."""

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """Run one batch in the artifact's own element types: the only call that is ever timed.

        It copies the input in and reads the output out, for every engine alike, and returns when
        the answer is in host memory. The result is the caller's to keep.
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

    def device(self) -> str:
        """Return the device it runs on, by name."""

    def open(self, program: Program, threads: int) -> Session:
        """Load a model.

        Raises:
            BadInput: the engine refuses the file; says why.
        """
