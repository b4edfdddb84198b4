"""`--store`: a folder or a bucket between the client and its workers."""

from pathlib import Path

import pytest
from task_examples import Place

from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.scheduling import dask_executor, on_worker
from edgeae.scheduling.shared_store import SharedStore
from edgeae.scheduling.store import Lacking, Store
from edgeae.scheduling.task import Done, Task
from edgeae.system.atomic import sha256

ROWS = b"rows" * 1000


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(ROWS)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def ends(store: str, *tasks: Task) -> tuple[dict[str, Done], list[str]]:
    lines: list[str] = []
    settings = {"jobs": 2, "say": lines.append, "wait_s": 0.0, "store": store}
    with dask_executor.Dask("dask", **settings) as executor:
        for task in tasks:
            executor.submit(task)
        return {done.task.name: done for done in executor.completed()}, lines


@pytest.mark.parametrize("kind", ["folder", "file://", "memory://"])
def test_a_worker_takes_from_there_what_it_lacks(tmp_path, rows, kind):
    url = {"folder": str(tmp_path / "s"), "file://": f"file://{tmp_path}/s"}.get(kind, f"{kind}a/s")
    shared = SharedStore(url)
    assert not shared.fetch(sha256(ROWS), tmp_path / "a")
    shared.put(sha256(ROWS), rows)
    store = Store(tmp_path / "own", shared)
    store.copy({tmp_path / "in" / "a": sha256(ROWS)})
    assert (tmp_path / "in" / "a").read_bytes() == ROWS
    alone = Store(tmp_path / "own")  # what was taken once is kept
    assert alone.lacks([sha256(ROWS)]) == []


def test_what_is_damaged_there_is_lacking_and_is_written_anew(tmp_path, rows):
    shared = SharedStore(str(tmp_path / "s"))
    shared.put(sha256(ROWS), rows)
    (kept,) = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    kept.write_bytes(ROWS[:-1] + b"!")
    with pytest.raises(Lacking):
        Store(tmp_path / "own", shared).copy({tmp_path / "a": sha256(ROWS)})
    assert not (tmp_path / "a").exists()
    shared.put(sha256(ROWS), rows)
    assert kept.read_bytes() != ROWS  # it is taken as it stands
    shared.put(sha256(ROWS), rows, overwrite=True)
    assert kept.read_bytes() == ROWS


def test_inputs_travel_through_it_and_never_straight(place, tmp_path, monkeypatch):
    monkeypatch.setattr(on_worker, "put", None)
    monkeypatch.setattr(on_worker, "lacks", None)
    found, _ = ends(str(tmp_path / "s"), *(place.task(name, "copy") for name in "abc"))
    assert [done.error for done in found.values()] == [None] * 3
    assert set(place.files("a").values()) >= {b"1,2\n" * 1000}
    kept = [path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert sorted(kept) == [b"", b"1,2\n" * 1000]  # the first tells workers that it is theirs


def test_damage_in_the_store_costs_a_second_try(place, tmp_path, rows):
    content = b"1,2\n" * 1000
    damaged = tmp_path / "s" / sha256(content)[:2] / sha256(content)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"other bytes")
    found, _ = ends(str(tmp_path / "s"), place.task("a", "copy"))
    assert found["a"].error is None and damaged.read_bytes() == content


def test_a_worker_that_does_not_reach_it_is_named_and_left_out(place, tmp_path, monkeypatch):
    url = str(tmp_path / "s")
    monkeypatch.setattr(SharedStore, "is_written", lambda self: False)  # another machine's disk
    found, lines = ends(url, place.task("a", "copy"))
    told = f"is left out: --store {url}: what the client wrote there is not there"
    assert sorted(lines) == [f"worker 0 {told}", f"worker 1 {told}"]
    error = found["a"].error
    assert isinstance(error, RuntimeUnavailable) and url in str(error) and place.left() == []


def test_a_store_that_cannot_be_written_is_one_line(place, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    url = str(tmp_path / "file")
    with pytest.raises(BadInput, match=rf"^--store {url}: cannot be written \("):
        ends(url, place.task("a", "copy"))
    assert place.opened == []


def test_what_is_no_store_is_refused_at_once(tmp_path):
    with pytest.raises(
        BadInput, match=r"^--store nfs://a/b: allowed is a folder or a URL of fsspec"
    ):
        SharedStore("nfs://a/b")
