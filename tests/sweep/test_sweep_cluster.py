"""`edgeae sweep --scheduler`: the same sweep, and a journal of who did what."""

import pytest
from dask_processes import Processes, certificates
from fake_sweeps import CELLS, GRID, MODELS, SweepProject

from edgeae.sweep.journal import read as read_journal


@pytest.fixture
def project(tmp_path) -> SweepProject:
    found = SweepProject(tmp_path)
    found.file(GRID)
    return found


def test_a_cluster_trains_and_exports_the_same_cells(project):
    project.fail = {"simple-c4-tiny"}
    done = project.sweep("s.toml", "--scheduler", "dask", "--jobs", "2")
    assert done.returncode == 2, done.stderr
    there = set(MODELS) - project.fail
    assert set(project.trained) == there
    assert set(project.logged()) == {name for name in CELLS if name.split("/")[0] in there}
    assert "train deep-c4-tiny: 1/1 epochs" in done.stderr
    events = read_journal(project.build / "sweeps" / "s.jsonl")
    assert (events[0].event, events[0].worker, events[-1].event) == ("started", "dask", "ended")
    sent = {(item.cell, item.stage) for item in events if item.event == "sent"}
    assert sent == {(name, "train") for name in MODELS} | {
        (name, "export") for name in CELLS if name.split("/")[0] in there
    }
    assert {item.worker for item in events if item.event == "sent"} == {"0", "1"}
    reasons = {cell.reason for cell in project.result().cells if cell.state == "failed"}
    assert reasons == {"training: the loss is no number"}
    project.fail, project.trained = set(), []
    assert project.sweep("s.toml").returncode == 0  # here, after it failed there
    assert project.trained == ["simple-c4-tiny"]
    assert set(project.states().values()) == {"done"}


def test_a_scheduler_with_nobody_there_is_one_line_and_an_event(project, monkeypatch):
    monkeypatch.setattr("edgeae.scheduling.cluster._CONNECT_S", 0.05)
    done = project.sweep("s.toml", "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 3 and project.trained == []
    assert done.stderr.splitlines()[-1].startswith(
        "edgeae: tcp://127.0.0.1:1: no Dask scheduler answers ("
    )
    start, end = read_journal(project.build / "sweeps" / "s.jsonl")
    assert (start.worker, end.event, end.code) == ("tcp://127.0.0.1:1", "failed", 3)


@pytest.mark.system
@pytest.mark.cold
def test_a_sweep_runs_under_tls(project, tmp_path):
    root = tmp_path / "cluster"
    root.mkdir()
    certificates(root)
    files = ("--tls-ca-file", "cert.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    own = ("--tls-ca", "cert.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    processes = Processes(root, *files, protocol="tls")
    try:
        for name in ("w1", "w2"):
            processes.worker(name, project.environment())
        words = [f"{root}/{word}" if word.endswith(".pem") else word for word in own]
        done = project.command("sweep", "s.toml", "--scheduler", processes.address, *words)
        assert done.returncode == 0, done.stderr
        assert "warning: " not in done.stderr
        assert set(project.states()) == set(CELLS) and set(project.states().values()) == {"done"}
        events = read_journal(project.build / "sweeps" / "s.jsonl")
        assert {item.worker for item in events if item.event == "sent"} == {"w1", "w2"}
        done = project.command("sweep", "s.toml", "--scheduler", processes.address, *words[:2])
        assert done.returncode == 2 and "--tls-key go together" in done.stderr
    finally:
        processes.end()
