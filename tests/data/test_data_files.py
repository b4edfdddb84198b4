import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from test_data import idx_bytes, idx_folder, mnist_like, refusal

from edgeae import data
from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput

#: The format's own table: type byte → what `struct` calls one big-endian element.
ELEMENTS = {0x08: "B", 0x09: "b", 0x0B: ">h", 0x0C: ">i", 0x0D: ">f", 0x0E: ">d"}
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.fixture
def decibels() -> np.ndarray:
    return np.random.default_rng(2).normal(-60, 20, (31, 6)).astype(np.float32)


def npy(path: Path, array: np.ndarray) -> str:
    np.save(path, array)
    return str(path)


def everything(dataset: Dataset) -> np.ndarray:
    return np.concatenate([dataset.train, dataset.test])


def as_set(rows: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in rows}


# Rows alone


@pytest.mark.parametrize("n", [10, 11, 31])
def test_rows_alone_are_halved_into_calibration_and_test(tmp_path, n):
    rows = np.arange(n * 3, dtype=np.float32).reshape(n, 3)
    dataset = data.load(npy(tmp_path / "mine.npy", rows))
    assert not dataset.trainable and dataset.name == "mine"
    assert abs(len(dataset.train) - len(dataset.test)) <= 1
    # disjoint, and nothing is lost
    assert as_set(dataset.train) & as_set(dataset.test) == set()
    assert as_set(everything(dataset)) == as_set(rows)
    assert 0 < len(dataset.validation) < len(dataset.train)
    assert as_set(dataset.validation) < as_set(dataset.train)


def test_the_halves_mix_an_ordered_file_and_are_the_same_each_time(tmp_path):
    path = npy(tmp_path / "mine.npy", np.arange(400, dtype=np.float32).reshape(200, 2))
    first, again = data.load(path), data.load(path)
    np.testing.assert_array_equal(first.test, again.test)
    assert abs(first.train.mean() - first.test.mean()) < 40  # sorted halves differ by 200


def test_rows_alone_have_several_names_in_an_npz(tmp_path, decibels):
    np.savez(tmp_path / "x.npz", x=decibels)
    np.savez(tmp_path / "test.npz", x_test=decibels, y_test=np.arange(31))
    np.savez(tmp_path / "unnamed.npz", decibels)
    np.savez(tmp_path / "others.npz", x=decibels, pickled=np.array([{}], object))
    hashes = set()
    for name in ("x", "test", "unnamed", "others"):
        dataset = data.load(str(tmp_path / f"{name}.npz"))
        assert as_set(everything(dataset)) == as_set(decibels) and not dataset.trainable
        hashes.add(dataset.sha256)
    assert hashes == {data.load(npy(tmp_path / "m.npy", decibels)).sha256}


def test_labels_stay_with_their_rows(tmp_path):
    rows = np.arange(40, dtype=np.int16).reshape(20, 2)
    np.savez(tmp_path / "m.npz", x=rows, y=rows[:, 0] * 3)
    dataset = data.load(str(tmp_path / "m.npz"))
    np.testing.assert_array_equal(dataset.test_labels, dataset.test[:, 0] * 3)
    np.testing.assert_array_equal(dataset.train_labels, dataset.train[:, 0] * 3)


def test_two_unnamed_arrays_are_not_guessed_between(tmp_path, decibels):
    np.savez(tmp_path / "m.npz", decibels, decibels)
    assert "arr_0, arr_1" in refusal(str(tmp_path / "m.npz"))


def test_rows_alone_are_not_trained_on(tmp_path, decibels):
    dataset = data.load(npy(tmp_path / "m.npy", decibels))
    for require in (data.require_trainable, data.require_unit):
        with pytest.raises(BadInput, match=r"m\.npy: only representative rows"):
            require(dataset)


# Rows with a training file


def test_a_training_file_beside_rows_is_the_npz_of_both(tmp_path, decibels):
    training = decibels[:20] - 5
    rows, train = npy(tmp_path / "rows.npy", decibels), npy(tmp_path / "train.npy", training)
    np.savez(tmp_path / "both.npz", x_train=training, x_test=decibels)
    np.savez(tmp_path / "x_train.npz", x_train=training)
    both = data.load(str(tmp_path / "both.npz"))
    for file in (train, str(tmp_path / "x_train.npz"), str(tmp_path / "both.npz")):
        joined = data.load(rows, train=file)
        assert joined.trainable and joined.name == "rows" and joined.sha256 == both.sha256
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(getattr(joined, part), getattr(both, part))


def test_what_a_training_file_cannot_go_with(tmp_path, decibels):
    train = npy(tmp_path / "train.npy", decibels)
    np.savez(tmp_path / "both.npz", x_train=decibels, x_test=decibels)
    np.savez(tmp_path / "x_train.npz", x_train=decibels)
    narrow = npy(tmp_path / "narrow.npy", decibels[:, :5])
    pixels = npy(tmp_path / "pixels.npy", decibels.astype(np.int8).view(np.uint8))
    for name, words in {
        "digits": "digits: takes no training file",
        str(tmp_path / "both.npz"): "x_train",
        str(tmp_path / "x_train.npz"): "x_train",
        narrow: "shape (6,), x_test of (5,)",
        pixels: "x_train is float32, x_test uint8",
    }.items():
        with pytest.raises(BadInput) as caught:
            data.load(name, train=train)
        line = str(caught.value)
        assert name in line and words in line and "\n" not in line
    with pytest.raises(BadInput, match="no such file"):
        data.load(train, train=str(tmp_path / "nowhere.npy"))


def test_a_training_file_alone_has_nothing_to_judge_on(tmp_path, decibels):
    np.savez(tmp_path / "m.npz", x_train=decibels)
    assert "no array 'x_test'" in refusal(str(tmp_path / "m.npz"))


# Values and ranks


@settings(max_examples=40, deadline=None)
@given(
    rows=arrays(
        np.float32,
        array_shapes(min_dims=1, max_dims=3, max_side=4).map(lambda shape: (12, *shape)),
        elements=FINITE,
    )
)
def test_any_finite_values_of_any_rank_come_back(tmp_path_factory, rows):
    path = npy(tmp_path_factory.mktemp("any") / "m.npy", rows)
    dataset = data.load(path)
    assert dataset.bounds is None and dataset.width == rows[0].size
    real = dataset.images("test", rows.shape[1:])
    assert real.dtype == np.float32 and real.shape[1:] == rows.shape[1:]
    known = as_set(rows)
    assert all(row.tobytes() in known for row in real)


@pytest.mark.parametrize("dtype", ["i1", "i2", ">i4", "u2", "i8", "f2", "f4", ">f8"])
def test_integers_and_floats_become_float32(tmp_path, dtype):
    rows = np.arange(60).reshape(15, 4).astype(dtype)
    real = data.load(npy(tmp_path / "m.npy", rows)).images("test", (2, 2))
    assert real.dtype == np.dtype("=f4")
    assert as_set(real.reshape(-1, 4)) < as_set(rows.astype("=f4"))


@settings(max_examples=60, deadline=None)
@given(scale=st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3), offset=st.floats(-300, 300))
def test_pixels_stay_within_their_bounds_and_reach_both(scale, offset):
    ramp = np.arange(256, dtype=np.uint8).reshape(32, 8)
    dataset = Dataset(
        "ramp", "", ramp, ramp, ramp, None, None, Normalization(scale, offset), True, ""
    )
    real = dataset.images("test", (8,))
    assert dataset.bounds == (real.min(), real.max())
    np.testing.assert_allclose(real.ravel(), np.arange(256) * scale + offset, rtol=1e-5, atol=1e-3)


def test_a_normalization_replaces_the_usual_one(tmp_path):
    np.savez(tmp_path / "m.npz", x=np.full((10, 4), 51, np.uint8))
    usual = data.load(str(tmp_path / "m.npz"))
    signed = data.load(str(tmp_path / "m.npz"), normalization=Normalization(2 / 255, -1))
    np.testing.assert_allclose(usual.images("test", (4,)), 0.2, rtol=1e-6)
    assert usual.bounds == (0, 1)
    np.testing.assert_allclose(signed.images("test", (4,)), -0.6, rtol=1e-6)
    assert signed.bounds == (-1, 1) and signed.sha256 == usual.sha256
    assert signed.normalized(usual.normalization).bounds == (0, 1)
    assert signed.normalization.to_json() == {"scale": 2 / 255, "offset": -1}


@pytest.mark.parametrize(
    ("scale", "offset"), [(0, 0), (np.nan, 0), (np.inf, 0), (1, np.nan), (1, -np.inf)]
)
def test_a_normalization_that_is_none_is_refused(scale, offset):
    with pytest.raises(BadInput, match="finite"):
        Normalization(scale, offset)


def test_a_normalization_beyond_float32_is_refused(tmp_path):
    path = npy(tmp_path / "m.npy", np.full((10, 2), 1e30))
    with pytest.raises(BadInput, match="too large"):
        data.load(path, normalization=Normalization(1e30, 0)).images("test", (2,))


def test_a_row_is_read_in_another_shape_only_where_its_order_is_certain(tmp_path):
    rows = np.arange(480, dtype=np.float32).reshape(10, 3, 4, 4)
    dataset = data.load(npy(tmp_path / "m.npy", rows))
    for shape in ((48,), (3, 4, 4), (3, 4, 4, 1), (1, 48), (1, 3, 4, 4)):
        assert dataset.images("test", shape).shape == (5, *shape)
    for shape in ((4, 4, 3), (47,), (6, 8), (3, 16)):
        with pytest.raises(BadInput) as caught:
            dataset.images("test", shape)
        line = str(caught.value)
        assert "dataset m: rows of 48 values" in line and f"shape {shape}" in line


# .npy


def object_array(path: Path) -> None:
    np.save(path, np.array([{"a": 1}] * 20, object), allow_pickle=True)


def too_large_for_any_memory(path: Path) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 50, 4)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)


WRONG_NPY = {
    "too large": (too_large_for_any_memory, "not a readable .npy"),
    "a folder": (lambda path: path.mkdir(), "a folder"),
    "pickled objects": (object_array, "pickled"),
    "a pickle": (lambda path: path.write_bytes(b"\x80\x04]\x94."), "pickled"),
    "an .npz": (lambda path: path.write_bytes(b"PK\3\4" + bytes(40)), "it is an .npz"),
    "text": (lambda path: path.write_text("1,2\n3,4\n"), "not a readable .npy"),
    "empty": (lambda path: path.write_bytes(b""), "not a readable .npy"),
    "cut": (lambda path: path.write_bytes(b"\x93NUMPY\1\0"), "not a readable .npy"),
    "missing": (lambda path: None, "no such file"),
    "nine rows": (lambda path: np.save(path, np.zeros((9, 4))), "10 rows"),
    "no value": (lambda path: np.save(path, np.zeros((20, 0))), "10 rows"),
    "a vector": (lambda path: np.save(path, np.zeros(20)), "shape (20,)"),
    "strings": (lambda path: np.save(path, np.full((20, 4), "a")), "elements are <U1"),
    "complex": (lambda path: np.save(path, np.zeros((20, 4), complex)), "elements are complex128"),
    "a NaN": (lambda path: np.save(path, np.full((20, 4), np.nan)), "80 values are NaN"),
}


@pytest.mark.parametrize("kind", WRONG_NPY)
def test_a_wrong_npy_is_named(tmp_path, kind):
    path = tmp_path / "mine.npy"
    write, words = WRONG_NPY[kind]
    write(path)
    line = refusal(str(path))
    assert line.startswith(f"{path}: ") and words in line


def test_a_pickle_called_npz_is_refused_as_one(tmp_path):
    (tmp_path / "m.npz").write_bytes(b"\x80\x04]\x94.")
    assert "pickled" in refusal(str(tmp_path / "m.npz"))
    np.savez(tmp_path / "o.npz", x_test=np.array([{}] * 20, object))
    assert "pickled" in refusal(str(tmp_path / "o.npz"))


# CSV


def csv(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@settings(max_examples=40, deadline=None)
@given(
    rows=arrays(np.float64, st.tuples(st.integers(10, 13), st.integers(1, 5)), elements=FINITE),
    header=st.sampled_from(["", "a,b", '"left, right",b', "\ufeffa", "\ufeff"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    space=st.sampled_from(["", " "]),
)
def test_csv_gives_back_what_was_written(tmp_path_factory, rows, header, end, space):
    lines = [f",{space}".join(repr(float(value)) for value in row) for row in rows]
    text = header if header in ("", "\ufeff") else header + end
    path = csv(tmp_path_factory.mktemp("csv") / "m.csv", text + end.join(lines) + end)
    dataset = data.load(path)
    assert as_set(everything(dataset)) == as_set(rows.astype(np.float32))
    assert len(everything(dataset)) == len(rows)


ROWS = "".join(f"{number},{-number}e-1\n" for number in range(10))
WRONG_CSV = {
    "empty": ("", "no line of numbers"),
    "a header alone": ("a,b\n", "no line of numbers"),
    "nine rows": (ROWS[: ROWS.rindex("9,")], "10 rows"),
    "ragged": (f"a,b\n{ROWS}1,2,3\n", "line 12 has 3 values, the lines before have 2"),
    "a short line after a blank one": (f"{ROWS}\n1\n", "line 12 has 1 values"),
    "a NaN": (f"{ROWS}1,nan\n", "line 11: 'nan': allowed are finite numbers"),
    "infinite": (f"{ROWS}-inf,0\n", "line 11: '-inf': allowed are finite"),
    "a word": (f"{ROWS}1,two\n", "line 11: 'two' is not a number"),
    "two headers": (f"a,b\nc,d\n{ROWS}", "line 2, column a: 'c' is not a number"),
    "an index without a name": (f",0\n{ROWS}", "line 1: '' is not a number"),
    "a comma at the end": (f"{ROWS}1,2,\n", "line 11: '' is not a number"),
    "semicolons": ("1;2\n3;4\n", "line 2: '3;4' is not a number"),
    "bytes that are no text": (b"1,2\n\xff\xfe\x00\n", "not a text"),
    "an open quote": (f'{ROWS}"1,2\n', "line 11"),
    "a long word": (f"{ROWS}1,{'x' * 500}\n", "xxx…'"),
    "too large": (f"{ROWS}1,1e300\n", "too large for float32"),
}


@pytest.mark.parametrize("kind", WRONG_CSV)
def test_a_wrong_csv_is_named_with_its_line(tmp_path, kind):
    text, words = WRONG_CSV[kind]
    line = refusal(csv(tmp_path / "mine.csv", text))
    assert line.startswith(f"{tmp_path / 'mine.csv'}: ") and words in line and len(line) < 300


# IDX


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("shape", [(12, 3), (12, 2, 3), (12, 2, 2, 3)])
@pytest.mark.parametrize("ending", ["-idx3-ubyte", ".idx", ".gz"])
def test_an_idx_file_of_any_element_and_rank(tmp_path, element, shape, ending):
    kind = ELEMENTS[element]
    values = [number % 100 for number in range(int(np.prod(shape)))]
    content = bytes((0, 0, element, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
    content += b"".join(struct.pack(kind, value) for value in values)
    path = tmp_path / ("mine.idx.gz" if ending == ".gz" else f"mine{ending}")
    path.write_bytes(gzip.compress(content) if ending == ".gz" else content)
    dataset = data.load(str(path))
    assert dataset.name == "mine" + (ending if ending.startswith("-") else "")
    assert (dataset.bounds is None) == (kind != "B") and not dataset.trainable
    assert dataset.test.shape == (6, *shape[1:])
    rows = np.array(values, np.float32).reshape(12, -1)
    stored = everything(dataset).astype(np.float32).reshape(12, -1)
    assert as_set(stored) == as_set(rows)


def test_the_hash_of_an_idx_file_is_that_of_the_same_array(tmp_path):
    rows = np.arange(48, dtype=">i2").reshape(12, 4)
    content = bytes((0, 0, 0x0B, 2)) + struct.pack(">2I", 12, 4) + rows.tobytes()
    (tmp_path / "m.idx").write_bytes(content)
    same = data.load(npy(tmp_path / "m.npy", rows.astype("<i2")))
    assert data.load(str(tmp_path / "m.idx")).sha256 == same.sha256


SOUND = idx_bytes(np.zeros((12, 4), np.uint8))
WRONG_IDX = {
    "empty": (b"", "magic is missing"),
    "text": (b"1,2,3,4", "magic is 312c322c"),
    "an unknown element": (b"\0\0\x0a\2" + SOUND[4:], "magic is 00000a02"),
    "labels": (idx_bytes(np.zeros(12, np.uint8)), "rank 1; allowed here is 2 to 4"),
    "rank 5": (idx_bytes(np.zeros((12, 1, 1, 1, 1), np.uint8)), "rank 5"),
    "one byte short": (SOUND[:-1], "47 bytes of data"),
    "nine rows": (idx_bytes(np.zeros((9, 4), np.uint8)), "10 rows"),
    "a NaN": (
        bytes((0, 0, 0x0D, 2)) + struct.pack(">2I10f", 10, 1, *[float("nan")] * 10),
        "10 values are NaN",
    ),
}


@pytest.mark.parametrize("kind", WRONG_IDX)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_wrong_idx_file_of_rows_is_named(tmp_path, kind, compressed):
    content, words = WRONG_IDX[kind]
    path = tmp_path / ("mine.idx.gz" if compressed else "mine.idx")
    path.write_bytes(gzip.compress(content) if compressed else content)
    line = refusal(str(path))
    assert line.startswith(f"{path}: ") and words in line


def test_a_folder_of_idx_files_is_a_dataset_that_can_be_trained_on(tmp_path, monkeypatch):
    folder = idx_folder(tmp_path / "clothes", mnist_like(), compressed=True)
    dataset = data.load(str(folder))
    assert dataset.name == "clothes" and dataset.trainable and dataset.bounds == (0, 1)
    monkeypatch.chdir(folder)
    here = data.load(".")
    assert here.name == "clothes" and here.sha256 == dataset.sha256
    assert data.absolute(".") == str(folder)


def test_a_folder_of_anything_else_says_what_is_missing(tmp_path):
    line = refusal(str(tmp_path))
    assert str(tmp_path) in line and "train-images-idx3-ubyte" in line


# Names


@pytest.mark.parametrize(
    ("name", "path"),
    {
        "auto": False,
        "mnist": False,
        "digits": False,
        "": False,
        "nothing": False,
        "m.npz": True,
        "M.NPY": True,
        "m.csv": True,
        "m.idx": True,
        "m.idx.gz": True,
        "t10k-images-idx3-ubyte": True,
        "t10k-images-idx3-ubyte.gz": True,
        "t10k-images.idx3-ubyte": True,
        "./mnist": True,
        "gone/away": True,
        "there.txt": True,
        "folder": True,
    }.items(),
)
def test_a_name_is_told_from_a_path(tmp_path, monkeypatch, name, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.txt").touch()
    for folder in ("folder", "mnist", "digits", "auto"):
        (tmp_path / folder).mkdir()
    assert data.is_path(name) == path
    assert data.absolute(name) == (str(tmp_path / name) if path else name)


def test_a_file_of_another_kind_is_told_what_is_allowed(tmp_path):
    (tmp_path / "m.txt").touch()
    for name, words in {"m.txt": ".csv", "n.txt": "no such file"}.items():
        line = refusal(str(tmp_path / name))
        assert line.startswith(f"{tmp_path / name}: ") and words in line


# Damage


class Runs:
    """A pickle that makes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["m.npz", "m.npy"])
def test_opening_a_file_never_runs_what_it_holds(tmp_path, name):
    rows = np.array([Runs(tmp_path / "ran")] * 20, object)
    if name == "m.npz":
        np.savez(tmp_path / name, x_train=rows, x_test=rows)
    else:
        np.save(tmp_path / name, rows, allow_pickle=True)
    assert "pickled" in refusal(str(tmp_path / name))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", [".npy", ".csv", ".idx", ".idx.gz", ".npz"])
def test_damaged_bytes_are_refused_or_read_and_never_crash(tmp_path, ending):
    rows = np.random.default_rng(4).normal(size=(12, 3))
    path = tmp_path / f"mine{ending}"
    content = bytes((0, 0, 0x0E, 2)) + struct.pack(">2I", 12, 3) + rows.astype(">f8").tobytes()
    if ending == ".csv":
        np.savetxt(path, rows, delimiter=",", header="a,b,c", comments="")
    elif ending == ".npz":
        np.savez(path, x=rows)
    elif ending == ".npy":
        np.save(path, rows)
    else:
        path.write_bytes(gzip.compress(content) if ending == ".idx.gz" else content)
    whole, random = path.read_bytes(), np.random.default_rng(5)
    data.load(str(path))
    for _ in range(150):
        mutant = bytearray(whole)
        for place in random.integers(0, min(len(whole), 400), 2):
            mutant[place] = random.integers(256)
        path.write_bytes(mutant)
        try:
            dataset = data.load(str(path))
        except BadInput as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
        else:
            assert np.isfinite(dataset.images("test", dataset.test.shape[1:])).all()
