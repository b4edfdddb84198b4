"""Builds and runs an embedded folder with the tools of this machine."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeae.embed.form import Proof
from edgeae.errors import NotMeasured, RuntimeUnavailable

#: The line that every example prints if each golden vector came out right.
PASS = "PASS"
#: Seconds that building and running one folder may take: toolchains start slowly.
_TIMEOUT_S = 300.0


def tool(name: str, remedy: str) -> str:
    """Return the path of a command.

    Raises:
        RuntimeUnavailable: it is not installed; the message has the remedy.
    """
    found = shutil.which(name)
    if found is None:
        raise RuntimeUnavailable(f"no command {name}", remedy)
    return found


def passed(
    command: Sequence[str],
    folder: Path,
    tools: str,
    *,
    note: str = "",
    environment: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Proof:
    """Run a command that builds a folder and runs its example; it passes if it prints `PASS`.

    Args:
        command: the command.
        folder: where it runs.
        tools: see `Proof`.
        note: see `Proof`.
        environment: variables beside those of this process.
        timeout_s: seconds that it may take.
    """
    try:
        done = finished(command, folder, environment=environment, timeout_s=timeout_s)
    except NotMeasured as error:
        return Proof(tools, "fail", (str(error),), note)
    lines = done.stdout.splitlines()
    if done.returncode == 0 and PASS in (line.strip() for line in lines):
        return Proof(tools, "pass", (), note)
    return Proof(tools, "fail", (complaint(done),), note)


def finished(
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code.

    Args:
        command: the command.
        folder: where it runs.
        environment: variables beside those of this process.
        timeout_s: seconds that it may take.

    Raises:
        NotMeasured: it takes longer.
    """
    try:
        return subprocess.run(
            list(command),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env={**os.environ, "MAKEFLAGS": "", **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        name = Path(command[0]).name
        raise NotMeasured(f"{name} took longer than {timeout_s:.0f} s") from None


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line that says best why a command failed."""
    lines = [line.strip() for line in (*done.stderr.splitlines(), *done.stdout.splitlines())]
    telling = ("error", "wrong values", "FAIL")
    wrong = [line for line in lines if not line.endswith(": 0 wrong values")]
    found = next((line for line in wrong if any(word in line for word in telling)), "")
    last = next((line for line in reversed(lines) if line), "no output")
    return f"{Path(done.args[0]).name} ended with {done.returncode}: {found or last}"[:300]
