"""`edgeae compare --scheduler`: all bundles are made on a cluster, then compared as ever."""

import json
import subprocess
from dataclasses import replace
from typing import Any
from unittest import mock

import fake_export_child
import fake_exports
import pytest
from edgeae_cli import edgeae_here
from fake_exports import Project

from edgeae.comparison import compare as compare_room
from edgeae.comparison import pairs
from edgeae.errors import BadInput
from edgeae.summary.comparison import ENGINES, read
from edgeae.system import children

PAIRS = [pair for pair in pairs.PAIRS if pair.about in ("80 % zeros", "QAT")]
CELLS = [(pair.about, engine) for pair in PAIRS for engine in ENGINES]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setattr(pairs, "PAIRS", PAIRS)
    monkeypatch.setattr(compare_room, "PAIRS", PAIRS)
    found = Project(tmp_path / "project", "deep")
    (found.place / "tiny.npz").write_bytes(b"rows")
    return found


def compare(project: Project, *words: str, **said: Any) -> subprocess.CompletedProcess[str]:
    with mock.patch.object(children, "stream", fake_exports._stream):
        environment = project.environment(**said)
        return edgeae_here("compare", "deep", *words, cwd=project.place, **environment)


def test_the_table_is_that_of_this_machine_apart_from_the_seconds(project):
    kept = project.build / "compare.json"
    done = compare(project)
    assert done.returncode == 0, done.stderr
    local = read(kept).measured
    assert [(item.about, item.engine) for item in local] == CELLS
    assert all(item.seconds is not None for item in local)
    bundles = project.bundles()
    again = compare(project, "--scheduler=dask")  # up to date: no cluster is needed
    assert again.stdout == done.stdout and "on worker" not in again.stderr
    assert read(kept).measured == local

    kept.unlink()
    for name in bundles:
        (project.build / name).unlink()
    done = compare(project, "--scheduler=dask")
    assert done.returncode == 0, done.stderr
    assert project.bundles() == bundles
    assert read(kept).measured == tuple(replace(item, seconds=None) for item in local)
    assert done.stdout.count(" unknown\n") == len(CELLS)
    assert "export deep/qat-int8: on worker " in done.stderr
    assert compare(project).stdout == done.stdout  # and nothing is timed that is up to date


def test_what_was_timed_here_and_made_there_again_has_no_seconds(project):
    """Here it took a time, but what was made is another bundle."""
    assert compare(project).returncode == 0
    (project.build / "deep" / "qat-int8").unlink()
    assert compare(project, "--scheduler=dask").returncode == 0
    measured = read(project.build / "compare.json").measured
    unknown = [(item.about, item.engine) for item in measured if item.seconds is None]
    assert unknown == [("QAT", "edgeae")]


def test_what_fails_there_ends_it_when_the_others_are_made(project):
    done = compare(project, "--scheduler=dask", fail=["deep/qat-int8"])
    assert done.returncode == 1 and "12 % zeros, 60 % asked" in done.stderr.splitlines()[-1]
    assert len(project.bundles()) == len(CELLS) - 1
    measured = read(project.build / "compare.json").measured
    assert len(measured) == CELLS.index(("QAT", "edgeae")) == 2
    assert compare(project, "--scheduler=dask").returncode == 0
    assert len(project.bundles()) == len(CELLS)


def test_what_tfmot_refuses_there_is_a_cell(project, monkeypatch):
    work = fake_export_child.work

    def picky(job):
        if job["recipe"]["name"] == "tfmot-qat-int8":
            raise BadInput("[qat] engine = 'tfmot': tfmot does not take layer x")
        yield from work(job)

    monkeypatch.setattr(fake_export_child, "work", picky)
    done = compare(project, "--scheduler=dask", "--json")
    assert done.returncode == 0, done.stderr
    refused = [row for row in json.loads(done.stdout)["measured"] if row["refused"]]
    assert [(row["about"], row["engine"]) for row in refused] == [("QAT", "tfmot")]
    assert refused[0]["refused"].endswith("tfmot does not take layer x")
