import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgeae_cli import edgeae

from edgeae.errors import BadInput, Busy
from edgeae.timing.host_lock import host_lock

HOLD = (
    "import sys\n"
    "from edgeae.timing.host_lock import host_lock\n"
    "with host_lock(print, 0):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def lock(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "the.lock"
    monkeypatch.setenv("EDGEAE_LOCK", str(path))
    return path


@contextlib.contextmanager
def held() -> Iterator[subprocess.Popen]:
    """Another process that holds the lock until it is told to end, or killed."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            yield other
        finally:
            other.kill()


def test_one_at_a_time_and_the_other_is_named(lock):
    said = []
    with held() as other, pytest.raises(Busy) as caught, host_lock(said.append, 0.3):
        pytest.fail("two at once")
    line = str(caught.value)
    assert f"process {other.pid} is measuring" in line and str(lock) in line and "--wait" in line
    assert said == [f"waiting at most 0 s: process {other.pid} is measuring on this machine"]
    assert caught.value.code == 2


def test_it_is_waited_for(lock):
    said = []
    with held() as other:

        def told(line: str) -> None:
            said.append(line)
            other.kill()

        with host_lock(told, 60):
            assert other.wait() == -signal.SIGKILL
    assert len(said) == 1


def test_a_free_lock_is_taken_in_silence_and_let_go_of(lock):
    said = []
    for _ in range(2):
        with host_lock(said.append, 0):
            assert lock.read_text() == f"{os.getpid()}\n"
    assert said == []
    with held():
        pass


def test_a_holder_that_is_killed_lets_go(lock):
    with held() as other:
        other.kill()
        other.wait()
        with host_lock(pytest.fail, 0):
            pass


def test_what_is_done_inside_may_ask_again(lock):
    with host_lock(pytest.fail, 0):
        with host_lock(pytest.fail, 0):
            pass
        done = subprocess.run(
            [sys.executable, "-c", HOLD], input="", capture_output=True, text=True, check=False
        )
        assert "Busy" in done.stderr  # the outer block still holds it


def test_a_failure_inside_lets_go(lock):
    with pytest.raises(ZeroDivisionError), host_lock(pytest.fail, 0):
        raise ZeroDivisionError
    with held():
        pass


def test_every_user_may_lock_it_whatever_the_umask(lock):
    before = os.umask(0o077)
    try:
        with host_lock(pytest.fail, 0):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_nothing_but_a_file_is_locked(lock, kind):
    victim = lock.with_name("victim")
    victim.write_text("mine")
    {
        "link": lambda: lock.symlink_to(victim),
        "folder": lock.mkdir,
        "pipe": lambda: os.mkfifo(lock),
    }[kind]()
    with pytest.raises((BadInput, OSError)), host_lock(pytest.fail, 0):
        pass
    assert victim.read_text() == "mine"


def test_what_others_wrote_into_it_is_not_repeated(lock):
    with held() as other:
        lock.write_text("\x1b[2J; rm -rf")
        with pytest.raises(Busy, match="another process is measuring"), host_lock(print, 0):
            pass
        assert other.poll() is None


def test_a_bench_waits_for_another_and_says_so_in_one_line(lock, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    with held() as other:
        done = edgeae(
            *("bench", str(bundle.root), "--runtime", "null", "--wait", "0.2"), cwd=tmp_path
        )
    assert done.returncode == 2 and done.stdout == ""
    waiting, refused = done.stderr.splitlines()
    assert waiting.startswith("waiting") and f"process {other.pid}" in waiting
    assert refused.startswith("edgeae: ") and f"process {other.pid}" in refused
    assert not (tmp_path / "build" / "results.jsonl").exists()
