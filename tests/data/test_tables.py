"""Tables with named columns: which columns are used, labels, splits, and what is refused."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeae import data
from edgeae.data import Reading
from edgeae.errors import BadInput

HEAD = "id,width,height,diagnosis"
LINES = [f"{n},{n / 4},{n * n},{'M' if n % 3 == 0 else 'B'}" for n in range(20)]


def csv(folder: Path, *lines: str, name: str = "t.csv") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def table(tmp_path) -> str:
    return csv(tmp_path, HEAD, *LINES)


def refusal(path: str, **reading) -> str:
    with pytest.raises(BadInput) as caught:
        data.load(path, reading=Reading(**reading))
    line = str(caught.value)
    assert "\n" not in line and len(line) < 300
    return line


def everything(path: str, **reading) -> data.Dataset:
    return data.load_all(path, reading=Reading(**reading))


def test_columns_come_in_the_order_that_is_asked_for(table):
    found = everything(table, columns=("height", "width"), label="diagnosis")
    assert found.columns == ("height", "width")
    n = np.arange(20)
    np.testing.assert_array_equal(found.test, np.stack([n * n, n / 4], axis=1))
    assert found.test_labels.tolist() == ["M" if k % 3 == 0 else "B" for k in range(20)]


def test_what_is_dropped_and_the_label_are_in_no_row(table):
    found = everything(table, drop=("id",), label="diagnosis")
    assert found.columns == ("width", "height") and found.test.shape == (20, 2)
    same = everything(table, columns=("width", "height"))
    assert found.sha256 == same.sha256 and same.test_labels is None


def test_labels_stay_with_their_rows_when_rows_are_split(table):
    found = data.load(
        table, reading=Reading(drop=("id",), label="diagnosis", split=(60, 20, 20), seed=4)
    )
    for rows, labels in ((found.train, found.train_labels), (found.test, found.test_labels)):
        assert labels.tolist() == ["M" if round(4 * w) % 3 == 0 else "B" for w in rows[:, 0]]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (("0", "1"), [0, 1]),
        (("1.0", "02"), [1, 2]),
        ((" a", "b "), ["a", "b"]),
        (("1", "b"), ["1", "b"]),
        (("0.5", "1"), ["0.5", "1"]),
    ],
)
def test_labels_are_whole_numbers_or_texts(tmp_path, written, read):
    lines = [f"{n},{label}" for n in range(6) for label in written]
    labels = everything(csv(tmp_path, "x,y", *lines), label="y").test_labels
    assert labels.tolist() == read * 6
    assert labels.dtype.kind == ("i" if isinstance(read[0], int) else "U")


def test_a_first_line_of_numbers_is_a_header_if_the_reading_uses_it(tmp_path):
    path = csv(tmp_path, "0,1,class", *[f"{n},{n},3" for n in range(12)])
    found = everything(path, label="class")
    assert found.columns == ("0", "1") and len(found.test) == 12


def test_names_of_a_table_are_known_without_a_reading(tmp_path):
    assert data.load(csv(tmp_path, "a,b", *["1,2"] * 12)).columns == ("a", "b")
    assert data.load(csv(tmp_path, *["1,2"] * 12)).columns == ()
    assert data.load(csv(tmp_path, "a title", *["1,2"] * 12)).columns == ()


# Splits


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(10, 300),
    first=st.integers(1, 98),
    second=st.integers(1, 98),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_loses_no_row_and_has_the_shares_it_states(
    tmp_path_factory, n, first, second, seed
):
    third = 100 - first - second
    path = str(tmp_path_factory.mktemp("split") / "m.npy")
    np.save(path, np.arange(n, dtype=np.float32)[:, None])
    if third < 1:
        with pytest.raises(BadInput, match="add to 100"):
            Reading(split=(first, second, third))
        return
    reading = Reading(split=(first, second, third), seed=seed)
    exact = [n * share / 100 for share in reading.split]
    try:
        found = data.load(path, reading=reading)
    except BadInput as error:
        assert min(exact) < 1 and f"of {n}" in str(error)
        return
    parts = [found.train, found.validation, found.test]
    assert Counter(np.concatenate(parts).ravel().tolist()) == Counter(map(float, range(n)))
    assert all(abs(len(part) - share) <= 1 for part, share in zip(parts, exact, strict=True))
    assert found.trainable


def test_a_split_mixes_the_file_and_is_the_same_for_the_same_seed(tmp_path):
    path = str(tmp_path / "m.npy")
    np.save(path, np.arange(400, dtype=np.float32)[:, None])
    first, again, other = (
        data.load(path, reading=Reading(split=(70, 10, 20), seed=seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.test, again.test)
    assert first.sha256 == again.sha256 != other.sha256
    assert abs(first.test.mean() - 200) < 60  # the last 80 rows have a mean of 360


def test_split_rows_are_another_dataset_than_the_same_rows_unsplit(tmp_path):
    path = str(tmp_path / "m.npy")
    np.save(path, np.arange(40, dtype=np.float32)[:, None])
    hashes = {
        data.load(path, reading=Reading(split=split)).sha256
        for split in (None, (70, 10, 20), (80, 10, 10))
    }
    assert len(hashes) == 3


def test_a_training_file_is_read_by_the_names_of_the_columns(tmp_path):
    rows = csv(tmp_path, "a,b,y", *[f"{n},{-n},0" for n in range(20)])
    train = csv(tmp_path, "y,b,more,a", *[f"1,{-n},7,{n}" for n in range(30, 60)], name="train.csv")
    found = data.load(rows, train=train, reading=Reading(drop=(), label="y", columns=("a", "b")))
    assert (found.train == found.train[:, :1] * [1, -1]).all() and found.trainable
    swapped = csv(tmp_path, "b,a", *[f"{-n},{n}" for n in range(30, 60)], name="swapped.csv")
    plain = csv(tmp_path, "a,b", *[f"{n},{-n}" for n in range(20)], name="plain.csv")
    found = data.load(plain, train=swapped)
    assert (found.train[:, 0] > 0).all() and (found.train[:, 1] < 0).all()
    less = csv(tmp_path, "a,c", *["1,2"] * 12, name="less.csv")
    with pytest.raises(BadInput, match=r"less\.csv: --columns b: no such column"):
        data.load(plain, train=less)


# What is refused


WRONG = {
    "an unknown column": (
        {"columns": ("width", "depth")},
        "--columns depth: no such column; the file has id, width, height, diagnosis",
    ),
    "an unknown column to drop": ({"drop": ("nr",)}, "--drop nr: no such column"),
    "an unknown label": ({"label": "target"}, "--label target: no such column"),
    "text": ({}, "line 2, column diagnosis: 'M' is not a number; --drop diagnosis"),
    "no column left": ({"drop": ("id", "width", "height", "diagnosis")}, "no column is left"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_column_that_cannot_be_used_is_named(table, kind):
    reading, words = WRONG[kind]
    line = refusal(table, **reading)
    assert line.startswith(f"{table}: ") and words in line


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "null", "?"])
def test_a_missing_value_is_refused_with_line_and_column(tmp_path, missing):
    path = csv(tmp_path, HEAD, *LINES[:7], f"7,{missing},3,B", *LINES)
    line = refusal(path, label="diagnosis")
    assert f"line 9, column width: a missing value, {missing!r}" in line
    assert everything(path, columns=("height",)).test.shape == (28, 1)  # it is not used here


def test_a_missing_label_is_refused(tmp_path):
    path = csv(tmp_path, HEAD, *LINES, "1,2,3,")
    assert "line 22: the label is missing" in refusal(path, label="diagnosis")


def test_columns_without_names_cannot_be_named(tmp_path):
    rows = np.zeros((20, 3), np.float32)
    np.save(tmp_path / "m.npy", rows)
    np.savez(tmp_path / "m.npz", x=rows)
    files = [csv(tmp_path, *["1,2,3"] * 12), *(str(tmp_path / f"m.np{end}") for end in "yz")]
    for path in files:
        for reading in ({"columns": ("a",)}, {"drop": ("a",)}, {"label": "a"}):
            assert "its columns have no names" in refusal(path, **reading)


def test_two_columns_of_one_name_are_not_guessed_between(tmp_path):
    path = csv(tmp_path, "a,b,a", *["1,2,3"] * 12)
    assert "2 columns have this name" in refusal(path, columns=("a",))
    assert everything(path, columns=("b",)).columns == ("b",)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"split": (70, 20, 20)}, "adds to 110"),
        ({"split": (100, 0, 0)}, "from 1"),
        ({"step": 3}, "--step 3: only with --window"),
        ({"window": -1}, "--window -1"),
        ({"seed": -1}, "--split-seed -1"),
        ({"columns": ("a", "a")}, "a is named twice"),
        ({"columns": ("a",), "label": "a"}, "a is in --label, too"),
        ({"columns": ("a",), "drop": ("a",)}, "a is in --drop, too"),
        ({"drop": ("a",), "label": "a"}, "is in --drop, too"),
    ],
)
def test_a_reading_that_contradicts_itself_is_refused(reading, words):
    with pytest.raises(BadInput) as caught:
        Reading(**reading)
    assert words in str(caught.value)


def test_a_split_that_leaves_a_part_empty_is_refused(tmp_path):
    path = csv(tmp_path, "a,b", *["1,2"] * 12)
    assert "--split 96:2:2: leaves no validation rows of 12" in refusal(path, split=(96, 2, 2))


def test_a_file_with_test_rows_of_its_own_is_not_split(tmp_path):
    np.savez(tmp_path / "m.npz", x_train=np.zeros((20, 3)), x_test=np.zeros((20, 3)))
    line = refusal(str(tmp_path / "m.npz"), split=(70, 10, 20))
    assert "has test rows of its own" in line


def test_a_dataset_by_name_takes_no_reading():
    assert "dataset digits: --split 70:10:20" in refusal("digits", split=(70, 10, 20))


# Records


@given(
    st.builds(
        Reading,
        columns=st.sampled_from([(), ("a", "b")]),
        label=st.sampled_from([None, "y"]),
        standardize=st.booleans(),
        split=st.sampled_from([None, (70, 10, 20)]),
        seed=st.integers(0, 99),
        window=st.integers(1, 99),
        step=st.integers(0, 9),
    )
)
def test_a_reading_is_what_its_record_gives(reading):
    assert Reading.of(json.loads(json.dumps(reading.to_json()))) == reading


def test_only_what_differs_from_the_default_is_recorded():
    assert Reading().to_json() == {} and Reading.of(None) == Reading()
    assert Reading(split=(70, 10, 20)).to_json() == {"split": [70, 10, 20]}


def test_a_damaged_record_is_named():
    for table, words in (({"widnow": 3}, "reading.widnow"), ({"split": [1, 2]}, "reading.split")):
        with pytest.raises(BadInput, match=words):
            Reading.of(table)
