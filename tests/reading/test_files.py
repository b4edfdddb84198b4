import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.reading import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "bundle"
    (inside / "golden").mkdir(parents=True)
    (inside / "golden" / "code.npy").write_bytes(b"code")
    (inside / "encoder.tflite").write_bytes(b"encoder")
    (tmp_path / "outside.tflite").write_bytes(b"outside")
    return inside


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a socket's name in the file system; its length is limited, so relative."""
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    return path


# What a user names


def test_a_regular_file_is_read_also_through_links(folder):
    link, chain = folder / "link", folder / "chain"
    link.symlink_to(folder.parent / "outside.tflite")
    chain.symlink_to(link)
    assert files.read(chain) == b"outside" == files.read(folder.parent / "outside.tflite", 7)


def test_only_regular_files_are_opened_and_none_hangs(tmp_path, monkeypatch):
    refused = {
        Path("/dev/zero"): "not a regular file",
        fifo(tmp_path / "fifo"): "not a regular file",
        bound(tmp_path / "socket", monkeypatch): "not a regular file",
        tmp_path: "a folder, not a file",
    }
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    refused[tmp_path / "link"] = "not a regular file"
    for path, words in refused.items():
        with pytest.raises(BadInput) as caught:
            files.read(path)
        assert str(caught.value) == f"{path}: {words}"


def test_a_device_is_not_even_opened(monkeypatch):
    monkeypatch.setattr(os, "open", lambda *arguments: pytest.fail("opened"))
    with pytest.raises(BadInput, match="not a regular file"):
        files.read(Path("/dev/zero"))


def test_what_changes_between_the_look_and_the_opening_is_refused(tmp_path, monkeypatch):
    path, swapped = tmp_path / "file", fifo(tmp_path / "fifo")
    path.write_bytes(b"1")
    opened = os.open
    monkeypatch.setattr(os, "open", lambda _, *rest: opened(swapped, *rest))
    with pytest.raises(BadInput, match="not a regular file"):
        files.read(path)


def test_a_missing_file_is_the_system_s_to_say(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "nowhere")


def test_a_name_with_a_nul_is_refused(tmp_path):
    with pytest.raises(BadInput, match="NUL"):
        files.read(tmp_path / "a\0b")


def test_the_size_is_looked_at_before_anything_is_read(tmp_path):
    path = tmp_path / "sparse.tflite"
    with path.open("wb") as stream:
        stream.truncate(3 << 30)
    with pytest.raises(BadInput, match=r"sparse\.tflite: 3,221,225,472 bytes; allowed are 2,147"):
        files.read(path, files.MODEL_BYTES)


def test_a_file_that_grows_is_not_read_beyond_its_bound(tmp_path):
    path = tmp_path / "growing"
    path.write_bytes(b"1234")
    with files.open_regular(path, 4) as stream, path.open("ab") as growing:
        growing.write(b"567")
        growing.flush()
        with pytest.raises(BadInput, match="5 bytes; allowed are 4 at most"):
            files._whole(path, stream, 4)


# What a manifest names


def test_files_inside_a_folder_are_read_by_plain_names(folder, tmp_path):
    assert files.read_inside(folder, "encoder.tflite") == b"encoder"
    assert files.read_inside(folder, "golden/code.npy", 4) == b"code"
    (tmp_path / "shown").symlink_to(folder)
    assert files.read_inside(tmp_path / "shown", "encoder.tflite") == b"encoder"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../outside.tflite", "golden/../../outside.tflite", "/etc/passwd"),
        *("a\0b", "a\x1b]0;title\x07b", "golden\\code.npy", "a\nb", "a\ud800b"),
    ],
)
def test_names_that_lead_out_or_cannot_be_shown_are_refused(folder, name):
    with pytest.raises(BadInput) as caught:
        files.read_inside(folder, name)
    assert str(caught.value).isprintable()


@given(st.text(max_size=12))
def test_a_plain_name_never_leaves_its_folder(name):
    try:
        place = files.plain_name(name)
    except BadInput:
        return
    base = Path("/a/folder")
    assert Path(os.path.normpath(base / place)).is_relative_to(base)
    assert Path(os.path.normpath(base / place)) != base


def test_no_link_below_the_folder_is_followed(folder):
    (folder / "last.tflite").symlink_to(folder.parent / "outside.tflite")
    (folder / "within.tflite").symlink_to(folder / "encoder.tflite")
    (folder / "sub").symlink_to(folder.parent)
    for name in ("last.tflite", "within.tflite", "sub/outside.tflite"):
        with pytest.raises(BadInput, match="a link"):
            files.read_inside(folder, name)


def test_what_is_no_regular_file_of_a_folder_is_refused(folder):
    fifo(folder / "fifo")
    for name, words in {"fifo": "not a regular file", "golden": "a folder, not a file"}.items():
        with pytest.raises(BadInput) as caught:
            files.read_inside(folder, name)
        assert str(caught.value) == f"{folder / name}: {words}"
    with pytest.raises(BadInput, match="7 bytes; allowed are 6 at most"):
        files.read_inside(folder, "encoder.tflite", 6)


def test_what_the_system_refuses_names_the_whole_path(folder):
    for name in ("nowhere", "nowhere/code.npy", "encoder.tflite/code.npy"):
        with pytest.raises(OSError) as caught:
            files.read_inside(folder, name)
        assert caught.value.filename == str(folder / name)
