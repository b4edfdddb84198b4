"""Running the command line, as a user does or at once in this process; and scripts beside it."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import warm

from edgeae.cli.main import main
from edgeae.system import interrupts

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def edgeae(
    *arguments: str, cwd: Path, timeout: float = 300, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in `cwd`; `env` is added to the environment."""
    return _run((sys.executable,), arguments, cwd, timeout, env)


def edgeae_forked(
    *arguments: str, cwd: Path, timeout: float = 300, **env: str
) -> subprocess.CompletedProcess[str]:
    """Do the same in a process that begins with TensorFlow imported: where a model is trained."""
    return _run(warm.python(), arguments, cwd, timeout, env)


def _run(
    python: Sequence[str],
    arguments: tuple[str, ...],
    cwd: Path,
    timeout: float,
    env: dict[str, str],
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*python, "-m", "edgeae", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def script(
    name: str, *arguments: object, given: str | None = None, cwd: Path | None = None
) -> list[str]:
    """Run a script of this folder, which may load TensorFlow, to its end; return its lines."""
    done = subprocess.run(
        [*warm.python(), str(TESTS / name), *map(str, arguments)],
        input=given,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def child(name: str, *arguments: object, given: str | None = None, cwd: Path | None = None) -> Any:
    """Run a script of this folder; return its last line's JSON."""
    return json.loads(script(name, *arguments, given=given, cwd=cwd)[-1])


def edgeae_warm(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, as `edgeae_here`, its children in warm ones.

    Of a command that converts or verifies: what it starts are processes, that import nothing twice.
    """
    with warm.children():
        return edgeae_here(*arguments, cwd=cwd, **env)


def edgeae_here(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Do the same without the start of a process, which takes longer than most refusals.

    It is the same `main`, from `sys.argv` to the exit code. What a process of its own makes of
    signals, of a closed standard output or of modules that are not there takes `edgeae`.
    """
    command = ["edgeae", *arguments]
    handlers = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, env),
        mock.patch.object(sys, "argv", command),
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as said,
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert isinstance(code, int)
    assert "tensorflow" not in sys.modules, "TensorFlow belongs into a child process"
    return subprocess.CompletedProcess(command, code, out.getvalue(), said.getvalue())
