"""Prepare standard output and error for the cases that they are closed, full or unread."""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from edgeae.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


#: Descriptor → mode in which it is opened on the null device if it is closed. Otherwise the next
#: opened file would get its number, and the output of libraries would go into that file. Standard
#: output is opened for reading, so that writing to it still fails.
_CLOSED = {0: os.O_RDONLY, 1: os.O_RDONLY, 2: os.O_WRONLY}


def prepare() -> None:
    """Replace the streams: unwritable results raise one clear error; messages may be dropped."""
    for descriptor, flags in _CLOSED.items():
        if _is_closed(descriptor):
            os.open(os.devnull, flags)  # takes the lowest free number, which is this one
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
    """Return a text stream on `raw` with the encoding and settings of the stream it replaces."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=replaced.encoding if replaced else "utf-8",
        errors=replaced.errors if replaced else "backslashreplace",
        line_buffering=True,
    )


class _Results(io.FileIO):
    """Standard output: raises the first failure; the content still buffered then is dropped."""

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
    """Standard error: drops what cannot be written, without an effect on the exit code."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes
