"""A bench on a device: the worker of a cluster measures, and the rows are the client's."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgeae_cli import edgeae_here
from one_worker import OneWorker
from tampering import corrupt, swap_rows

from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput, Busy
from edgeae.runtimes import Line
from edgeae.scheduling import dask_executor
from edgeae.scheduling.device import Device
from edgeae.scheduling.task import NoWorker
from edgeae.system import children
from edgeae.timing.bench import bench
from edgeae.timing.place import OnDevice
from edgeae.timing.results import Result, read_results
from edgeae.timing.suite import Suite, expand

RUNTIMES = ("litert-builtin", "null")


class Away:
    """A device, and what is said while it measures."""

    def __init__(
        self, root: Path, name: str = "pi4", *, on: str = "pi4", wait_s: float = 5
    ) -> None:
        self.said: list[str] = []
        self.worker = OneWorker(root, name)
        self.device = Device(self.worker, on, self.said.append)
        self.place = OnDevice(self.device, wait_s)

    def rows(self, bundle: Bundle, results: Path, *runtimes: str, rounds: int = 1) -> list[Result]:
        jobs = expand(Suite("s", parts=("encoder",), runtimes=runtimes or RUNTIMES), [bundle])
        return list(
            bench(jobs, 0.05, results, self.said.append, rounds=rounds, place=self.place, seed=1)
        )


@pytest.fixture
def away(tmp_path: Path) -> Away:
    return Away(tmp_path / "worker")


def test_rows_are_as_those_of_this_machine_and_carry_the_devices(away, tiny_bundle, tmp_path):
    bundle, results = tiny_bundle(), tmp_path / "r.jsonl"
    rows = away.rows(bundle, results, "litert-builtin", rounds=2)
    assert read_results(results) == rows and len(rows) == 2
    for row in rows:
        assert row.error is None and row.samples_ns and row.start_ns > row.first_ns > 0
        assert row.artifact_sha256 == bundle.artifact("encoder").sha256
        assert (row.machine["worker"], row.machine["host"]) == ("pi4", os.uname().nodename)
        assert row.machine["cores"] == os.cpu_count()
    assert len({row.session for row in rows}) == 1
    assert [(row.round, row.process) for row in rows] == [(0, 0), (1, 1)]
    assert away.said == []
    # it gets what the job reads, and nothing else
    golden = {f"golden/{path.name}" for path in (bundle.root / "golden").iterdir()}
    assert {"manifest.json", "encoder.tflite"} <= set(away.worker.sent)
    assert set(away.worker.sent) - golden == {"manifest.json", "encoder.tflite"}
    for task in away.worker.tasks:
        assert (dict(task.resources), task.on) == ({"bench": 1}, "pi4")
        assert list(task.versions) == ["edgeae"]


@pytest.mark.system
def test_a_bare_file_is_a_job_too(away, tiny_bundle, tmp_path):
    path = tiny_bundle().root / "encoder.tflite"
    suite = Suite("s", artifacts=(str(path),), models=(), runtimes=("litert-builtin",))
    (row,) = bench(expand(suite, []), 0.05, tmp_path / "r", away.said.append, place=away.place)
    assert row.error is None and row.samples_ns and row.model == str(path)
    assert away.worker.sent == ["encoder.tflite"]


@pytest.mark.system
def test_without_a_name_the_first_worker_stays_the_one(tiny_bundle, tmp_path):
    away = Away(tmp_path / "worker", "tcp://10.0.0.7:40123", on="")
    rows = away.rows(tiny_bundle(), tmp_path / "r.jsonl", "null")
    assert [task.on for task in away.worker.tasks][:2] == ["", "tcp://10.0.0.7:40123"]
    assert away.said == ["on worker tcp://10.0.0.7:40123"]
    # an address names no machine: the next start has another
    assert "worker" not in rows[0].machine and rows[0].machine["host"]


def test_an_absent_runtime_is_one_row(away, odd, tiny_bundle, tmp_path):
    rows = away.rows(
        tiny_bundle("float32"), tmp_path / "r.jsonl", "odd-absent", "odd-crash", "null"
    )
    found = {row.runtime: row for row in rows}
    assert (found["odd-absent"].model, found["odd-absent"].code) == ("", 3)
    assert found["odd-absent"].error == "no such board is connected; plug one in"
    assert found["odd-absent"].machine["worker"] == "pi4"
    assert found["odd-crash"].code == 5 and found["odd-crash"].error == "crashed with SIGSEGV"
    assert found["null"].samples_ns


@pytest.mark.system
def test_wrong_answers_and_damage_are_rows_that_name_the_clients_files(away, tiny_bundle, tmp_path):
    bundle = swap_rows(tiny_bundle(), "encoder")
    (row,) = away.rows(bundle, tmp_path / "r.jsonl", "litert-builtin")
    assert row.code == 1 and row.error.startswith("wrong answer on the golden vectors")
    corrupt(bundle.root / "encoder.tflite")
    (row,) = away.rows(bundle, tmp_path / "r.jsonl", "litert-builtin")
    assert row.code == 4 and row.error.startswith(f"{bundle.root}/encoder.tflite: sha256 ")


def test_a_device_that_leaves_ends_the_bench_and_rows_stay(away, tiny_bundle, tmp_path):
    results = tmp_path / "r.jsonl"
    suite = Suite("s", parts=("encoder",), runtimes=RUNTIMES)
    running = bench(expand(suite, [tiny_bundle()]), 0.05, results, str, place=away.place)
    next(running)
    away.worker.gone = True
    with pytest.raises(NoWorker, match="it has left"):
        next(running)
    assert len(read_results(results)) == 1


def test_a_board_is_on_this_machine(away):
    with pytest.raises(BadInput, match="--port /dev/ttyX"):
        away.place.probe("c-serial", Line("/dev/ttyX"))


# --- the device's own lock ---

HOLD = (
    "import fcntl, sys\n"
    "with open(sys.argv[1], 'a') as file:\n"
    "    fcntl.flock(file, fcntl.LOCK_EX)\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process measures on the device."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        other.stdout.readline()
        try:
            yield
        finally:
            other.kill()


def test_two_measurements_never_share_a_device(tiny_bundle, tmp_path):
    away = Away(tmp_path / "worker", wait_s=0.2)
    with locked(Path(os.environ["EDGEAE_LOCK"])), pytest.raises(Busy) as caught:
        away.rows(tiny_bundle(), tmp_path / "r.jsonl")
    assert str(caught.value).startswith("worker pi4: ") and "is measuring" in str(caught.value)
    assert away.said == ["pi4: waiting at most 0 s: another process is measuring there"]
    assert not (tmp_path / "r.jsonl").exists()


def test_a_child_takes_the_lock_of_the_machine_and_not_one_in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEAE_LOCK")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job: dict[str, Any] = {"module": "", "order": {}, "timeout_s": 0.0, "wait_s": 0.0}
    with locked(tmp_path / "edgeae-bench.lock"), pytest.raises(Busy, match=str(tmp_path)):
        children.run("edgeae.timing.device_child", job, timeout_s=30)
    (found,) = children.run("edgeae.timing.device_child", job, timeout_s=30)
    assert found["host"] == os.uname().nodename


# --- the command ---


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> OneWorker:
    worker = OneWorker(tmp_path / "worker")
    monkeypatch.setattr(dask_executor, "Dask", lambda *_, **__: worker)
    worker.close = lambda: None
    return worker


QUICK = ("--runtime", "null", "--part", "encoder", "--seconds", "0.05")


@pytest.mark.system
def test_the_command_appends_the_devices_rows(cluster, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    words = ("bench", str(bundle.root), *QUICK, "--on", "pi4")
    done = edgeae_here(*words, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"pi4 on {os.uname().nodename}: ")
    assert "bench 1/1" in done.stderr or "null" in done.stderr
    (row,) = read_results(tmp_path / "build" / "results.jsonl")
    assert row.machine["worker"] == "pi4"
    address = {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1"}
    assert edgeae_here(*words, cwd=tmp_path, **address).returncode == 0
    assert len(read_results(tmp_path / "build" / "results.jsonl")) == 2


def test_the_variable_alone_sends_no_bench_elsewhere(cluster, tiny_bundle, tmp_path):
    address = {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1"}
    done = edgeae_here("bench", str(tiny_bundle().root), *QUICK, cwd=tmp_path, **address)
    assert done.returncode == 0 and cluster.tasks == []
    (row,) = read_results(tmp_path / "build" / "results.jsonl")
    assert "worker" not in row.machine and row.machine["host"] == os.uname().nodename


def test_a_named_runtime_that_the_device_lacks_ends_with_3(cluster, odd, tiny_bundle, tmp_path):
    words = ("bench", str(tiny_bundle("float32").root), "--runtime", "odd-absent", "--on", "pi4")
    done = edgeae_here(*words, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 3
    assert "odd-absent: no such board is connected; plug one in" in done.stderr


def test_a_device_that_is_not_there_ends_with_3(cluster, tiny_bundle, tmp_path):
    cluster.gone = True
    words = ("bench", str(tiny_bundle().root), "--on", "pi4", "--scheduler", "tcp://127.0.0.1:1")
    done = edgeae_here(*words, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "edgeae: no worker is called 'pi4' (there are: none)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on", "pi4"], "--on pi4: needs --scheduler tcp://HOST:PORT"),
        (["--on", "pi4", "--scheduler", "local"], "--on pi4: not with --scheduler local"),
        (["--scheduler", "dask"], "--scheduler dask: its workers are this machine"),
        (["--retries", "1"], "--retries 1: only with --scheduler"),
        (["--scheduler", "pi4:8786"], "--scheduler pi4:8786: allowed are"),
        (
            ["--scheduler", "tcp://h:1", "--port", "/dev/x"],
            "--port /dev/x: not together with --scheduler",
        ),
        (
            ["--scheduler", "tcp://h:1", "--compare", "a.tflite", "b.tflite"],
            "--scheduler: not together with --compare A B",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(words, said, tmp_path, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    done = edgeae_here("bench", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeae: {said}"), line
