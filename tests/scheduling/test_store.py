"""A worker's store: contents by their hashes, checked as they come and as they are read."""

from pathlib import Path

import pytest

from edgeae.scheduling.store import Lacking, Store
from edgeae.system.atomic import sha256

ROWS = b"rows" * 1000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_was_put_is_there_and_the_rest_is_named(store, tmp_path):
    assert store.lacks([sha256(ROWS)]) == [sha256(ROWS)]
    store.put(sha256(ROWS), ROWS)
    assert store.lacks([sha256(ROWS), sha256(b"")]) == [sha256(b"")]
    with pytest.raises(Lacking) as caught:
        store.copy({tmp_path / "in" / "a": sha256(ROWS), tmp_path / "in" / "b": sha256(b"")})
    assert caught.value.hashes == (sha256(b""),)
    assert (tmp_path / "in" / "a").read_bytes() == ROWS


def test_a_copy_is_the_tasks_own(store, tmp_path):
    store.put(sha256(ROWS), ROWS)
    store.copy({tmp_path / "a": sha256(ROWS)})
    (tmp_path / "a").write_bytes(b"changed by a task")
    store.copy({tmp_path / "b": sha256(ROWS)})
    assert (tmp_path / "b").read_bytes() == ROWS


def test_what_was_damaged_on_its_way_is_refused(store):
    with pytest.raises(ValueError, match="damaged on its way"):
        store.put(sha256(ROWS), ROWS[1:])
    assert store.lacks([sha256(ROWS)]) == [sha256(ROWS)]


def test_what_was_damaged_in_the_store_is_lacking(store, tmp_path):
    store.put(sha256(ROWS), ROWS)
    (kept,) = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    kept.write_bytes(ROWS[:-1] + b"!")
    with pytest.raises(Lacking):
        store.copy({tmp_path / "a": sha256(ROWS)})
    assert store.lacks([sha256(ROWS)]) == [sha256(ROWS)] and not (tmp_path / "a").exists()


def test_a_hash_is_no_path(store):
    for name in ("../../etc/passwd", "", "a" * 63 + "/"):
        with pytest.raises(ValueError, match="no sha256"):
            store.lacks([name])
