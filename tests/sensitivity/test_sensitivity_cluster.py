"""`edgeae sensitivity --scheduler`: the same result, and a control that is trained once."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import fake_sensitivity_child as fake
import numpy as np
import pytest
from edgeae_cli import edgeae_here
from fake_exports import Project

from edgeae import recipe
from edgeae.artifacts.model import open_model
from edgeae.compression import control_cache
from edgeae.conversion.plan.controls import VALIDATION, control_of
from edgeae.scheduling import on_worker
from edgeae.system import children

BASE = """
quantization = "int8"
[prune]
sparsity = 0.8
steps = 200
"""
SEARCH = ("--max-loss-ratio", "1.05", "--most", "3", "--out", "found.toml", "--json", "--force")


class Searches(Project):
    """A project whose searches are fakes that read rows, and train a control, as the children do.

    Attributes:
        jobs: the job of each child, in order.
        trained: number of controls that were trained.
        losses: the control's losses.
    """

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.jobs: list[dict[str, Any]] = []
        self.trained = 0
        self.losses = np.array([0.5, 0.25])
        (place / "rows.csv").write_bytes(b"rows")
        (place / "prunes.toml").write_text(BASE)
        data = {"name": "rows", "sha256": "d" * 64, "data": "rows.csv", "train": 9, "validation": 2}
        self.model("deep", dataset=data)

    def sensitivity(self, *words: str) -> subprocess.CompletedProcess[str]:
        said = json.dumps({"left": 0.02})
        with mock.patch.object(children, "stream", self._stream):
            command = ("sensitivity", "deep", "-r", "prunes.toml", *words)
            return edgeae_here(*command, cwd=self.place, FAKE_SENSITIVITY=said)

    def controls(self) -> list[bytes]:
        return [path.read_bytes() for path in (self.build / "deep" / ".controls").glob("*")]

    def _stream(self, module: str, job: Mapping[str, Any], **_: object) -> Iterator[dict[str, Any]]:
        job = json.loads(json.dumps(job))
        self.jobs.append(job)
        folder = Path(job["model"])
        training = open_model(folder).with_rows_at(job.get("rows", {}))
        assert (self.place / training.data).read_bytes() == b"rows"
        if "limit" in job:
            plan = recipe.from_table(job["recipe"])
            if control_cache.read(control_of(folder, training, plan, VALIDATION)) is None:
                out = Path(job.get("controls", folder))
                control_cache.write(control_of(out, training, plan, VALIDATION), self.losses)
                self.trained += 1
        yield from json.loads(json.dumps(list(fake.work(job))))


@pytest.fixture
def project(tmp_path) -> Searches:
    return Searches(tmp_path)


def test_a_search_finds_the_same_and_trains_its_control_once(project):
    done = project.sensitivity(*SEARCH)
    assert done.returncode == 0, done.stderr
    folder = project.build / "deep"
    made = [project.place / "found.toml", folder / "sensitivity.json", folder / "sensitivity.svg"]
    local = [path.read_bytes() for path in made] + project.controls()
    assert len(project.jobs) >= 3 and all(job["model"] == "build/deep" for job in project.jobs)
    assert not any({"rows", "controls"} & job.keys() for job in project.jobs)
    (control,) = (folder / ".controls").iterdir()
    for path in (*made, control):
        path.unlink()
    told = done.stdout
    project.jobs, project.trained = [], 0

    done = project.sensitivity(*SEARCH, "--scheduler=dask")
    assert done.returncode == 0, done.stderr
    assert done.stdout == told and project.trained == 1
    assert [path.read_bytes() for path in made] + project.controls() == local
    places = {job["model"] for job in project.jobs}
    assert len(places) == len(project.jobs) >= 3 and "build/deep" not in places
    lines = done.stderr.splitlines()
    assert "sensitivity deep: on worker 0" in lines and "sensitivity deep: nothing" in lines
    assert "sensitivity deep: fine-tuning 2, of 3 at most: on worker 0" in lines


def test_a_control_that_was_damaged_here_is_replaced(project):
    assert project.sensitivity(*SEARCH).returncode == 0
    (control,) = (project.build / "deep" / ".controls").iterdir()
    whole = control.read_bytes()
    control.write_bytes(whole[:-1])
    project.trained = 0
    done = project.sensitivity(*SEARCH, "--scheduler=dask")
    assert done.returncode == 0, done.stderr
    assert project.trained == 1 and project.controls() == [whole]


def test_losses_that_are_none_end_the_search_and_nothing_is_written(project):
    project.losses = np.array([0.5])  # of two images
    done = project.sensitivity(*SEARCH, "--scheduler=dask")
    assert (done.returncode, done.stdout) == (4, "") and project.controls() == []
    assert "is damaged and refused" in done.stderr.splitlines()[-1]
    assert not (project.place / "found.toml").exists()
    assert not (project.build / "deep" / "sensitivity.json").exists()


def test_rows_that_are_gone_are_one_line(project):
    (project.place / "rows.csv").unlink()
    done = project.sensitivity("--scheduler=dask")
    assert done.returncode == 2 and project.jobs == []
    assert f"edgeae: {project.place}/rows.csv: No such file or directory\n" in done.stderr


def test_a_worker_without_k_means_is_left_out(project, monkeypatch):
    """The curves cluster also under a recipe that does not."""
    version = on_worker._version
    monkeypatch.setattr(
        on_worker, "_version", lambda name: None if name == "scikit-learn" else version(name)
    )
    monkeypatch.setattr("edgeae.scheduling.dask_executor.WAIT_S", 0.0)
    done = project.sensitivity("--scheduler=dask")
    assert done.returncode == 3 and project.jobs == []
    assert "worker 0 is left out: scikit-learn is missing, here " in done.stderr


def test_what_a_cluster_needs_is_refused_without_one(project):
    done = project.sensitivity("--retries=1")
    assert done.returncode == 2 and "--retries 1: only with --scheduler" in done.stderr
