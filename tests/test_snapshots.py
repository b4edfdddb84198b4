"""The comparison of printed texts with the files in `tests/snapshots/`."""

import pytest
import snapshots
from edgeae_cli import TESTS


def test_every_snapshot_is_compared_with_a_text():
    sources = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    assert snapshots.FOLDER.is_dir()
    for path in snapshots.FOLDER.iterdir():
        assert f'"{path.name}"' in sources, path


def test_a_difference_is_shown_and_can_be_written(tmp_path, monkeypatch):
    monkeypatch.delenv("UPDATE_SNAPSHOTS", raising=False)
    monkeypatch.setattr(snapshots, "FOLDER", tmp_path)
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    snapshots.snapshot("one\ntwo\n", "a.txt")
    for text in ("one\nthree\n", "one\ntwo"):
        with pytest.raises(pytest.fail.Exception, match=r"(?s)-two\n\+t.*UPDATE_SNAPSHOTS=1"):
            snapshots.snapshot(text, "a.txt")
    with pytest.raises(pytest.fail.Exception, match=r"\+one"):
        snapshots.snapshot("one\n", "b.txt")
    monkeypatch.setenv("UPDATE_SNAPSHOTS", "1")
    snapshots.snapshot("one\nthree\n", "a.txt")
    monkeypatch.delenv("UPDATE_SNAPSHOTS")
    snapshots.snapshot("one\nthree\n", "a.txt")
