"""Rows that a model is to run on, from files of every kind that is taken."""

import numpy as np
import pytest

from edgeae.data import Reading
from edgeae.data.given import read_given
from edgeae.errors import BadInput

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_arrays_are_as_they_are_stored(tmp_path):
    for dtype in (np.uint8, np.int16, np.float64):
        np.save(tmp_path / "a.npy", ROWS.astype(dtype))
        found = read_given(tmp_path / "a.npy")
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, ROWS)


@pytest.mark.parametrize("names", [("x",), ("x_test", "x_train"), ("x", "x_test"), ("arr_0",)])
def test_of_an_archive_the_first_known_name_is_taken(names, tmp_path):
    stored = {name: ROWS + place for place, name in enumerate(names)}
    np.savez(tmp_path / "a.npz", **stored)
    np.testing.assert_array_equal(read_given(tmp_path / "a.npz"), ROWS)


def test_one_line_of_a_csv_is_enough(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,3\n")
    np.testing.assert_array_equal(read_given(tmp_path / "a.csv"), [[1, 2, 3]])


def test_columns_are_taken_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    found = read_given(tmp_path / "a.csv", Reading(columns=("c", "a")))
    np.testing.assert_array_equal(found, [[3, 1], [6, 4]])


def test_windows_are_cut_from_a_recording_and_kept_where_they_are_cut(tmp_path):
    recording = np.arange(20, dtype=np.float32).reshape(10, 2)
    np.save(tmp_path / "a.npy", recording)
    reading = Reading(window=4, step=3)
    windows = read_given(tmp_path / "a.npy", reading)
    np.testing.assert_array_equal(windows, [recording[0:4], recording[3:7], recording[6:10]])
    np.save(tmp_path / "b.npy", windows)
    np.testing.assert_array_equal(read_given(tmp_path / "b.npy", reading), windows)
    np.save(tmp_path / "c.npy", recording[:3])
    with pytest.raises(BadInput, match="--window 4: longer than the whole of the recording"):
        read_given(tmp_path / "c.npy", reading)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.png", b"", "a.png: allowed are .npy, .npz and .csv files"),
        ("a.npy", b"", "a.npy: not a readable .npy"),
        ("a.npy", b"\x80\x04", "a.npy: pickled objects are refused"),
        ("a.csv", b"", "a.csv: no line of numbers"),
        ("a.csv", b"1,2\n1,x\n", "a.csv: line 2: 'x' is not a number"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=told):
        read_given(tmp_path / name)


def test_what_is_not_there_is_refused_by_name(tmp_path):
    for name in ("a.npy", "a.npz", "a.csv", "a.png"):
        with pytest.raises(BadInput, match=f"{name}: no such file"):
            read_given(tmp_path / name)
