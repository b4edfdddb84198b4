"""`edgeae export --scheduler`: the same bundles, and what the command line says of a cluster."""

import hashlib
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_processes import Processes
from fake_exports import Project
from processes import children_of, is_gone_soon

from edgeae import recipe
from edgeae.conversion.plan.inputs import inputs_of
from edgeae.scheduling import on_worker


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path / "project", "deep", "simple")
    (found.place / "tiny.npz").write_bytes(b"rows")
    return found


def contents(build: Path) -> dict[str, str]:
    """Return path → hash of every file that users see."""
    return {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for link in build.glob("*/*")
        if link.is_symlink()
        for path in sorted(link.rglob("*"))
        if path.is_file()
    }


RECIPES = ("-r", "int8", "-r", "p60-int8", "-r", "float32")


def test_the_bundles_are_those_of_this_machine(project):
    assert project.here(*RECIPES).returncode == 0
    local = contents(project.build)
    done = project.here(*RECIPES, "--force", "--scheduler", "dask", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert len(local) > 6 and contents(project.build) == local
    assert "export deep/int8: on worker " in done.stderr
    assert "export deep/int8: convert\n" in done.stderr
    assert project.left_behind() == []


def test_a_failure_is_told_as_on_this_machine(project):
    done = project.here("-r", "int8", "--scheduler=dask", fail=["deep/int8"])
    assert done.returncode == 1 and project.bundles() == {"simple/int8"}
    lines = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert lines == ["edgeae: build/deep/int8: deep/int8 holds 12 % zeros, 60 % asked"]


def test_a_worker_with_another_tensorflow_gets_no_export(project, monkeypatch):
    version = on_worker._version

    def other(name):
        return "2.0.0" if name == "tensorflow" else version(name)

    monkeypatch.setattr(on_worker, "_version", other)
    monkeypatch.setattr("edgeae.scheduling.dask_executor.WAIT_S", 0.0)
    done = project.here("deep", "-r", "int8", "--scheduler=dask", "--jobs=1")
    assert done.returncode == 3 and project.bundles() == set() and project.logged() == []
    assert "worker 0 is left out: tensorflow 2.0.0, here 2." in done.stderr


def test_the_variable_is_the_default_and_local_overrides_it(project, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    monkeypatch.setattr("edgeae.scheduling.cluster._CONNECT_S", 0.05)
    done = project.here("deep", "-r", "int8")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(
        "edgeae: tcp://127.0.0.1:1: no Dask scheduler answers ("
    )
    assert project.here("deep", "-r", "int8", "--scheduler=local").returncode == 0


# --- the control that a worker trained ---

#: Two recipes of one budget.
TUNED = ("p60-int8", "tfmot-p60-int8")
CONTROL = [0.25, 0.5, 0.125]


def sized(project: Project, test: int = len(CONTROL)) -> None:
    project.model("deep", dataset={**dataset("tiny.npz"), "name": "tiny", "test": test})


def controls(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project.build / "deep/.controls").glob("*")}


def test_a_control_comes_back_and_is_trained_once(project):
    sized(project)
    alone = ("deep", "--scheduler=dask", "--jobs=1")
    for plan in TUNED:
        done = project.here(*alone, "-r", plan, control=CONTROL)
        assert done.returncode == 0, done.stderr
    assert project.logged("control") == ["deep/p60-int8"]
    remote, kept = contents(project.build), controls(project)
    assert len(kept) == 1 and not any("controls" in path for path in remote)
    assert not list(project.build.glob("deep/.bundles/*/.controls"))

    shutil.rmtree(project.build / "deep/.controls")
    words = ("deep", *(f"--recipe={plan}" for plan in TUNED), "--force", "--jobs=1")
    assert project.here(*words, control=CONTROL).returncode == 0
    assert controls(project) == kept and contents(project.build) == remote


def test_exports_that_wait_get_the_control_that_an_earlier_one_trained(project):
    sized(project)
    words = ("deep", *(f"--recipe={plan}" for plan in TUNED), "--scheduler=dask")
    assert project.here(*words, "--jobs=1", control=CONTROL).returncode == 0
    assert len(project.logged("control")) == 1 and len(project.bundles()) == 2


@pytest.mark.parametrize("sent", [[0.5, 0.5], [0.5, float("nan"), 0.5], [1, 2, 3]])
def test_a_control_of_other_losses_is_refused_with_its_bundle(project, sent):
    sized(project)
    done = project.here("deep", "-r", "p60-int8", "--scheduler=dask", control=sent)
    assert done.returncode == 4 and controls(project) == {} and project.bundles() == set()
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert "is damaged and refused" in line and "build/deep/.controls/" in line
    assert project.left_behind() == []


# --- what an export reads ---


def files_of(project: Project, plan: str = "int8", **changes: object) -> dict[str, list[str]]:
    training = project.model("deep", **changes)
    found = inputs_of(project.build / "deep", training, recipe.find(plan))
    return {name: [str(folder.path), *folder.files] for name, folder in found.reads.items()}


def dataset(data: str) -> dict[str, object]:
    return {"name": "mnist", "sha256": "d" * 64, "data": data, "train": 90}


def test_the_model_and_its_rows_are_named(project, tmp_path):
    model = [str(project.build / "deep"), "train.json", "model.keras"]
    rows = files_of(project, dataset=dataset("/data/a.csv"))
    assert rows == {"model": model, "data": ["/data", "a.csv"]}
    assert files_of(project, dataset=dataset("digits")) == {"model": model}
    found = files_of(
        project,
        dataset=dataset("/data/a.csv"),
        configuration={"train_data": "/other/a.csv"},
    )
    assert found["train_data"] == ["/other", "a.csv"] and found["data"] == ["/data", "a.csv"]


def test_a_folder_of_idx_files_is_its_idx_files(project, tmp_path):
    folder = tmp_path / "idx"
    folder.mkdir()
    for name in ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte", "notes.txt"):
        (folder / name).write_bytes(b"")
    (tmp_path / "link").symlink_to(folder)
    found = files_of(project, dataset=dataset(str(tmp_path / "link")))
    listed = ["t10k-labels-idx1-ubyte", "train-images-idx3-ubyte.gz"]
    assert found["data"] == [str(folder), *listed]


def test_mnist_is_where_this_machine_finds_it(project, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEAE_MNIST", str(tmp_path / "mnist.npz"))
    training = project.model("deep", dataset=dataset("auto"))
    found = inputs_of(project.build / "deep", training, recipe.find("int8"))
    assert found.reads["mnist"].files == ("mnist.npz",) and found.rows == {}
    assert found.variables == {"EDGEAE_MNIST": "{mnist}/mnist.npz"}


def test_a_model_whose_rows_are_gone_is_refused_alone(project):
    project.model("simple", dataset={**dataset("gone.npz"), "name": "tiny"})
    done = project.here("-r", "int8", "--scheduler=dask")
    assert done.returncode == 2 and project.bundles() == {"deep/int8"}
    told = f"edgeae: build/simple/int8: {project.place}/gone.npz: No such file or directory\n"
    assert told in done.stderr


def test_a_record_with_rows_elsewhere_is_otherwise_the_same(project):
    training = project.model("deep", configuration={"train_data": "/a/t.csv", "x": 1})
    moved = training.with_rows_at({"data": "/b/d.csv"})
    assert moved.data == "/b/d.csv" and moved.train_data == "/a/t.csv"
    assert moved.with_rows_at({"data": "tiny.npz"}) == training == training.with_rows_at({})
    assert training.with_rows_at({"train_data": "/c"}).train_data == "/c"


# --- processes of their own ---


@pytest.fixture
def processes(project: Project, tmp_path: Path) -> Iterator[Processes]:
    (tmp_path / "cluster").mkdir()
    found = Processes(tmp_path / "cluster")
    try:
        variables = project.environment(wait=["simple/float32"])
        for name in ("w1", "w2"):
            found.worker(name, variables)
        yield found
    finally:
        found.end()


@pytest.mark.system
def test_a_cluster_of_processes_exports_until_ctrl_c(project, processes):
    done = project.run("deep", *RECIPES, "--scheduler", processes.address)
    assert done.returncode == 0, done.stderr
    remote = contents(project.build)
    assert project.here("deep", *RECIPES, "--force").returncode == 0
    assert contents(project.build) == remote

    running = project.start("simple", *RECIPES, "--scheduler", processes.address)
    limit = time.monotonic() + 60
    while len(project.bundles()) < 5 and time.monotonic() < limit:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert project.bundles() == {
        *("deep/int8", "deep/p60-int8", "deep/float32"),
        *("simple/int8", "simple/p60-int8"),
    }
    assert project.left_behind() == [] and "Traceback" not in said
    # what waited in a child of a worker has ended: the worker takes the next export
    again = project.run("deep", *RECIPES, "--force", "--scheduler", processes.address)
    assert again.returncode == 0, again.stderr


@pytest.mark.system
def test_a_killed_client_leaves_no_child_on_the_workers_and_the_rest_is_made_next(
    project, processes
):
    running = project.start("simple", *RECIPES, "--scheduler", processes.address)
    limit = time.monotonic() + 60
    while len(project.bundles()) < 2 and time.monotonic() < limit:
        time.sleep(0.05)
    (waiting,) = (
        child for worker in processes.workers.values() for child in children_of(worker.pid)
    )
    running.kill()
    running.communicate(timeout=30)
    assert project.bundles() == {"simple/int8", "simple/p60-int8"}
    assert is_gone_soon(waiting)
    for worker in processes.workers.values():
        assert worker.poll() is None
    again = project.run("deep", "simple", "-r", "int8", "--scheduler", processes.address)
    assert again.returncode == 0, again.stderr
    assert "export: 1 of 2 up to date" in again.stderr
    assert project.bundles() == {"simple/int8", "simple/p60-int8", "deep/int8"}
