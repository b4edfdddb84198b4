"""Making a bundle: what a killed process left is cleared, and only that."""

from pathlib import Path

import pytest

from edgeae.artifacts.bundle import STORE
from edgeae.artifacts.publish import building
from edgeae.errors import Busy


def made(model: Path, recipe: str, content: str) -> Path:
    with building(model, recipe) as scratch:
        (scratch / "file").write_text(content)
    return model / recipe


def folders(model: Path) -> set[str]:
    return {path.name for path in (model / STORE).iterdir() if path.is_dir()}


def test_what_killed_processes_left_is_cleared_and_other_recipes_are_not(tmp_path):
    link = made(tmp_path, "int8", "old")
    neighbour = made(tmp_path, "int8-fast", "beside")
    # killed while it built; after it was whole, but before the link; before the old one was gone
    for name in ("int8@a.part", "int8@b", "int8@c"):
        (tmp_path / STORE / name).mkdir()
        (tmp_path / STORE / name / "file").write_text("left")
    with building(tmp_path, "int8") as scratch:
        assert (link / "file").read_text() == "old"  # readers still see it
        assert folders(tmp_path) == {link.readlink().name, neighbour.readlink().name, scratch.name}
        (scratch / "file").write_text("new")
    assert (link / "file").read_text() == "new"
    assert (neighbour / "file").read_text() == "beside"
    assert folders(tmp_path) == {link.readlink().name, neighbour.readlink().name}


def test_what_fails_leaves_the_old_one(tmp_path):
    link = made(tmp_path, "int8", "old")
    with pytest.raises(RuntimeError, match="half"), building(tmp_path, "int8") as scratch:
        (scratch / "file").write_text("new")
        raise RuntimeError("half")
    assert (link / "file").read_text() == "old"
    assert folders(tmp_path) == {link.readlink().name}


def test_a_second_export_of_the_same_bundle_is_refused_and_disturbs_nothing(tmp_path):
    with building(tmp_path, "int8") as scratch:
        (scratch / "file").write_text("first")
        with pytest.raises(Busy, match="int8"), building(tmp_path, "int8"):
            pytest.fail("two exports wrote it")
    assert (tmp_path / "int8" / "file").read_text() == "first"
