"""`edgeae train` and `edgeae zoo` with `--scheduler`: trainings on the workers of a cluster."""

import json
import subprocess
from unittest import mock

import pytest
from edgeae_cli import edgeae_here
from fake_sweeps import SweepProject

from edgeae.artifacts.model import open_model
from edgeae.system import children


@pytest.fixture
def project(tmp_path) -> SweepProject:
    return SweepProject(tmp_path)


def run(project: SweepProject, *words: str) -> subprocess.CompletedProcess[str]:
    with mock.patch.object(children, "stream", project._stream):
        return edgeae_here(*words, "--scheduler=dask", cwd=project.place, **project.environment())


def test_several_codes_are_several_tasks(project):
    words = ("train", "deep", "--code", "4", "8", "--data", "tiny.npz", "--json")
    done = run(project, *words)
    assert done.returncode == 0, done.stderr
    assert set(project.trained) == {"deep-c4", "deep-c8"}
    assert "train deep-c4: on worker " in done.stderr
    assert [item["model"] for item in json.loads(done.stdout)] == ["deep-c4", "deep-c8"]
    training = open_model(project.build / "deep-c4")
    assert training.data == str(project.place / "tiny.npz")
    project.fail = {"deep-c8"}
    done = run(project, *words)
    assert done.returncode == 0 and "build/deep-c8: up to date" in done.stderr
    done = run(project, *words, "--force")
    assert done.returncode == 2 and done.stdout == ""
    assert "edgeae: build/deep-c8: the loss is no number" in done.stderr
    assert project.trained.count("deep-c4") == 2


def test_the_zoo_trains_there_what_is_not_up_to_date(project, monkeypatch):
    monkeypatch.setattr("edgeae.training.table.zoo_figures", lambda training: training.model)
    monkeypatch.setattr("edgeae.training.table.zoo_misses", lambda trainings: [])
    words = ("zoo", "simple", "deep", "--data", "tiny.npz", "--json")
    project.fail = {"deep"}
    done = run(project, *words)
    assert done.returncode == 2 and project.trained == ["simple"]
    failed = {"error": "the loss is no number"}
    assert json.loads(done.stdout) == {"simple": "simple", "deep": failed}
    project.fail = set()
    assert run(project, *words).returncode == 0 and project.trained == ["simple", "deep"]
