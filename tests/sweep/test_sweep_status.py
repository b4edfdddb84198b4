"""`edgeae sweep --status`: from journals by hand, and beside sweeps whose children are fakes."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_sweeps import CELLS, CORE, GRID, MODELS, SweepProject

from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.sweep import plan as plans
from edgeae.sweep.status import Stage, status
from edgeae.sweep.status_table import render
from edgeae.system import atomic

#: A time, in seconds since 1970, from which the others count.
START = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
LOCK = Path("build", "sweeps", ".s.lock")
STARTED = (0, "", "sweep", "started")


@pytest.fixture
def project(tmp_path, monkeypatch) -> SweepProject:
    monkeypatch.chdir(tmp_path)
    found = SweepProject(tmp_path)
    found.file(GRID + CORE)
    return found


def journal(*events: tuple[float, str, str, str], build: str = "build") -> None:
    """Write events: seconds after START, cell, stage and event; make the files that they name."""
    lines = []
    for seconds, cell, stage, event in events:
        time = datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = {"schema": 1, "time": time, "cell": cell, "stage": stage, "event": event}
        row |= {"reason": "it broke", "code": 1} if event == "failed" else {}
        row |= {"worker": "w1"} if event in ("sent", "lost") else {}
        row |= {"worker": "tcp://far:8786"} if event == "started" else {}
        lines.append(json.dumps(row) + "\n")
        file = {"trained": "train.json", "exported": "manifest.json"}.get(event)
        if file:
            (Path(build) / cell).mkdir(parents=True, exist_ok=True)
            (Path(build) / cell / file).touch()
    path = Path(build, "sweeps", "s.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))


def at(seconds: float):
    return status(plans.read(Path("s.toml")), Path("build"), START + seconds)


def trained(first: float, pitch: float, count: int = 4) -> list[tuple[float, str, str, str]]:
    return [(first + n * pitch, name, "train", "trained") for n, name in enumerate(MODELS[:count])]


def test_before_the_first_run_all_is_left(project):
    done = project.sweep("s.toml", "--status")
    assert done.returncode == 0 and not project.build.exists()
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["sweep", "s:", "has", "not", "begun"],
        ["planned", "ready", "failed", "ended", "left"],
        ["models", "4", "0", "0", "0", "4"],
        ["exports", "8", "0", "0", "0", "8"],
        ["measurements", "8", "0", "0", "0", "8"],
    ]


def test_after_an_interrupt_and_after_the_end(project):
    project.interrupt = "deep-c4-tiny"
    project.sweep("s.toml")
    found = json.loads(project.sweep("s.toml", "--status", "--json").stdout)
    assert found["running"] is None and found["result"] is None and found["pace"] is None
    assert found["end"]["event"] == "interrupted"
    assert found["stages"]["train"] == {"total": 4, "ready": 2, "failed": 0, "ended": 0, "left": 2}
    assert (found["last"]["cell"], found["last"]["event"]) == ("simple-c8-tiny", "trained")
    assert 0 <= found["ago_s"] < 600
    project.interrupt = ""
    project.refuse = {"deep-c4-tiny/float32"}
    project.sweep("s.toml")
    before = sorted((path, path.stat().st_mtime_ns) for path in project.build.rglob("*"))
    text = project.sweep("s.toml", "--status").stdout
    assert sorted((path, path.stat().st_mtime_ns) for path in project.build.rglob("*")) == before
    lines = text.splitlines()
    assert lines[0].startswith("sweep s: no process runs it; the last run ended at 20")
    assert [line.split()[1:] for line in lines[2:5]] == [
        *(["4", "4", "0", "0", "0"], ["8", "8", "0", "0", "0"], ["8", "7", "0", "1", "0"]),
    ]
    assert lines[-1] == f"result: {project.build.name}/sweeps/s.json and s.html"


def test_what_failed_is_listed_and_what_is_behind_it_has_ended(project):
    project.fail = {"simple-c4-tiny"}
    project.sweep("s.toml", fail=["deep-c4-tiny/int8"])
    found = json.loads(project.sweep("s.toml", "--status", "--json").stdout)
    stages = found["stages"]
    assert stages["train"] == {"total": 4, "ready": 3, "failed": 1, "ended": 0, "left": 0}
    assert stages["export"] == {"total": 8, "ready": 5, "failed": 1, "ended": 2, "left": 0}
    assert stages["measure"] == {"total": 8, "ready": 5, "failed": 0, "ended": 3, "left": 0}
    assert [item["cell"] for item in found["failed"]] == ["simple-c4-tiny", "deep-c4-tiny/int8"]
    lines = project.sweep("s.toml", "--status").stdout.splitlines()
    (line,) = [line for line in lines if "simple-c4-tiny:" in line]
    assert line.startswith("failed: simple-c4-tiny: training: the loss is no number (exit 2, ")


def test_what_a_budget_ended_has_ended_and_what_was_deleted_is_left(project):
    project.file(GRID + CORE + "[budget]\nloss = 0.03")
    project.sweep("s.toml")
    shutil.rmtree(project.build / "deep-c8-tiny")
    found = json.loads(project.sweep("s.toml", "--status", "--json").stdout)["stages"]
    assert found["train"] == {"total": 4, "ready": 3, "failed": 0, "ended": 0, "left": 1}
    assert found["export"] == {"total": 8, "ready": 2, "failed": 0, "ended": 4, "left": 2}


def test_while_it_runs_the_process_the_pace_and_the_time_left_are_told(project):
    journal(
        *trained(-5000, 1),  # an earlier run trained all; this one trains two again
        STARTED,
        *trained(20, 20, 2),
        (45, CELLS[6], "export", "sent"),
        *((50 + 10 * n, cell, "export", "exported") for n, cell in enumerate(CELLS[:5])),
        (92, CELLS[5], "export", "sent"),
        (93, CELLS[5], "export", "lost"),
    )
    with atomic.lock(LOCK, "s"):
        os.utime(LOCK, (START, START))
        found = at(100)
        text = render(found)
    assert found.running is not None and found.pace is not None
    assert found.running.process == str(os.getpid())
    assert (found.running.since, found.running.seconds) == ("2026-01-31T12:00:00Z", 100)
    # exports since the last training of this run, at 40 s: 5 in 60 s, so 3 take 36 s
    assert (found.pace.stage, found.pace.ended) == ("export", 5)
    assert (found.pace.seconds, found.pace.left_s) == (60, pytest.approx(36))
    assert found.stages["export"] == Stage(8, 5, 0, 0, 3)
    assert ([item.cell for item in found.sent], found.lost) == ([CELLS[6]], 1)
    lines = text.splitlines()
    told = f"sweep s: process {os.getpid()} runs it on tcp://far:8786 since 2026-01-31T12:00:00Z"
    assert lines[0] == f"{told}, 1 min 40 s ago"
    assert lines[-4:] == [
        f"last: {CELLS[4]} exported (export) at 2026-01-31T12:01:30Z, 10 s ago",
        "under way: 1 on w1",
        "lost: once a worker with a task; see the journal",
        "exports: 5 in 1 min: about 36 s for the 3 left; nothing can be told of the measurements",
    ]


def test_no_pace_is_told_from_little_or_from_another_run(project):
    journal(STARTED, *trained(1, 1, 2))
    with atomic.lock(LOCK, "s"):
        os.utime(LOCK, (START, START))
        assert at(100).pace is None  # two are too few
        journal((-60, "", "sweep", "started"), *trained(-50, 1, 3))
        assert at(100).pace is None  # of an earlier run
        journal(*trained(-50, 1, 3), STARTED)
        assert at(100).pace is None
        journal(STARTED, *trained(1, 1, 3))
        assert at(100).pace is not None
    assert at(100).pace is None and at(100).running is None


def test_what_failed_before_this_run_is_left_until_it_fails_again(project):
    early, late = (-60, MODELS[0], "train", "failed"), (30, MODELS[0], "train", "failed")
    journal(early)
    assert at(60).stages["train"] == Stage(4, 0, 1, 0, 3)
    with atomic.lock(LOCK, "s"):
        os.utime(LOCK, (START, START))
        assert at(60).stages["train"] == Stage(4, 0, 0, 0, 4) and at(60).failed == ()
        journal(early, STARTED)
        assert at(60).stages["train"] == Stage(4, 0, 0, 0, 4)
        journal(early, STARTED, late)
        assert at(60).stages["train"] == Stage(4, 0, 1, 0, 3)
        assert at(60).stages["export"] == Stage(8, 0, 0, 2, 6)


def test_how_the_last_run_ended_is_told(project):
    for event, told in (
        ("started", "was killed, which began at 2026-01-31T12:00:09Z"),
        ("interrupted", "was interrupted at 2026-01-31T12:00:09Z"),
        ("failed", "failed at 2026-01-31T12:00:09Z: it broke"),
        ("ended", "ended at 2026-01-31T12:00:09Z"),
    ):
        journal(STARTED, (5, MODELS[0], "train", "sent"), (9, "", "sweep", event))
        first = render(at(20)).splitlines()[0]
        assert first == f"sweep s: no process runs it; the last run {told}"
        # no worker has what a run that is over sent
        assert at(20).sent == () and at(20).stages["train"] == Stage(4, 0, 0, 0, 4)
        assert at(20).failed == () and at(20).last is None


def test_many_failures_are_listed_in_part(project):
    project.file(GRID.replace("[4, 8]", str(list(range(2, 14)))))
    names = [model.name for model in plans.read(Path("s.toml")).models]
    journal(*((0.0, name, "train", "failed") for name in names))
    lines = render(at(1)).splitlines()
    assert lines[-1] == "… and 4 further failures; --json has all"
    assert sum(line.startswith("failed: ") for line in lines) == 20
    assert "measurements" not in render(at(1))  # no core


def test_it_needs_no_tensorflow(project, monkeypatch):
    project.sweep("s.toml")

    def absent(*_: object) -> None:
        raise RuntimeUnavailable("tensorflow is not installed")

    monkeypatch.setattr("edgeae.training.current.versions", absent)
    assert project.sweep("s.toml", "--dry-run").returncode == 3
    assert project.sweep("s.toml", "--status").returncode == 0


def test_a_damaged_journal_and_two_ways_to_look_are_refused(project):
    project.sweep("s.toml")
    (project.build / "sweeps" / "s.jsonl").write_text("no json\n")
    done = project.sweep("s.toml", "--status")
    assert done.returncode == 2 and "s.jsonl:1: not an event of a sweep" in done.stderr
    with pytest.raises(BadInput):
        at(0)
    done = project.sweep("s.toml", "--status", "--dry-run")
    assert done.returncode == 2
    assert done.stderr == "edgeae: --status: allowed without --dry-run\n"
