"""Processes that are kept on a core each."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgeae_cli import ROOT

from edgeae.system import tied
from edgeae.system.scratch import SHARED

#: Says on which cores it may run, and lives until it reads a line.
PROGRAM = (
    "import os, sys; print(*sorted(os.sched_getaffinity(0)), flush=True); sys.stdin.readline()"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps processes on cores")


@pytest.fixture
def allowed() -> Iterator[list[int]]:
    """Let this process, and those that it starts, run on two cores at most."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    yield sorted(before)[:2]
    os.sched_setaffinity(0, before)


class Programs:
    """Programs that run until they are told to end."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.running: list[subprocess.Popen[str]] = []

    def cores(self, **variables: str) -> list[int]:
        """Start a program, and return the cores on which it may run."""
        program = subprocess.Popen(
            tied.program([sys.executable, "-c", PROGRAM]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), SHARED: str(self._place), **variables},
        )
        self.running.append(program)
        assert program.stdout is not None
        return [int(core) for core in program.stdout.readline().split()]

    def end(self, program: subprocess.Popen[str]) -> None:
        """End a program."""
        program.communicate("\n")
        self.running.remove(program)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    found = Programs(tmp_path)
    yield found
    for program in [*found.running]:
        found.end(program)


def test_each_has_a_core_of_its_own_as_long_as_it_lives(allowed, programs):
    assert programs.cores() == allowed  # who does not ask runs everywhere
    taken = [programs.cores(**tied.ONE_CORE) for _ in allowed]
    assert taken == [[core] for core in allowed]
    assert programs.cores(**tied.ONE_CORE) == allowed  # none is free
    programs.end(programs.running[1])  # the first that asked
    assert programs.cores(**tied.ONE_CORE) == allowed[:1]
