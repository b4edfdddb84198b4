"""What a worker answers, and what a client refuses of it."""

import json
from pathlib import Path

import pytest

from edgeae.errors import ManifestMismatch, OutOfTolerance, RuntimeUnavailable
from edgeae.scheduling import answer


@pytest.fixture
def made(tmp_path: Path) -> bytes:
    folder = tmp_path / "made"
    (folder / "below").mkdir(parents=True)
    (folder / "a").write_bytes(b"")
    (folder / "below" / "b").write_bytes(b"\0\n{}" * 1000)
    return answer.pack([{"n": 1}], folder)


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    assert content.count(old) >= 1 and len(old) == len(new)
    return content.replace(old, new)


def refused(content: bytes, place: Path) -> str:
    place.mkdir()
    with pytest.raises(ManifestMismatch) as caught:
        answer.unpack(content, place, "worker w1")
    assert list(place.iterdir()) == []
    return str(caught.value)


def test_files_and_reports_come_back(made, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    assert answer.unpack(made, place, "worker w1") == [{"n": 1}]
    assert (place / "a").read_bytes() == b""
    assert (place / "below" / "b").read_bytes() == b"\0\n{}" * 1000
    assert answer.lacking(made) == []
    assert answer.lacking(answer.pack_lacking(["ab"])) == ["ab"]


def test_an_error_comes_back_as_itself(tmp_path):
    with pytest.raises(OutOfTolerance, match=r"^12 % zeros$"):
        answer.unpack(answer.pack_error(OutOfTolerance("12 % zeros")), tmp_path, "w")
    with pytest.raises(RuntimeUnavailable, match=r"^no TF; pip it$"):
        answer.unpack(answer.pack_error(RuntimeUnavailable("no TF", "pip it")), tmp_path, "w")


def test_a_changed_byte_is_refused(made, tmp_path):
    line = refused(made[:-1] + b"x", tmp_path / "place")
    assert line.startswith("worker w1: its answer is damaged and refused (the hash of below/b")


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_a_cut_answer_is_refused(made, tmp_path, cut):
    refused(made[:cut], tmp_path / "place")


def test_more_than_the_files_is_refused(made, tmp_path):
    assert "bytes of files" in refused(made + b"more", tmp_path / "place")


@pytest.mark.parametrize("path", [b"../el/b", b"/elow/b", b"el/../b"])
def test_a_path_that_leaves_the_folder_is_refused(made, tmp_path, path):
    line = refused(changed(made, b"below/b", path), tmp_path / "place")
    assert f"a file is called '{path.decode()}'" in line


def test_an_error_that_is_none_is_refused(tmp_path):
    for name in ("os", "naming", "Gone"):
        header = json.dumps({"error": {"raised": name, "arguments": ["x"]}}).encode()
        refused(len(header).to_bytes(8, "big") + header, tmp_path / name)
