import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from edgeae_cli import TESTS
from processes import is_gone, is_gone_soon

from edgeae import errors
from edgeae.errors import RuntimeCrashed
from edgeae.system import children, interrupts, tied

pytestmark = pytest.mark.cold

OUTCOMES = [
    errors.OutOfTolerance,
    errors.BadInput,
    errors.Busy,
    errors.NotMeasured,
    errors.ManifestMismatch,
    errors.RuntimeCrashed,
]


@pytest.fixture(autouse=True)
def examples_are_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent))))


def run(timeout_s: float = 20, env=None, **job):
    return children.run("child_examples", job, timeout_s=timeout_s, env=env)


def until_it_fails(reports) -> tuple[list, Exception]:
    seen = []
    with pytest.raises(errors.EdgeaeError) as caught:
        seen.extend(iter(reports))
    return seen, caught.value


def test_reports_come_back_in_their_order():
    pid, *reports = run(do="count", to=50)
    assert pid["pid"] != os.getpid()
    assert reports == [{"number": number} for number in range(50)]


def test_reports_come_as_they_are_made():
    reports = children.stream("child_examples", {"do": "hang"}, timeout_s=20)
    pid = next(reports)["pid"]
    assert not is_gone(pid)
    reports.close()
    assert is_gone(pid)


@pytest.mark.parametrize("size", [1 << 17, 1 << 21])
def test_a_job_and_an_answer_larger_than_a_pipe(size):
    assert run(do="echo", what="é" * size)[1] == {"echo": "é" * size}


def test_what_a_library_prints_is_no_answer():
    assert run(do="noise")[1:] == [{"echo": "the answer"}]


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_crash_is_named_by_its_signal(name):
    seen, error = until_it_fails(
        children.stream("child_examples", {"do": "signal", "signal": name}, timeout_s=20)
    )
    assert isinstance(error, RuntimeCrashed) and f"crashed with {name}" in str(error)
    assert len(seen) == 1 and is_gone(seen[0]["pid"])


def test_a_hang_ends_at_its_limit_and_takes_the_child_and_its_children_along(monkeypatch):
    reports = children.stream("child_examples", {"do": "hang with a child"}, timeout_s=30)
    pid, grandchild = next(reports)["pid"], next(reports)["grandchild"]
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 30)  # the limit is reached
    seen, error = until_it_fails(reports)
    assert seen == [] and isinstance(error, RuntimeCrashed)
    assert "hung" in str(error) and "30 s" in str(error)
    assert is_gone(pid) and is_gone_soon(grandchild)


def test_a_child_that_never_reads_a_large_job_is_a_hang_too():
    started = time.monotonic()
    with pytest.raises(RuntimeCrashed, match="hung"):
        run(timeout_s=1, env={"CHILD_STARTS_FOR_S": "60"}, do="echo", what="x" * (1 << 20))
    assert time.monotonic() - started < 30  # the child would wake up after 60


@pytest.mark.parametrize("kind", OUTCOMES, ids=lambda kind: kind.__name__)
def test_an_error_arrives_as_it_was_raised(kind):
    with pytest.raises(errors.EdgeaeError) as caught:
        run(do="raise", kind=kind.__name__, arguments=["a line, “as it was”"])
    assert type(caught.value) is kind
    assert str(caught.value) == "a line, “as it was”"


def test_an_absent_runtime_arrives_with_its_remedy():
    with pytest.raises(errors.RuntimeUnavailable) as caught:
        run(do="raise", kind="RuntimeUnavailable", arguments=["no GPU", "plug one in"])
    assert (caught.value.reason, caught.value.remedy) == ("no GPU", "plug one in")


def test_a_bug_in_the_child_is_a_crash_with_its_last_line():
    with pytest.raises(RuntimeCrashed, match="status 1: ZeroDivisionError: a bug of ours"):
        run(do="bug")


def test_an_exit_status_is_told():
    with pytest.raises(RuntimeCrashed, match="ended with status 9"):
        run(do="exit", status=9)


def test_a_module_that_is_not_there_is_told():
    with pytest.raises(RuntimeCrashed, match="No module named"):
        children.run("no_such_module", {}, timeout_s=20)


def test_a_child_does_not_outlive_a_parent_that_is_killed():
    program = """if True:
        from edgeae.system import children
        for report in children.stream("child_examples", {"do": "hang"}, timeout_s=60):
            print(report["pid"], flush=True)
        """
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.send_signal(signal.SIGKILL)
    assert is_gone_soon(pid)


def test_a_child_that_still_imports_does_not_outlive_its_parent_either(tmp_path):
    program = """if True:
        import sys
        from edgeae.system import children
        children.run("child_examples", {"do": "touch", "path": sys.argv[1]}, timeout_s=60)
        """
    marker, touched = tmp_path / "marker", tmp_path / "touched"
    variables = {**os.environ, "CHILD_MARKER": str(marker), "CHILD_STARTS_FOR_S": "60"}
    with subprocess.Popen([sys.executable, "-c", program, touched], env=variables) as parent:
        while not (marker.exists() and marker.read_text()):
            assert parent.poll() is None
            time.sleep(0.01)
        parent.send_signal(signal.SIGKILL)
    assert is_gone_soon(int(marker.read_text()))
    assert not touched.exists()


def test_a_child_whose_parent_ended_before_it_started_does_nothing(tmp_path):
    (tmp_path / "touching.py").write_text("from pathlib import Path\nPath('touched').touch()\n")
    command = tied.module("touching")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path[1:]])}
    assert subprocess.run(command, cwd=tmp_path, env=env, check=False).returncode == 0
    assert (tmp_path / "touched").exists()
    (tmp_path / "touched").unlink()
    command[command.index(str(os.getpid()))] = "999999999"
    how = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    done = subprocess.run(command, **how, check=False)
    assert done.returncode == 1 and "the parent ended" in done.stderr
    assert not (tmp_path / "touched").exists()


def test_no_module_in_the_current_folder_is_imported(tmp_path):
    """Files of others may lie there, and one may be called as a package is."""
    (tmp_path / "touching.py").write_text("raise SystemExit(7)\n")
    how = {"cwd": tmp_path, "capture_output": True, "text": True}
    done = subprocess.run(tied.module("touching"), **how, check=False)
    assert done.returncode == 1 and "No module named touching" in done.stderr


def test_a_program_does_not_outlive_a_parent_that_is_killed_and_ends_as_it_would():
    program = """if True:
        import subprocess, sys
        from edgeae.system import tied
        code = "import os, sys, time; print(os.getpid(), *sys.argv[1:], flush=True); time.sleep(60)"
        subprocess.run(tied.program([sys.executable, "-c", code, "a word"]))
        """
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid, words = parent.stdout.readline().split(maxsplit=1)
        assert words == "a word\n" and not is_gone(int(pid))
        parent.send_signal(signal.SIGKILL)
    assert is_gone_soon(int(pid))
    ended = subprocess.run(tied.program(["sh", "-c", "kill -SEGV $$"]), check=False)
    assert ended.returncode == -signal.SIGSEGV


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    marker = tmp_path / "pid"
    command = ["sh", "-c", f"sleep 60 & echo $! >{marker}; wait"]
    with pytest.raises(RuntimeCrashed, match=r"^hung: did not end within 1 s$"):
        children.execute(command, timeout_s=1, env={})
    assert is_gone_soon(int(marker.read_text()))


@pytest.mark.parametrize("end", ["SIGKILL", None])
def test_what_a_child_leaves_in_its_temporary_folder_goes_with_it(end, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reports = children.stream("child_examples", {"do": "temporary", "end": end}, timeout_s=20)
    seen = []
    with contextlib.nullcontext() if end is None else pytest.raises(RuntimeCrashed):
        seen.extend(iter(reports))
    left = Path(seen[1]["folder"])
    assert left.parent.parent == tmp_path and seen[1]["made"]
    assert list(tmp_path.iterdir()) == []


def test_interrupts_do_not_keep_children_from_being_ended():
    handlers = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(run, do="hang") for _ in range(2)]
        while len(children._RUNNING) < 2:
            time.sleep(0.01)
        pids = [child.pid for child in children._RUNNING]
        with children.ended():
            for number in interrupts.SIGNALS * 2:
                os.kill(os.getpid(), number)
                time.sleep(0.01)
            assert all(isinstance(item.exception(5), KeyboardInterrupt) for item in running)
    assert all(is_gone(pid) for pid in pids)
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == handlers
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_children_are_ended_from_another_thread_too():
    def end() -> None:
        with children.ended():
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(end).result()
    assert run(do="echo", what=1)[1] == {"echo": 1}


def test_nothing_stays_open():
    before = set(Path("/proc/self/fd").iterdir())
    run(do="echo", what=1)
    until_it_fails(
        children.stream("child_examples", {"do": "signal", "signal": "SIGSEGV"}, timeout_s=9)
    )
    assert len(set(Path("/proc/self/fd").iterdir())) == len(before)


def test_nothing_is_imported_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('a file that came with a bundle ran')")
    monkeypatch.chdir(tmp_path)
    job = {"runtime": "null", "tasks": []}
    (found,) = children.run("edgeae.runtimes.child", job, timeout_s=20)
    assert found["version"]
