import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgeae.errors import BadInput
from edgeae.reading.arrays import parse_npy, parse_npz, read_npy, read_npz
from edgeae.reading.unpacking import VARIABLE

TYPES = st.sampled_from(["u1", "<i2", ">i4", "<f4", ">f8", "bool", "<f2", "<c8"]).map(np.dtype)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def declaring(shape: str, descr: str = "'<f4'", content: bytes = b"") -> bytes:
    """An `.npy` of version 1.0 whose header says what it likes."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def refusal(content: bytes, parse=parse_npy) -> str:
    with pytest.raises(BadInput) as caught:
        parse(content, "a/file") if parse is parse_npy else parse(content, "a/file", ("x",))
    line = str(caught.value)
    assert line.startswith("a/file: ") and "\n" not in line and "allow_pickle" not in line
    return line


@given(arrays(TYPES, array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
def test_any_array_comes_back(array):
    found = parse_npy(npy(array), "a/file")
    assert found.dtype == array.dtype and found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_arrays_in_fortran_s_order_come_back():
    array = np.asfortranarray(np.arange(24, dtype="<i2").reshape(2, 3, 4))
    content = npy(array)
    assert b"'fortran_order': True" in content
    np.testing.assert_array_equal(parse_npy(content, "a/file"), array)


def test_arrays_longer_than_a_piece_come_back(tmp_path):
    array = np.arange(700_001, dtype="<i4")
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", x=array)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), array)
    np.testing.assert_array_equal(read_npz(tmp_path / "x.npz", ("x",))[1]["x"], array)


@pytest.mark.parametrize(
    "shape", ["(1125899906842624,)", "(3,)", "(0,)", "(-2,)", "(-1, -2)", "(2, 2**62)", "(1e3,)"]
)
def test_a_header_that_declares_other_values_than_follow_is_refused(shape):
    assert "not a readable .npy" in refusal(declaring(shape, content=bytes(8)))


def test_what_is_declared_is_looked_at_before_it_is_allocated(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "1M")
    path = tmp_path / "x.npy"
    head = declaring("(1048576, 1024)")
    with path.open("wb") as stream:  # sparse: 4 GiB that take no room
        stream.write(head)
        stream.truncate(len(head) + (4 << 30))
    monkeypatch.setattr(np, "empty", lambda *arguments, **options: pytest.fail("allocated"))
    with pytest.raises(BadInput, match=r"x\.npy unpacks to 4 GiB; allowed here are 1 MiB"):
        read_npy(path)


@pytest.mark.parametrize(
    "content",
    [
        npy(np.array([{}], object)),
        npy(np.zeros(2, [("a", object)])),
        pickle.dumps([1]),
        declaring("(1,)", "'|O'", pickle.dumps([1])),
    ],
)
def test_objects_are_never_unpickled(content, monkeypatch):
    monkeypatch.setattr(pickle, "load", lambda *arguments, **options: pytest.fail("unpickled"))
    assert "pickled objects are refused" in refusal(content)


def test_header_versions_1_and_2_are_read_and_3_is_refused():
    two = io.BytesIO()
    np.lib.format.write_array(two, np.arange(3), version=(2, 0))
    np.testing.assert_array_equal(parse_npy(two.getvalue(), "a/file"), np.arange(3))
    three = io.BytesIO()
    np.lib.format.write_array(three, np.arange(3), version=(3, 0))
    assert "allowed are 1.0 and 2.0" in refusal(three.getvalue())


def test_an_archive_gives_what_is_wanted_and_unpacks_nothing_else(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1000")
    stream = io.BytesIO()
    np.savez(stream, x=np.arange(3), bomb=np.zeros(1_000_000))
    names, found = parse_npz(stream.getvalue(), "a/file", ("x", "y"))
    assert names == ["x", "bomb"] and list(found) == ["x"]
    np.testing.assert_array_equal(found["x"], np.arange(3))


def test_an_archive_s_members_count_together(monkeypatch):
    monkeypatch.setenv(VARIABLE, "2000")
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros(100), y=np.zeros(100), z=np.zeros(100))
    parse_npz(stream.getvalue(), "a/file", ("x", "y"))
    with pytest.raises(BadInput, match="--max-unpacked"):
        parse_npz(stream.getvalue(), "a/file", ("x", "y", "z"))


def archive(member: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        target.writestr("x.npy", member)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive(declaring("(1125899906842624,)")), "its header states"),
        (archive(declaring("(3,)", content=bytes(8))), "its header states"),
        (archive(npy(np.array([{}], object))), "pickled objects"),
        (archive(npy(np.arange(3)), zipfile.ZIP_BZIP2), "compressed by method"),
        (archive(npy(np.arange(3)))[:-30], "not a readable .npz"),
        (npy(np.arange(3)), "it is an .npy"),
        (b"", "not a readable .npz"),
    ],
)
def test_damaged_archives_are_one_line(content, words):
    assert words in refusal(content, parse_npz)


def test_one_kind_is_not_taken_for_the_other():
    assert "it is an .npz" in refusal(archive(npy(np.arange(3))))


@settings(max_examples=200)
@given(st.data())
def test_damage_is_one_line_or_another_array(data):
    content = bytearray(npy(np.arange(6, dtype=np.float32)))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(content), place]))
    try:
        found = parse_npy(bytes(content[:end]), "a/file")
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert found.nbytes == 24


def test_arrays_come_of_regular_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        for read in (read_npy, lambda place: read_npz(place, ("x",))):
            with pytest.raises(BadInput, match=r"not a regular file|a folder"):
                read(path)
