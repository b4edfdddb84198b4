"""What `make fuzz` found stays refused; and its judge notices what it is there to notice."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.flips import is_refused
from fuzz.forked import Ended
from fuzz.judging import faults
from fuzz.kinds import Case

TESTS = Path(__file__).parent
CASE = Case("files/x.tflite", ("inspect", "files/x.tflite"), ("files/x.tflite",))
REFUSED = Ended(2, "", "edgeae: files/x.tflite: damaged\n", seconds=0.1, peak_bytes=80_000_000)


def test_what_was_found_is_refused_in_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--fixed"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"code": -11}, "signal 11"),
        ({"hung": True, "seconds": 10.1}, "not done"),
        ({"code": 6}, "exit code 6"),
        ({"code": 130}, "exit code 130"),
        ({"peak_bytes": 1_100_000_000}, "1,100 MB"),
        ({"err": "edgeae: internal error: KeyError: 'x' in files/x.tflite\n"}, "internal error"),
        ({"out": "Traceback (most recent call last):\n"}, "traceback"),
        ({"err": "edgeae: files/x.tflite: its name is \x1b[31m\n"}, "control character"),
        ({"err": "edgeae: files/x.tflite: damaged\nby what follows\n"}, "more than one line"),
        (
            {"err": "edgeae: files/x.tflite: a\nedgeae: files/x.tflite: b\n"},
            "2 errors of one place",
        ),
        ({"err": ""}, "no line"),
        ({"err": "edgeae: its tensors are damaged\n"}, "names no file"),
    ],
)
def test_the_judge_notices(change, told):
    (found, *_) = faults(CASE, dataclasses.replace(REFUSED, **change))
    assert told in found


@pytest.mark.parametrize("change", [{}, {"code": 0, "err": ""}, {"code": 1, "err": ""}])
def test_the_judge_leaves_alone(change):
    assert faults(CASE, dataclasses.replace(REFUSED, **change)) == []


@pytest.mark.parametrize(
    ("code", "peak_bytes", "refused"),
    [(4, 80, True), (2, 80, True), (0, 80, False), (5, 80, False), (4, 400_000_000, False)],
)
def test_a_flip_is_refused(code, peak_bytes, refused):
    ended = dataclasses.replace(REFUSED, code=code, peak_bytes=peak_bytes)
    assert is_refused(ended, own_bytes=50) is refused
