"""A device is a worker: `pip install edgeae[dask]` and `dask worker --resources "bench=1"`."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dask_processes import Processes
from edgeae_cli import edgeae, edgeae_here
from processes import children_of
from task_examples import Place
from wheels import bare_environment, build_wheel

from edgeae.scheduling import cluster, dask_executor
from edgeae.scheduling.device import Device
from edgeae.scheduling.local import Local
from edgeae.scheduling.task import Done, Task
from edgeae.timing.results import read_results

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_without_a_cluster_no_task_asks_for_a_worker(tmp_path):
    task = Place(tmp_path).task("one", "copy")
    with Local(1) as executor:
        for change in ({"on": "pi4"}, {"resources": {"bench": 1}}):
            with pytest.raises(ValueError, match="only a worker of a cluster"):
                executor.submit(Task(**{**vars(task), **change}))


# --- a cluster inside this process, whose workers declare the resource ---


@pytest.fixture
def inside(monkeypatch) -> Any:
    """Return an executor whose two workers of two threads each measure."""
    import distributed

    def workers(*_: object, **settings: Any) -> Any:
        return local(**{**settings, "threads_per_worker": 2, "resources": {"bench": 1}})

    local = distributed.LocalCluster
    monkeypatch.setattr(distributed, "LocalCluster", workers)
    return dask_executor.Dask("dask", jobs=2, say=lambda line: None, wait_s=0.0)


def test_measurements_run_one_at_a_time_and_only_those(inside, tmp_path):
    place = Place(tmp_path / "place")
    running: list[str] = []

    def measure(name: str) -> Task:
        task = place.task(name, "copy")
        say = lambda line: running.append(line) if line.startswith("on worker") else None  # noqa: E731
        return Task(**{**vars(task), "resources": {"bench": 1}, "on": "1", "say": say})

    found: dict[str, Done] = {}
    with inside as executor:
        for name in ("one", "two"):
            executor.submit(measure(name))
        executor.submit(place.task("export", "copy"))
        for done in executor.completed():
            found[done.task.name] = done
            (worker,) = (item for item in executor._fleet.workers.values() if item.name == "1")
            assert worker.running <= 1 and worker.taken["bench"] == worker.running
    assert found["one"].error is None and found["one"].worker == "1"
    assert found["two"].error is None and running == ["on worker 1"] * 2
    told = "it declares the resource bench, and is kept for measurements"
    assert str(found["export"].error) == f"dask: no worker can run it (0: {told} | 1: {told})"


def test_a_device_stays_the_worker_that_ran_the_first_task(inside, tmp_path):
    said: list[str] = []
    with inside as executor:
        device = Device(executor, "", said.append)
        job = {"module": "", "order": {}, "timeout_s": 0.0, "wait_s": 5.0}
        done = [device.run("m", "edgeae.timing.device_child", job, {}, 60.0) for _ in range(3)]
    assert {item.worker for item in done} == {device.name} and device.name in ("0", "1")
    assert [item.error for item in done] == [None] * 3
    assert said == [f"on worker {device.name}"]


@pytest.mark.parametrize("command", [("bench",), ("verify", "--golden")])
def test_a_scheduler_that_nobody_started_is_one_line(command, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.05)
    words = (*command, str(tiny_bundle().root), "--on", "pi4", "--scheduler", "tcp://127.0.0.1:1")
    done = edgeae_here(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1].startswith(
        "edgeae: tcp://127.0.0.1:1: no Dask scheduler answers ("
    )


# --- processes in an environment of their own ---


@pytest.fixture(scope="module")
def device_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with edgeae's wheel, its core and Dask alone."""
    folder = tmp_path_factory.mktemp("device")
    wheel = build_wheel(folder)
    return bare_environment(folder / "env", wheel, "dask") / "bin" / "python"


@pytest.fixture
def processes(device_python: Path, tmp_path: Path) -> Iterator[Processes]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    found = Processes(folder, python=device_python)
    lock = {"EDGEAE_LOCK": str(folder / "device.lock")}
    try:
        found.worker("pi4", lock, "--resources", "bench=1", python=device_python)
        found.worker("box", lock, python=device_python)
        yield found
    finally:
        found.end()


def worker_is_there(
    client_words: list[str], cwd: Path, run: Run = edgeae_here
) -> subprocess.CompletedProcess[str]:
    """Run a command until the device's worker has come."""
    limit = time.monotonic() + 60
    while True:
        done = run(*client_words, cwd=cwd)
        if "no worker is called 'pi4'" not in done.stderr or time.monotonic() > limit:
            return done
        time.sleep(0.2)


QUICK = ["--runtime", "litert-xnnpack", "--part", "encoder", "--seconds", "0.05"]


@pytest.mark.system
def test_a_device_without_tensorflow_benches_and_verifies(
    processes, device_python, tiny_bundle, tmp_path
):
    program = "import importlib.util as i; print([i.find_spec(n) is None for n in "
    program += "('tensorflow', 'onnx', 'edgeae', 'distributed')])"
    told = subprocess.run(
        [device_python, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[True, True, False, False]"

    bundle = tiny_bundle()
    scheduler = ["--scheduler", processes.address]
    bench = ["bench", str(bundle.root), *QUICK, *scheduler]
    done = worker_is_there([*bench, "--on", "pi4", "--rounds", "2"], tmp_path)
    assert done.returncode == 0, (done.stderr, processes.log("pi4"))
    rows = read_results(tmp_path / "build" / "results.jsonl")
    assert [(row.round, row.error) for row in rows] == [(0, None), (1, None)]
    for row in rows:
        assert row.samples_ns and row.runtime_version and row.start_ns > 0
        assert (row.machine["worker"], row.machine["host"]) == ("pi4", os.uname().nodename)
        assert row.artifact_sha256 == bundle.artifact("encoder").sha256
    # only pi4 declares the resource
    assert edgeae_here(*bench, cwd=tmp_path).returncode == 0
    assert read_results(tmp_path / "build" / "results.jsonl")[-1].machine["worker"] == "pi4"

    verify = ["verify", str(bundle.root), "--golden", *scheduler, "--on", "pi4"]
    done = edgeae_here(*verify, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((bundle.root / "verify.pi4.json").read_text())
    passed = {row["runtime"] for row in found["rows"] if row["verdict"] == "pass"}
    assert {"litert-xnnpack", "litert-reference"} <= passed
    assert found["machine"]["worker"] == "pi4" and found["golden_only"]
    assert not (bundle.root / "verify.json").exists()

    for name, reason in (
        ("box", "worker box cannot run it: it does not declare the resource bench; pi4 can"),
        ("pi5", "no worker is called 'pi5'; did you mean 'pi4'? (there are: box, pi4)"),
    ):
        done = edgeae_here(*bench, "--on", name, cwd=tmp_path)
        assert done.returncode == 3
        remedy = f'`dask worker {processes.address} --name {name} --resources "bench=1"` starts one'
        assert done.stderr.splitlines()[-1] == f"edgeae: {processes.address}: {reason}; {remedy}"


@pytest.mark.system
def test_two_clients_never_measure_at_once_on_a_device(tmp_path):
    (tmp_path / "cluster").mkdir()
    processes = Processes(tmp_path / "cluster")
    place = Place(tmp_path / "place")
    ended: dict[str, Done] = {}

    def run(client: dask_executor.Dask, name: str, do: str) -> None:
        asked = {"resources": {"bench": 1}, "on": "pi4"}
        with client:
            client.submit(Task(**{**vars(place.task(name, do)), **asked}))
            for done in client.completed():
                ended[name] = done

    def client() -> dask_executor.Dask:
        return dask_executor.Dask(processes.address, jobs=1, say=str)

    try:
        processes.worker("pi4", {}, "--nthreads", "2", "--resources", "bench=1")
        threads = [
            threading.Thread(target=run, args=(client(), "first", "hang")),
            threading.Thread(target=run, args=(client(), "second", "copy")),
        ]
        threads[0].start()
        limit = time.monotonic() + 60
        while not (there := list(children_of(processes.workers["pi4"].pid))):
            assert time.monotonic() < limit
            time.sleep(0.1)
        threads[1].start()
        time.sleep(2)  # a copy takes a fraction of it
        running = dict(ended)
        os.kill(there[0], signal.SIGKILL)
        for thread in threads:
            thread.join(60)
        assert running == {} and "second: on worker pi4" in place.said
        assert "crashed with SIGKILL" in str(ended["first"].error)
        assert ended["second"].error is None
    finally:
        processes.end()


@pytest.mark.system
def test_a_device_that_restarts_measures_again_what_it_had_begun(tiny_bundle, tmp_path):
    (tmp_path / "cluster").mkdir()
    processes = Processes(tmp_path / "cluster")
    declared = ("--name", "pi4", "--resources", "bench=1")
    bundle = tiny_bundle()
    words = ["bench", str(bundle.root), "--runtime", "null", "--part", "encoder", "--rounds", "9"]
    words += ["--seconds", "3", "--scheduler", processes.address, "--on", "pi4"]
    try:
        processes.worker("first", {}, *declared)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(worker_is_there, words, tmp_path, edgeae)
            rows = tmp_path / "build" / "results.jsonl"
            limit = time.monotonic() + 60
            first = processes.workers["first"].pid
            while not (rows.exists() and children_of(first)):  # a later process is measuring
                assert time.monotonic() < limit
                time.sleep(0.02)
            processes.kill("first")
            processes.worker("second", {}, *declared)
            done = running.result(timeout=120)
        assert done.returncode == 0, done.stderr
        assert "pi4: worker pi4 was lost; it runs again" in done.stderr
        found = read_results(rows)
        assert [(row.round, row.error) for row in found] == [(number, None) for number in range(9)]
        assert len({row.session for row in found}) == 1
    finally:
        processes.end()
