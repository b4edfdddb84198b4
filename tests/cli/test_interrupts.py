import os
import signal
import subprocess
import sys

import pytest
from edgeae_cli import ROOT

from edgeae.system import interrupts


@pytest.fixture(autouse=True)
def own_handlers():
    handlers = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.SIGNALS, ids=lambda number: number.name)
def test_each_interrupts(number):
    interrupts.heed()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.parametrize("first", interrupts.SIGNALS, ids=lambda number: number.name)
def test_what_a_program_repeats_does_not_disturb_the_cleaning_up_and_ctrl_c_does(first):
    interrupts.heed()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(first)
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.heed()
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


PROGRAM = """
import sys
from edgeae.cli import main
def interrupted():
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return 130
sys.modules["edgeae.cli.main"]._run = interrupted
main()
"""


def test_the_exit_code_is_ours_also_where_an_interrupt_met_code_that_was_made(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "program"],
        check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 130


def test_they_are_ignored_for_the_duration_of_a_block_and_then_as_before():
    interrupts.heed()
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with interrupts.ignored():
        for number in interrupts.SIGNALS:
            signal.raise_signal(number)
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before
