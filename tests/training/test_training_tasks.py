"""Trainings as tasks: what is sent, and what is published of what comes back."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import fake_training_child
import pytest
import tiny

from edgeae import data
from edgeae.artifacts.model import open_model
from edgeae.data import Reading
from edgeae.errors import Busy
from edgeae.families.table import settings
from edgeae.scheduling.local import Local
from edgeae.system import children
from edgeae.training.current import writing
from edgeae.training.tasks import Asked, _task, train_on

PLAN = settings("deep", code=8, epochs=3)


class Child:
    """Stands in for the child: writes a model, and remembers its jobs."""

    def __init__(self, **changes: Any) -> None:
        self.changes, self.jobs = changes, list[dict[str, Any]]()

    def stream(self, module: str, job: dict[str, Any], **_: object) -> Iterator[dict[str, Any]]:
        assert module == "edgeae.training.child"
        self.jobs.append(json.loads(json.dumps(job)))
        return fake_training_child.work(self.jobs[-1], **self.changes)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    found = Child()
    monkeypatch.setattr(children, "stream", found.stream)
    return found


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    rows = tiny.dataset_file(tmp_path)
    return Asked(tmp_path / "build" / "a", PLAN, str(rows), data.load(str(rows)).sha256)


def trained(asked: Asked, **options: bool) -> tuple[tuple[str, int, str], list[str]]:
    lines: list[str] = []
    (found,) = train_on(Local(1), {"a": asked}, say=lines.append, **options)
    return found, lines


def test_what_is_published_is_what_a_training_makes(asked, child):
    (asked.folder / ".training").mkdir(parents=True)  # of a training that was killed
    found, lines = trained(asked)
    assert found == ("a", 0, "") and lines == ["train a: 1/1 epochs"]
    files = sorted(path.name for path in asked.folder.iterdir())
    assert files == [".train.lock", "model.keras", "sheet.npz", "train.json"]
    training = open_model(asked.folder)
    assert training.configuration == json.loads(json.dumps(asdict(PLAN)))
    assert training.data == asked.data  # as this machine calls it


def test_what_is_up_to_date_is_trained_only_by_force(asked, child):
    trained(asked)
    assert trained(asked) == (("a", 0, ""), [f"{asked.folder}: up to date"])
    assert len(child.jobs) == 1
    trained(asked, force=True)
    trained(replace(asked, settings=settings("deep", code=4)))
    trained(replace(asked, reading=Reading(standardize=True)))
    assert len(child.jobs) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"configuration": {"epochs": 4}},
        {"interrupted": True},
        {"dataset": {"name": "t", "sha256": "e" * 64, "data": "t.npz", "train": 9}},
    ],
    ids=["settings", "interrupted", "rows"],
)
def test_a_model_that_was_not_asked_for_is_refused(asked, child, changes):
    trained(asked)
    before = (asked.folder / "train.json").read_bytes()
    child.changes = changes
    (_, code, error), _ = trained(asked, force=True)
    assert code == 4 and error.startswith(f"{asked.folder}: the worker trained with other")
    assert (asked.folder / "train.json").read_bytes() == before


def test_a_damaged_model_is_refused(asked, child):
    child.changes = {"file_sha256": "0" * 64}
    (_, code, _), _ = trained(asked)
    assert code == 4 and not (asked.folder / "train.json").exists()


def test_a_model_that_another_process_trains_is_busy(asked, child):
    with writing(asked.folder):
        (_, code, error), _ = trained(asked)
    assert code == Busy.code and "being written by another edgeae" in error and child.jobs == []


def test_a_task_names_its_rows_and_what_must_be_the_same(asked):
    task = _task(asked, print, lambda event, worker: None)
    rows = Path(asked.data)
    assert {key: (item.path, item.files) for key, item in task.reads.items()} == {
        "data": (rows.parent, (rows.name,))
    }
    assert (task.job["data"], task.job["recorded"]) == (f"{{data}}/{rows.name}", asked.data)
    assert set(task.versions) == {"edgeae", "tensorflow", "tf-keras"}
    task = _task(replace(asked, data="digits"), print, lambda event, worker: None)
    assert (task.reads, task.job["data"], task.variables) == ({}, "digits", {})
