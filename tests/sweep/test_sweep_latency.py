"""p50 of a sweep's cells: what is timed, where, and what is taken from earlier benches."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from edgeae_cli import edgeae_here
from fake_sweeps import SweepProject
from one_worker import OneWorker
from result_rows import timed

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.errors import BadInput, Busy
from edgeae.scheduling import dask_executor
from edgeae.sweep.file import Evaluate
from edgeae.sweep.latency import Latency, check_place, measured_latency, timed_before
from edgeae.sweep.result import SCHEMA, Sweep, SweepCell
from edgeae.sweep.table import render
from edgeae.system.machine import named
from edgeae.timing.place import Here
from edgeae.timing.results import append, read_results

GRID = """
[grid]
families = ["simple", "deep"]
codes = 8
data = "tiny.npz"
recipes = ["float32", "int8"]
[evaluate]
runtime = "litert-xnnpack"
part = "encoder"
"""
RUNTIME = "litert-xnnpack"


class Bench:
    """Stands for the bench: each job takes 15 µs.

    Attributes:
        timed: names of the bundles that were timed, in order.
        absent: whether this machine lacks the runtime.
        refused: bundles that the runtime does not take.
        busy: whether another process measures here.
    """

    def __init__(self) -> None:
        self.timed: list[str] = []
        self.absent, self.busy = False, False
        self.refused: set[str] = set()

    def probe(self, runtime, line=None):
        if self.absent:
            return {"error": f"{runtime} is not installed", "code": 3}
        return {"version": "2.3.0", "device": "cpu"}

    def bench(self, jobs, seconds, results, say, *, shown, place):
        if self.busy:
            raise Busy("process 7 is measuring")
        for job in jobs:
            artifact = job.artifact
            row = replace(
                timed(open_bundle(job.root), runtime=job.runtime, machine=named(), session="new"),
                part=artifact.part,
                artifact_sha256=artifact.sha256,
            )
            self.timed.append(f"{job.model}/{job.recipe}")
            if self.timed[-1] in self.refused:
                row = replace(row, samples_ns=(), error="it takes no such model", code=2)
            append(results, row)
            yield row


@pytest.fixture
def fake(monkeypatch) -> Bench:
    found = Bench()
    monkeypatch.setattr("edgeae.sweep.latency.bench", found.bench)
    monkeypatch.setattr(Here, "probe", lambda self, runtime, line=None: found.probe(runtime))
    return found


@pytest.fixture
def project(tmp_path, fake) -> SweepProject:
    found = SweepProject(tmp_path)
    found.file(GRID)
    return found


def test_each_cell_has_its_p50_and_its_host_and_is_not_timed_again(project, fake):
    done = project.sweep("s.toml")
    assert done.returncode == 0, done.stderr
    cells = project.result().cells
    assert {(cell.p50_us, cell.host, cell.state) for cell in cells} == {
        (15.0, named()["host"], "done")
    }
    assert f"p50 of the encoder in litert-xnnpack, on {named()['host']}" in done.stdout
    assert len([line for line in project.journal() if line[1:] == ("time", "measured")]) == 4
    first = list(fake.timed)
    assert len(first) == len(set(first)) > 0
    assert project.sweep("s.toml").returncode == 0
    assert fake.timed == first and project.result().cells == cells


def test_a_dry_run_counts_what_is_to_be_timed(project):
    lines = project.sweep("s.toml", "--dry-run").stdout.splitlines()
    assert "measurements        4           0      4" in lines
    project.sweep("s.toml")
    lines = project.sweep("s.toml", "--dry-run").stdout.splitlines()
    assert "measurements        4           4      0" in lines


def test_the_status_counts_what_is_timed(project, fake):
    line = ["latencies", "4", "0", "0", "0", "4"]
    assert line in [row.split() for row in status_of(project)]
    fake.busy = True
    project.sweep("s.toml")
    assert ["latencies", "4", "0", "0", "4", "0"] in [row.split() for row in status_of(project)]
    fake.busy = False
    project.sweep("s.toml")
    found = [row.split() for row in status_of(project)]
    assert ["latencies", "4", "4", "0", "0", "0"] in found
    assert not any(row[:1] == ["measurements"] for row in found)  # no core counts anything


def test_what_the_core_does_not_take_is_timed_all_the_same(project, fake):
    """Both stages begin with the bundles."""
    project.file(f"{GRID}core = 'cortex-m4'\n")
    project.refuse = {"simple-c8-t1-tiny/int8"}
    project.sweep("s.toml")
    found = json.loads(project.sweep("s.toml", "--status", "--json").stdout)["stages"]
    assert (found["measure"]["ready"], found["measure"]["ended"]) == (3, 1)
    assert (found["time"]["ready"], found["time"]["ended"]) == (4, 0)


def status_of(project):
    return project.sweep("s.toml", "--status").stdout.splitlines()


def test_a_runtime_that_is_absent_is_told_once_and_ends_with_3(project, fake):
    fake.absent = True
    done = project.sweep("s.toml")
    assert done.returncode == 3
    told = "litert-xnnpack: litert-xnnpack is not installed"
    assert done.stderr.count(told) == 1
    for cell in project.result().cells:
        assert (cell.state, cell.reason, cell.p50_us) == ("not measured", told, None)
        assert cell.loss is not None


def test_a_machine_that_is_busy_costs_only_the_times(project, fake):
    fake.busy = True
    done = project.sweep("s.toml")
    assert done.returncode == 2
    for cell in project.result().cells:
        assert (cell.state, cell.reason) == ("not measured", "process 7 is measuring")
        assert cell.packed_bytes is not None


def test_what_is_beyond_its_budget_is_not_timed(project, fake):
    project.file(GRID + "[budget]\npacked_bytes = 1")
    assert project.sweep("s.toml").returncode == 0
    assert fake.timed == [] and set(project.states().values()) == {"over budget"}


def test_a_worker_is_for_a_cluster(project):
    project.file(GRID + 'on = "pi4"')
    done = project.sweep("s.toml")
    assert done.returncode == 2 and project.trained == []
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert line == "edgeae: evaluate.on = 'pi4': needs --scheduler tcp://HOST:PORT"
    check_place(Evaluate(runtime=RUNTIME, on="pi4"), is_cluster=True)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('runtime = "litert-xnpack"', "unknown runtime 'litert-xnpack'; did you mean"),
        ('runtime = "null"', "unknown runtime 'null'"),
        ('runtime = "c-cortex-m4"', "unknown runtime 'c-cortex-m4'"),
        ('on = "pi4"', "a worker, beside a runtime"),
    ],
)
def test_a_key_that_fits_nothing_is_one_line(project, keys, said):
    project.file(GRID.partition("[evaluate]")[0] + f"[evaluate]\n{keys}")
    done = project.sweep("s.toml")
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr.splitlines()) == 1 and "s.toml" in done.stderr


def test_on_a_cluster_its_device_times_what_is_there(tmp_path, monkeypatch):
    project = SweepProject(tmp_path)
    project.file(GRID.partition("[evaluate]")[0])
    assert project.sweep("s.toml").returncode == 0
    worker = OneWorker(tmp_path / "worker")
    monkeypatch.setattr(dask_executor, "Dask", lambda *_, **__: worker)
    monkeypatch.setattr("edgeae.sweep.latency._SECONDS", 0.05)
    words = ("sweep", "s.toml", "--scheduler", "tcp://127.0.0.1:1")
    project.file(GRID + 'on = "pi4"')
    done = edgeae_here(*words, cwd=project.place)
    assert done.returncode == 0, done.stderr
    cells = project.result().cells
    assert {(cell.host, cell.state) for cell in cells} == {("pi4", "done")}
    assert all(cell.p50_us > 0 for cell in cells)
    assert "p50 of the encoder in litert-xnnpack, on pi4\n" in done.stdout
    assert {(task.on, task.resources["bench"]) for task in worker.tasks} == {("pi4", 1)}
    first = len(worker.tasks)
    assert edgeae_here(*words, cwd=project.place).returncode == 0
    assert project.result().cells == cells
    asked = ["litert-xnnpack's version", "machine"]  # and nothing is timed again
    assert [task.name for task in worker.tasks[first:]] == asked
    worker.gone = True
    project.file(GRID)
    done = edgeae_here(*words, cwd=project.place)
    assert done.returncode == 3 and {cell.state for cell in project.result().cells} == {
        "not measured"
    }


# --- one bundle ---


def measured(bundle: Bundle, build: Path) -> list[tuple[str, Latency, bool]]:
    evaluate = Evaluate(runtime=RUNTIME, part="encoder")
    return list(measured_latency({bundle.name: bundle}, evaluate, build, str))


def test_the_latest_bench_of_the_same_bytes_here_is_taken(fake, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    sha256 = bundle.artifact("encoder").sha256
    old = timed(bundle, machine=named(), part="encoder", artifact_sha256=sha256, session="a")
    results = tmp_path / "results.jsonl"
    for row in (
        replace(old, block=5),
        replace(old, block=20, session="b"),  # 7.5 µs
        replace(old, block=10, session="b"),  # 15 µs
        replace(old, block=1, session="c", threads=2),
        replace(old, block=1, session="d", batch=8),
        replace(old, block=1, session="e", runtime_version="1.0"),
        replace(old, block=1, session="f", artifact_sha256="0" * 64),
        replace(old, block=1, session="g", machine={**named(), "worker": "pi4"}),
        replace(old, session="h", samples_ns=(), error="hung", code=5),
    ):
        append(results, row)
    ((name, found, fresh),) = measured(bundle, tmp_path)
    assert (name, found.p50_us, fresh) == ("tiny/int8", 11.25, False) and fake.timed == []
    rows = read_results(results)
    assert sha256 not in timed_before(rows, RUNTIME, {**named(), "host": "other"}, "2.3.0")


def test_what_the_runtime_does_not_take_is_a_cell_without_a_time(fake, tiny_bundle, tmp_path):
    fake.refused = {"tiny/int8"}
    ((_, found, fresh),) = measured(tiny_bundle(), tmp_path)
    assert (found.p50_us, found.error, fresh) == (None, f"{RUNTIME}: it takes no such model", True)
    evaluate = Evaluate(runtime="onnxruntime-cpu", part="encoder")
    bundles = {"tiny/int8": tiny_bundle()}
    ((_, found, _),) = measured_latency(bundles, evaluate, tmp_path, str)
    assert (found.error, found.code) == ("onnxruntime-cpu: it holds no encoder.onnx", 0)


def test_times_of_several_hosts_are_not_compared_silently():
    cell = SweepCell("deep", "int8", "deep", 8, None, "relu", 0, "auto", "done")
    here = replace(cell, p50_us=15.0, host="box")
    there = replace(cell, recipe="float32", p50_us=150.0, host="pi4")
    evaluate = {"part": "encoder", "runtime": RUNTIME}

    def text(*cells: SweepCell) -> str:
        return render(Sweep(SCHEMA, "s", {}, {}, evaluate, {}, 0, cells), "f")

    one, two, none = text(here, cell), text(here, there), text(cell)
    assert "p50 of the encoder in litert-xnnpack, on box\n" in one and "host" not in one
    assert "on 2 machines: compare only times of one host" in two
    assert [line.split()[-3:] for line in two.splitlines()[1:3]] == [
        ["µs", "box", "done"],
        ["µs", "pi4", "done"],
    ]
    assert "p50" not in none


def test_a_part_that_is_none_is_refused():
    with pytest.raises(BadInput, match="part"):
        Evaluate(runtime=RUNTIME, part="code")
