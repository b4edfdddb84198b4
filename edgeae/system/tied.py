"""Commands of processes that end with the process that starts them, however it ends.

`python -m edgeae.system.tied PARENT MODULE WORD…` is `python -m MODULE WORD…`, and
`python -m edgeae.system.tied PARENT -- PROGRAM WORD…` becomes PROGRAM: both tied to the process
PARENT before anything else is imported or executed, since TensorFlow's import alone takes seconds.

The kernel ties a process to the *thread* that started it: a thread must not end before the process
that it started. On other systems than Linux nothing is tied.
"""

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Iterable

_PR_SET_PDEATHSIG = 1
_PROGRAM = "--"


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a module as `python -m` does, tied to this process."""
    return [*_launcher(), name, *words]


def program(words: Iterable[str]) -> list[str]:
    """Return the command that runs a program, tied to this process; what it starts is not."""
    return [*_launcher(), _PROGRAM, *words]


def _launcher() -> list[str]:
    # -P: the current folder, where files of others may lie, holds no modules
    return [sys.executable, "-P", "-m", "edgeae.system.tied", str(os.getpid())]


def _tie(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent ended while this process was starting")


def _main(parent: str, name: str, *words: str) -> None:
    _tie(int(parent))
    if name == _PROGRAM:
        os.execvp(words[0], words)
    sys.argv = [name, *words]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
