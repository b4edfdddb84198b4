"""The memory that is available to new processes on this machine."""

import os
from pathlib import Path

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
#: For control groups of version 2, then version 1: the folder in `_GROUPS`, the files with the
#: limit and the use, and the key in `memory.stat` of the caches that the kernel can reclaim.
_V2 = ("", "memory.max", "memory.current", "inactive_file")
_V1 = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available(proc: Path = _PROC, groups: Path = _GROUPS) -> int | None:
    """Return the memory that new processes may take without swapping others out, in bytes.

    It is what the kernel reports for the machine, or less if a control group (as of a container)
    has a lower limit. On systems other than Linux, it is the machine's whole memory; None if that
    is unknown.
    """
    limits = [_machine(proc), *_control_groups(proc, groups)]
    stated = [item for item in limits if item is not None]
    return min(stated) if stated else _installed()


def _machine(proc: Path) -> int | None:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    fields = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(fields[0][1]) * 1024 if fields else None


def _control_groups(proc: Path, groups: Path) -> list[int]:
    """Return the available bytes of each control group of this process, up to the root."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        below, *names = _V1 if controllers else _V2
        inner = Path(place.lstrip("/"))
        # inside a container, the path may be the host's, and its group is the root here
        for folder in (inner, *inner.parents):
            free = _left(groups / below / folder, *names)
            if free is not None:
                left.append(free)
    return left


def _left(folder: Path, limit: str, use: str, reclaimable: str) -> int | None:
    """Return a control group's limit − use + reclaimable caches, in bytes; None without a limit."""
    try:
        most, used = (int((folder / name).read_text()) for name in (limit, use))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group, or its limit is `max`
        return None
    return max(0, most - used + int(stat.get(reclaimable, 0)))


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
