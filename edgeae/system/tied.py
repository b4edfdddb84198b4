"""Commands of tied processes: the kernel ends them when the process that started them ends.

`python -m edgeae.system.tied PARENT MODULE WORD…` runs `python -m MODULE WORD…`, and
`python -m edgeae.system.tied PARENT -- PROGRAM WORD…` runs PROGRAM. Both are tied to the process
PARENT before any other import or program, because importing TensorFlow takes seconds. With
`ONE_CORE` in its environment, the process also gets a core of its own, before a library counts the
cores (`edgeae.system.one_core`).

The kernel ties a process to the *thread* that started it, so a thread must not end before the
process that it started. On systems other than Linux, processes are not tied.
"""

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Iterable

_PR_SET_PDEATHSIG = 1
_PROGRAM = "--"
_ONE_CORE = "EDGEAE_ONE_CORE"
#: The variable of a process's environment with which it gets a core of its own.
ONE_CORE = {_ONE_CORE: "1"}


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a module as `python -m` does, tied to this process."""
    return [*_launcher(), name, *words]


def program(words: Iterable[str]) -> list[str]:
    """Return the command that runs a program tied to this process; its children are not tied."""
    return [*_launcher(), _PROGRAM, *words]


def _launcher() -> list[str]:
    # -P: do not search the current folder for modules, because it may hold foreign files
    return [sys.executable, "-P", "-m", "edgeae.system.tied", str(os.getpid())]


def _tie(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent ended while this process was starting")


def _main(parent: str, name: str, *words: str) -> None:
    _tie(int(parent))
    if os.environ.pop(_ONE_CORE, ""):  # not for the children of this process
        from edgeae.system import one_core  # most processes start without it

        one_core.take(kept_by_next_program=name == _PROGRAM)
    if name == _PROGRAM:
        os.execvp(words[0], words)
    sys.argv = [name, *words]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
