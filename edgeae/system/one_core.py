"""A core of its own for a process: many tasks at once are faster if each computes on one core.

Libraries start as many threads as there are cores, and threads that wait for each other on a busy
machine only take time. A process that is kept on one core computes the same bits with the same
number of threads; on systems other than Linux, nothing happens.
"""

import fcntl
import os
from pathlib import Path

from edgeae.system.scratch import shared


def take(*, kept_by_next_program: bool) -> None:
    """Keep this process on the first core that no other such process has.

    The core is free again when the process ends. If each core is taken, the process runs on all of
    them.

    Args:
        kept_by_next_program: whether the core stays taken after `exec`.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    for core in sorted(os.sched_getaffinity(0)):
        descriptor = _lock(Path(shared(), f"edgeae-core-{os.getuid()}-{core}.lock"))
        if descriptor is not None:  # it stays open as long as the process lives
            os.set_inheritable(descriptor, kept_by_next_program)
            os.sched_setaffinity(0, {core})
            return


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock of a core; None if another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
