"""Describe this machine, as recorded beside every figure."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping
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


def named() -> dict[str, Any]:
    """Return the facts of this machine with its name, `host`, for rows of several machines."""
    return {"host": platform.node(), **describe()}


def hardware(machine: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a key that is equal for two descriptions of equal machines, whatever their load."""
    return tuple(machine.get(fact) for fact in ("cpu", "cores", "architecture", "memory_bytes"))


def identities(
    machines: Iterable[Mapping[str, Any]],
) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return a function whose key is equal for two descriptions of the same machine.

    Two machines of the same hardware have other names: of the host, or of the worker of a cluster.
    An older description has no name; it is taken for the only machine here of the same hardware.

    Args:
        machines: all descriptions that are compared.
    """
    hosts: dict[tuple[Any, ...], set[Any]] = {}
    for machine in machines:
        if machine.get("host") and not machine.get("worker"):
            hosts.setdefault(hardware(machine), set()).add(machine["host"])

    def identity(machine: Mapping[str, Any]) -> tuple[Any, ...]:
        what, host = hardware(machine), machine.get("host")
        alike = hosts.get(what, set())
        if host is None and len(alike) == 1:
            (host,) = alike
        return (*what, host, machine.get("worker"))

    return identity


def machine_name(machine: Mapping[str, Any]) -> str:
    """Return what people call a machine: its worker's name, its host's, or else its processor's."""
    named_by = (machine.get(fact) for fact in ("worker", "host", "cpu"))
    return str(next(filter(None, named_by), "unknown"))


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
    """Return one line that describes the machine of the figures, after its name if it is known."""
    facts = {key: machine.get(key, "unknown") for key in _FACTS}
    memory = machine.get("memory_bytes")
    gigabytes = f"{memory / 2**30:.0f} GiB" if isinstance(memory, int) else "unknown memory"
    names = [str(name) for name in (machine.get("worker"), machine.get("host")) if name]
    who = f"{' on '.join(names)}: " if names else ""
    return (
        f"{who}{facts['cpu']}, {facts['cores']} cores, {gigabytes}, {facts['system']}, "
        f"Python {facts['python']}, load {facts['load_average']}"
    )
