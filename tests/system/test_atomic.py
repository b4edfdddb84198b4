import errno
import fcntl
import itertools
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgeae.errors import Busy, system_error
from edgeae.system import atomic

pytestmark = pytest.mark.cold


def folder(path: Path, content: str) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(content)
    return path


def test_a_file_is_written_and_replaced_and_nothing_else_stays(tmp_path):
    path = tmp_path / "new" / "file"
    atomic.write_bytes(path, b"old")
    atomic.write_text(path, "né")
    assert path.read_bytes() == "né".encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_whole(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(OSError, match="No space left") as caught:
        atomic.write_bytes(path, b"new" * 1000)
    assert str(system_error(caught.value)).startswith(f"{path}: no room left")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_too_large_for_the_disk_leaves_the_old_one_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = """if True:
        import resource, signal, sys
        from pathlib import Path
        from edgeae.system import atomic
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            atomic.write_bytes(Path(sys.argv[1]), bytes(100_000))
        except OSError as error:
            print(error.filename)
        """
    command = [sys.executable, "-c", program, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    steps, fsync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(
        Path, "replace", lambda self, target: (steps.append("rename"), replace(self, target))[1]
    )
    atomic.write_bytes(tmp_path / "file", b"x")
    assert steps == ["fsync", "rename"]


WRITER = """if True:
    import os, sys, time
    from pathlib import Path
    from edgeae.system import atomic
    os.fsync = lambda _: (print("half", flush=True), time.sleep(60))
    atomic.write_bytes(Path(sys.argv[1]), b"new" * 1000)
    """


def test_what_a_killed_writer_left_is_gone_with_the_next_write(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    atomic.write_bytes(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_a_file_take_turns(tmp_path):
    path, wrong = tmp_path / "file", []

    def write(letter: bytes) -> None:
        for _ in range(100):
            atomic.write_bytes(path, letter * 10_000)
            content = path.read_bytes()
            if len(content) != 10_000 or len(set(content)) != 1:
                wrong.append(content)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, (b"a", b"b", b"c")))
    assert not wrong
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_lies_in_wait_at_the_temporary_name_is_not_written_to(tmp_path, kind):
    precious, path = tmp_path / "precious", tmp_path / "bundle" / "verify.json"
    precious.write_text("mine")
    path.parent.mkdir()
    if kind == "link":
        (path.parent / ".verify.json.tmp").symlink_to(precious)
    else:
        os.mkfifo(path.parent / ".verify.json.tmp")
    atomic.write_bytes(path, b"found")
    assert precious.read_text() == "mine" and path.read_bytes() == b"found"
    assert list(path.parent.iterdir()) == [path]


def test_publishing_shows_the_folder_and_deletes_the_replaced_one(tmp_path):
    link = tmp_path / "shown" / "int8"
    first, second = (
        folder(tmp_path / "store" / "1", "first"),
        folder(tmp_path / "store" / "2", "second"),
    )
    atomic.publish_folder(first, link)
    assert link.is_symlink() and (link / "file").read_text() == "first"
    atomic.publish_folder(second, link)
    assert (link / "file").read_text() == "second"
    assert not first.exists()
    assert list(link.parent.iterdir()) == [link]


def test_a_folder_is_on_the_disk_before_it_is_shown(tmp_path, monkeypatch):
    link, finished = tmp_path / "shown" / "int8", folder(tmp_path / "store" / "1", "x")
    inner = folder(finished / "golden", "y")
    synced, fsync = {}, os.fsync

    def noted(descriptor):
        synced.setdefault(Path(f"/proc/self/fd/{descriptor}").readlink(), link.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    atomic.publish_folder(finished, link)
    # files, and the folders that name them; last the one that names the link
    before = {finished, finished / "file", inner, inner / "file"}
    assert synced == {**dict.fromkeys(before, False), link.parent: True}


def test_the_link_is_relative_so_that_the_build_can_be_moved(tmp_path):
    atomic.publish_folder(folder(tmp_path / "a" / "store" / "1", "x"), tmp_path / "a" / "int8")
    (tmp_path / "a").rename(tmp_path / "b")
    assert (tmp_path / "b" / "int8" / "file").read_text() == "x"


def test_publishing_the_shown_folder_again_keeps_it(tmp_path):
    only = folder(tmp_path / "1", "x")
    atomic.publish_folder(only, tmp_path / "link")
    atomic.publish_folder(only, tmp_path / "link")
    assert (tmp_path / "link" / "file").read_text() == "x"


def test_a_link_whose_folder_is_gone_is_replaced(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("store/gone")
    atomic.publish_folder(folder(tmp_path / "store" / "1", "x"), link)
    assert (link / "file").read_text() == "x"


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_link_is_refused_and_stays(tmp_path, kind):
    link = tmp_path / "int8"
    if kind == "folder":
        folder(link, "mine")
    else:
        link.write_text("mine")
    with pytest.raises(Busy, match="int8"):
        atomic.publish_folder(folder(tmp_path / "1", "x"), link)
    assert (link / "file" if kind == "folder" else link).read_text() == "mine"


def test_a_link_that_somebody_else_made_is_refused_and_its_folder_stays(tmp_path):
    precious = folder(tmp_path / "elsewhere" / "precious", "mine")
    (tmp_path / "int8").symlink_to(precious)
    with pytest.raises(Busy, match="int8"):
        atomic.publish_folder(folder(tmp_path / "store" / "1", "x"), tmp_path / "int8")
    assert (precious / "file").read_text() == "mine"


def test_a_reader_sees_the_old_folder_or_the_new_one(tmp_path):
    """It reads before each line of Python that publishing runs, those of the library among them."""
    link, seen, tracer = tmp_path / "link", [], sys.gettrace()
    atomic.publish_folder(folder(tmp_path / "store" / "0", "old"), link)
    finished = folder(tmp_path / "store" / "1", "new")

    def read(*event):
        try:
            seen.append((link / "file").read_text())
        except OSError as error:
            seen.append(str(error))
        return read

    sys.settrace(read)
    try:
        atomic.publish_folder(finished, link)
    finally:
        sys.settrace(tracer)
    assert [sight for sight, _ in itertools.groupby(seen)] == ["old", "new"]
    assert min(seen.count("old"), seen.count("new")) > 10


HOLDER = """if True:
    import sys, time
    from pathlib import Path
    from edgeae.system import atomic
    with atomic.lock(Path(sys.argv[1]), "it"):
        print("held", flush=True)
        time.sleep(60)
    """


def test_a_second_taker_is_told_who_holds_the_lock_and_a_killed_holder_lets_go(tmp_path):
    path = tmp_path / "deep" / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(Busy) as caught, atomic.lock(path, "build/deep/int8"):
                pytest.fail("two held the lock")
            assert "build/deep/int8" in str(caught.value)
            assert f"process {holder.pid})" in str(caught.value)
        finally:
            holder.send_signal(signal.SIGKILL)
    with atomic.lock(path, "it"):
        assert path.read_text() == str(os.getpid())


def test_who_holds_a_lock_can_be_asked(tmp_path):
    path = tmp_path / "lock"
    assert atomic.holder(path) is None and not path.exists()
    with atomic.lock(path, "it"):
        before = path.stat()
        assert atomic.holder(path) == str(os.getpid())
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        with pytest.raises(Busy), atomic.lock(path, "it"):
            pass
    assert atomic.holder(path) is None


def test_who_asks_for_a_holder_keeps_nobody_from_the_lock(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    with path.open() as stream, ThreadPoolExecutor(1) as pool:
        fcntl.flock(stream, fcntl.LOCK_SH)  # as `holder` has it for a moment

        def taken() -> str | None:
            with atomic.lock(path, "it"):
                return atomic.holder(path)

        held = pool.submit(taken)
        time.sleep(0.05)
        assert not held.done()
        fcntl.flock(stream, fcntl.LOCK_UN)
        assert held.result(10) == str(os.getpid())


def test_a_lock_is_released_at_the_end_also_of_a_failure(tmp_path):
    with pytest.raises(KeyError), atomic.lock(tmp_path / "lock", "it"):
        raise KeyError
    with (
        atomic.lock(tmp_path / "lock", "it"),
        pytest.raises(Busy),
        atomic.lock(tmp_path / "lock", "it"),
    ):
        pytest.fail("two held the lock")
