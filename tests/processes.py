"""Processes as `/proc` tells them: whose children they are, and whether they have ended."""

import time
from collections.abc import Iterator
from pathlib import Path

#: For how long a killed process may still be seen, seconds.
_PATIENCE_S = 5


def children_of(process: int) -> Iterator[int]:
    """Yield the processes that `process` has started and that it has not waited for."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(_fields(path)[1])
        except OSError:  # it ended meanwhile
            continue
        if parent == process:
            yield int(path.parent.name)


def is_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has waited for counts as ended.

    Not every machine's first process waits for those that have lost their parent.
    """
    try:
        return _fields(Path(f"/proc/{process}/stat"))[0] == "Z"
    except OSError:
        return True


def is_gone_soon(process: int) -> bool:
    """Whether a process that was killed ends."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if is_gone(process):
            return True
        time.sleep(0.02)
    return False


def _fields(path: Path) -> list[str]:
    """Return state, parent and what follows; the name before them may hold blanks and brackets."""
    return path.read_text().rpartition(")")[2].split()
