"""Describe this machine, as recorded beside every figure."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Facts of a machine that `machine_line` shows, in addition to its memory.
_FACTS = ("cpu", "cores", "system", "python", "load_average")


def cpu_name() -> str:
    """Return the processor's name, as the kernel reports it."""
    return _cpu_fact("model name") or platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """Return the processor's features, as Linux names them; none where it does not list them."""
    return frozenset(_cpu_fact("flags").split())


def _cpu_fact(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Return the facts of this machine that affect a latency, as strings and numbers."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def identity(machine: dict[str, Any]) -> tuple[Any, ...]:
    """Return a key that is equal for two descriptions of the same machine, whatever its load."""
    return tuple(machine.get(fact) for fact in ("cpu", "cores", "architecture", "memory_bytes"))


def peak_rss_bytes() -> int | None:
    """Return this process's peak resident memory, in bytes; None if the kernel does not report it.

    `getrusage` is unsuitable: its maximum survives `exec`, so a child inherits its parent's.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 if lines else None


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def machine_line(machine: Mapping[str, object]) -> str:
    """Return one line that describes the machine of the figures."""
    facts = {key: machine.get(key, "unknown") for key in _FACTS}
    memory = machine.get("memory_bytes")
    gigabytes = f"{memory / 2**30:.0f} GiB" if isinstance(memory, int) else "unknown memory"
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {gigabytes}, {facts['system']}, "
        f"Python {facts['python']}, load {facts['load_average']}"
    )
