"""All errors that a user can see, each with the command's exit code.

EdgeaeError
 ├─ OutOfTolerance       1  a budget, parity or loss tolerance is not met
 ├─ BadInput             2  wrong usage or bad input: names file, key, value, and what is allowed
 │   └─ Busy             2  another process is writing the same bundle
 ├─ NotMeasured          3  inconclusive, or nothing could be measured
 │   └─ RuntimeUnavailable  3  an engine or its hardware is absent; holds the remedy
 ├─ ManifestMismatch     4  an artifact's bytes are not those of its manifest
 ├─ RuntimeCrashed       5  a runtime crashed or hung
 └─ Interrupted        130  Ctrl-C ended the command; the message states which work is kept
"""

import contextlib
import difflib
import errno
import os
from collections.abc import Iterable, Iterator

__all__ = [
    "BadInput",
    "Busy",
    "EdgeaeError",
    "Interrupted",
    "ManifestMismatch",
    "NotMeasured",
    "OutOfTolerance",
    "RuntimeCrashed",
    "RuntimeUnavailable",
    "about",
    "exit_code",
    "named",
    "naming",
    "system_error",
    "unknown",
]

#: If a command has several errors, the first of these codes that occurs is the exit code. An
#: interrupt is not among them, because it ends the command at once.
EXIT_PRIORITY = (4, 5, 2, 1, 3)


class EdgeaeError(Exception):
    """Base class of all errors; `str(error)` is the one line that the user reads."""

    code = 1


class OutOfTolerance(EdgeaeError):
    """A budget, parity or loss tolerance is not met."""

    code = 1


class BadInput(EdgeaeError):
    """Wrong usage or bad input."""

    code = 2


class Busy(BadInput):
    """Another process is writing the same files, or is measuring on this machine."""


class NotMeasured(EdgeaeError):
    """A result is inconclusive, or nothing could be measured."""

    code = 3


class RuntimeUnavailable(NotMeasured):
    """An engine or its hardware is absent.

    Args:
        reason: what is missing, as a part of a sentence.
        remedy: the command that installs it, or the hardware that it needs.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


class Interrupted(EdgeaeError):
    """Ctrl-C, SIGTERM or SIGHUP ended the command.

    The message states which part of the work is kept.
    """

    code = 130


class ManifestMismatch(EdgeaeError):
    """An artifact's bytes are not those of its manifest."""

    code = 4


class RuntimeCrashed(EdgeaeError):
    """A runtime crashed or hung."""

    code = 5


def exit_code(codes: Iterable[int]) -> int:
    """Return the exit code of a command with several outcomes; 0 if all are 0."""
    found = set(codes)
    return next((code for code in EXIT_PRIORITY if code in found), 0)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Set `path` as the file name of every OSError in a `with` block.

    Python names the file if opening it failed, but not if writing failed, as on a full disk. If a
    temporary file is written first, its name would not help the user.
    """
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def system_error(error: OSError) -> BadInput:
    """Build the error for an OSError: it names the file and the reason."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return BadInput(f"{place}no room left to write; existing files are intact")
    return BadInput(f"{place}{error.strerror or error}")


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """Build the error for an unknown name: it lists the existing names and the most similar one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return BadInput(f"unknown {kind} {name!r}{hint} (there are: {listing})")


def named(place: object, error: EdgeaeError) -> str:
    """Return an error's message, preceded by `place` unless it already begins with it."""
    line = str(error)
    return line if line.startswith(str(place)) else f"{place}: {line}"


@contextlib.contextmanager
def about(place: object) -> Iterator[None]:
    """Make errors in a `with` block name `place`, such as a user's file, if they do not."""
    try:
        yield
    except RuntimeUnavailable:
        raise  # this error is about the machine, not about `place`
    except EdgeaeError as error:
        if str(place) in str(error):
            raise
        raise type(error)(named(place, error)) from None
