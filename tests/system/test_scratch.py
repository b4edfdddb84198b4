"""Temporary folders: deleted at their end, or by the next process where that never came."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from edgeae_cli import ROOT

from edgeae.errors import system_error
from edgeae.system import scratch as module
from edgeae.system.scratch import scratch, write_scratch

pytestmark = pytest.mark.cold

HOLDER = """
import sys, time
from edgeae.system.scratch import scratch
with scratch() as folder:
    (folder / "file").write_text("left")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, which this process has not swept yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module._sweep.cache_clear()
    return tmp_path


def holder(place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)},
    )


def test_a_folder_is_gone_at_the_end_also_of_a_failure(place):
    with pytest.raises(KeyError), scratch() as folder:
        (folder / "file").write_text("something")
        assert folder.parent == place
        raise KeyError
    assert list(place.iterdir()) == []


def test_two_at_once_are_two(place):
    with scratch() as one, scratch() as other:
        assert one != other
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_deleted_and_what_is_in_use_is_not(place):
    with holder(place) as killed, holder(place) as alive:
        try:
            left, used = (Path(it.stdout.readline().strip()) for it in (killed, alive))
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            assert (left / "file").exists()
            with scratch() as folder:
                assert set(place.iterdir()) == {folder, used}
            assert (used / "file").read_text() == "left"
        finally:
            killed.kill()
            alive.kill()


def test_nothing_but_our_own_folders_is_touched(place):
    (place / "precious").mkdir()
    (place / "edgeae-tmp-link").symlink_to(place / "precious")
    (place / "edgeae-tmp-file").write_text("")
    (place / "precious" / "file").write_text("mine")
    with scratch():
        pass
    assert (place / "precious" / "file").read_text() == "mine"
    assert (place / "edgeae-tmp-file").exists()


def test_a_folder_that_another_process_sweeps_before_it_is_locked_is_made_again(place, monkeypatch):
    made, mkdtemp = [], tempfile.mkdtemp

    def swept(**options: str) -> str:
        made.append(mkdtemp(**options))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", swept)
    with scratch() as folder:
        assert folder.is_dir() and str(folder) == made[1]


def test_a_full_disk_is_named():
    with pytest.raises(OSError) as caught:
        write_scratch(Path("/dev/full"), b"content")
    assert str(system_error(caught.value)).startswith("/dev/full: no room left")
