"""Interrupts that come where Python would drop them."""

import subprocess
import sys

import pytest
from edgeae_cli import ROOT

pytestmark = pytest.mark.cold

#: A destructor during which Ctrl-C comes, and one with an error of its own.
PROGRAM = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
from edgeae.system import interrupts

interrupts.heed()

class Late:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        for _ in range(10): pass

class Broken:
    def __del__(self):
        raise ValueError("told")

Broken()
try:
    Late()
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_in_a_destructor_is_not_lost():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "interrupted\n" and "KeyboardInterrupt" not in done.stderr
    assert "ValueError: told" in done.stderr  # other errors are told as ever
