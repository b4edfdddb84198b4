"""Every error a user can meet, with the exit code that it ends the command with.

EdgeaeError
 ├─ OutOfTolerance       1  a budget, parity or loss tolerance is not met
 ├─ BadInput             2  wrong usage or bad input: names file, key, value, what is allowed
 │   └─ Busy             2  somebody else is writing the same bundle
 ├─ NotMeasured          3  inconclusive, or nothing could be measured
 │   └─ RuntimeUnavailable  3  an engine or its hardware is absent; carries the remedy
 ├─ ManifestMismatch     4  an artifact's bytes are not those of its manifest
 ├─ RuntimeCrashed       5  a runtime crashed or hung
 └─ Interrupted        130  Ctrl-C ended work of which something is kept; says what
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

#: Several causes in one command: the first that applies decides the exit code. An interrupt is no
#: cause among several: it ends the command.
EXIT_PRIORITY = (4, 5, 2, 1, 3)


class EdgeaeError(Exception):
    """Base class; `str(error)` is the one line that the user reads."""

    code = 1


class OutOfTolerance(EdgeaeError):
    """A budget, parity or loss tolerance is not met."""

    code = 1


class BadInput(EdgeaeError):
    """Wrong usage or bad input."""

    code = 2


class Busy(BadInput):
    """Another process is writing the same place."""


class NotMeasured(EdgeaeError):
    """Inconclusive, or nothing could be measured."""

    code = 3


class RuntimeUnavailable(NotMeasured):
    """An engine or its hardware is absent.

    Args:
        reason: what is missing, as a sentence part.
        remedy: the command that would bring it, or what hardware it takes.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


class Interrupted(EdgeaeError):
    """Interrupted: Ctrl-C, SIGTERM or SIGHUP ended the command.

    The line says what is kept of its work.
    """

    code = 130


class ManifestMismatch(EdgeaeError):
    """An artifact's bytes are not those of its manifest."""

    code = 4


class RuntimeCrashed(EdgeaeError):
    """A runtime crashed or hung."""

    code = 5


def exit_code(codes: Iterable[int]) -> int:
    """Return the exit code of a command with several outcomes (0 when all are 0)."""
    found = set(codes)
    return next((code for code in EXIT_PRIORITY if code in found), 0)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let what the operating system refuses in a `with` block name `path`.

    Python names the file where opening one failed, but not where writing did, as on a full disk;
    and where a temporary file is written first, its name tells a user nothing.
    """
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def system_error(error: OSError) -> BadInput:
    """Build the error for what the operating system refused: the file, and why."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return BadInput(f"{place}no room left to write; what was there before is whole")
    return BadInput(f"{place}{error.strerror or error}")


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """Build the error for a name that does not exist: what exists, and the nearest name."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return BadInput(f"unknown {kind} {name!r}{hint} (there are: {listing})")


def named(place: object, error: EdgeaeError) -> str:
    """Return an error's line with what it is about in front, once."""
    line = str(error)
    return line if line.startswith(str(place)) else f"{place}: {line}"


@contextlib.contextmanager
def about(place: object) -> Iterator[None]:
    """Let what a `with` block raises name `place`, such as a user's file, unless it does."""
    try:
        yield
    except RuntimeUnavailable:
        raise  # which is about the machine
    except EdgeaeError as error:
        if str(place) in str(error):
            raise
        raise type(error)(named(place, error)) from None
