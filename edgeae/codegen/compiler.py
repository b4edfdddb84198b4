"""Finds a C compiler of the host and compiles with it.

The first of these is taken: the command in the variable CC, `cc`, `gcc`, `clang`, and the package
`ziglang`, a compiler that pip installs (`python -m ziglang cc`).
"""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.system.extras import remedy

#: Seconds that one compilation may take.
_TIMEOUT_S = 120
#: The flags under which every generated file compiles without a warning.
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wcast-align", "-Werror")


@cache
def host() -> tuple[str, ...]:
    """Return the command of a C compiler that builds for this machine.

    Raises:
        RuntimeUnavailable: there is none; the message has the command that installs one.
        BadInput: the variable CC names a command that does not exist.
    """
    return _found("CC", ("cc", "gcc", "clang"), zig(), "C")


@cache
def host_cpp() -> tuple[str, ...]:
    """Return the command of a C++ compiler that builds for this machine.

    Raises:
        RuntimeUnavailable: there is none; the message has the command that installs one.
        BadInput: the variable CXX names a command that does not exist.
    """
    return _found("CXX", ("c++", "g++", "clang++"), (*zig()[:-1], "c++") if zig() else (), "C++")


def _found(
    variable: str, names: tuple[str, ...], brought: tuple[str, ...], language: str
) -> tuple[str, ...]:
    if chosen := shlex.split(os.environ.get(variable, "")):
        if shutil.which(chosen[0]) is None:
            there = f"{variable}={os.environ[variable]}"
            raise BadInput(f"{there}: there is no command {chosen[0]!r}")
        return tuple(chosen)
    for name in names:
        if shutil.which(name):
            return (name,)
    if brought:
        # with a target, ziglang takes the headers that it brings, where the machine has none
        target = ("-target", f"{platform.machine()}-linux-gnu") if sys.platform == "linux" else ()
        return (*brought, *target)
    listed = ", ".join((variable, *names))
    raise RuntimeUnavailable(f"no {language} compiler: neither {listed} nor ziglang", remedy("c"))


def zig() -> tuple[str, ...]:
    """Return the command of the compiler in the package `ziglang`; empty if it is missing."""
    found = importlib.util.find_spec("ziglang")
    return (sys.executable, "-m", "ziglang", "cc") if found else ()


@cache
def version() -> str:
    """Return the first line of what the host's compiler says of its version.

    Raises:
        RuntimeUnavailable: there is no compiler.
    """
    return run([*host(), "--version"], "the compiler's version").splitlines()[0].strip()


def run(command: Sequence[str], what: str) -> str:
    """Run a compiler or another tool of its chain and return its standard output.

    Args:
        command: the command.
        what: what it builds, for errors.

    Raises:
        NotMeasured: the tool fails, or takes too long; the message has its first complaint.
    """
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{what}: {command[0]} took longer than {_TIMEOUT_S} s") from None
    if done.returncode:
        lines = [
            line.strip()
            for line in done.stderr.splitlines()
            if line.strip() and "ld returned" not in line  # the linker's own line says why
        ]
        complaint = next((line for line in lines if "error" in line), lines[-1] if lines else "")
        raise NotMeasured(f"{what}: {command[0]} failed: {complaint or f'exit {done.returncode}'}")
    return done.stdout


#: ziglang would first build its own runtime library, ten seconds for each set of flags. Nothing of
#: it is needed: the process that loads the library has libm.
_OWN = ("-nostdlib", "-fno-sanitize=undefined")


def _is_ziglang(command: Sequence[str]) -> bool:
    return "ziglang" in command


def shared_library(sources: Sequence[Path], target: Path, flags: Sequence[str] = ()) -> Path:
    """Compile C files of the host into a shared library and return its path.

    Args:
        sources: the C files.
        target: the library to write.
        flags: flags beside `-shared -fPIC`.

    Raises:
        NotMeasured: the compiler fails.
        RuntimeUnavailable: there is no compiler.
    """
    files = [str(item) for item in sources]
    libraries = ("-lm", *(_OWN if _is_ziglang(host()) else ()))
    command = [*host(), *flags, "-shared", "-fPIC", *files, *libraries, "-o", str(target)]
    run(command, target.name)
    return target
