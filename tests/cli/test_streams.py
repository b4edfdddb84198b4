"""Standard output and error that are closed, full, or read by nobody any more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from edgeae_cli import ROOT

REFUSED = "edgeae: no such option: --nothing"


def shell(redirection: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with descriptors as a shell makes them."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    ("redirection", "reason"), [(">&-", "closed"), (">/dev/full", "No space left on device")]
)
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_results_that_cannot_be_written_are_one_line(redirection, reason, option):
    done = shell(redirection, "-m", "edgeae", option)
    assert (done.returncode, done.stderr) == (2, f"edgeae: standard output: {reason}\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_talk_that_cannot_be_written_changes_no_outcome(redirection):
    done = shell(redirection, "-m", "edgeae", "doctor", "--nothing")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_refusal_that_nobody_reads_is_a_refusal_all_the_same():
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "edgeae", "doctor", "--nothing"]
    done = subprocess.run(command, stderr=write_end, check=False)
    os.close(write_end)
    assert done.returncode == 2


def test_neither_can_be_written():
    assert shell(">&- 2>&-", "-m", "edgeae", "--version").returncode == 2


PROGRAM = """
import os, sys
from pathlib import Path
from edgeae.cli.streams import prepare
prepare()
with Path(sys.argv[1]).open("w") as stream:
    os.write(2, b"printed by a library")
    try:
        os.write(1, b"and this")
    except OSError:
        stream.write(f"descriptor {stream.fileno()}")
"""


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path):
    assert shell("<&- >&- 2>&-", "-c", PROGRAM, str(tmp_path / "file")).returncode == 0
    assert (tmp_path / "file").read_text() == "descriptor 3"
