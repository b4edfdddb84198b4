"""The runtimes that count on their own: emulated cores, and boards on a serial line."""

from edgeae.runtimes import RUNTIMES

#: The module of the worker; it imports the engine.
WORKER = "edgeae.timing.emulated_worker"
#: Longest duration of a worker, in seconds: to generate, to compile and to emulate.
TIMEOUT_S = 300.0


def is_emulated(runtime: str) -> bool:
    """Return whether a runtime is an emulated core: it counts instructions and takes no times."""
    return is_counted(runtime) and not RUNTIMES[runtime].on_line


def is_counted(runtime: str) -> bool:
    """Return whether a runtime counts on its own, so that no call of this machine is timed."""
    return runtime in RUNTIMES and RUNTIMES[runtime].named_only


def runtime_of(core: str) -> str:
    """Return the runtime that emulates a core: `c-cortex-m4` of `cortex-m4`."""
    return f"c-{core}"


def core_name(runtime: str) -> str:
    """Return the core that a runtime emulates: `cortex-m4` of `c-cortex-m4`."""
    return runtime.removeprefix("c-")
