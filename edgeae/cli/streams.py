"""Standard output and error, whatever the caller has made of them: closed, full, nobody's."""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from edgeae.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


#: Closed descriptors are opened on the null device: the next file that is opened would take their
#: numbers, and what a library prints would go into that file. Output is opened so that writing to
#: it still fails.
_CLOSED = {0: os.O_RDONLY, 1: os.O_RDONLY, 2: os.O_WRONLY}


def prepare() -> None:
    """Let results that cannot be written fail once, by name, and drop talk that cannot be."""
    for descriptor, flags in _CLOSED.items():
        if _is_closed(descriptor):
            os.open(os.devnull, flags)  # which takes the lowest number that is free
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(sys.stdout, _Results(1, "w", closefd=False))
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(sys.stderr, _Talk(2, "w", closefd=False))


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def _text(replaced: TextIO | None, raw: io.RawIOBase) -> TextIO:
    """Return a stream that writes as the one it replaces; None if that was closed."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=replaced.encoding if replaced else "utf-8",
        errors=replaced.errors if replaced else "backslashreplace",
        line_buffering=True,
    )


class _Results(io.FileIO):
    """Standard output: the first failure is raised; what is still buffered then goes nowhere."""

    _failed = False

    def write(self, content: "ReadableBuffer", /) -> int:
        if self._failed:
            return memoryview(content).nbytes
        try:
            return super().write(content)
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise
            raise BadInput(f"standard output: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return "closed" if error.errno == errno.EBADF else str(error.strerror)


class _Talk(io.FileIO):
    """Standard error: what cannot be written is dropped, and changes no command's outcome."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes
