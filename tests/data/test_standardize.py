"""Standardised columns: their statistics are those of the training rows, and nothing else."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeae import data
from edgeae.data import Reading
from edgeae.errors import BadInput
from edgeae.metrics.standardization import Standardization

SPLIT = (60, 20, 20)
#: Columns as in tables of measurements, on scales of their own.
SCALES = np.array([1.0, 1000.0, 1e-4, 7.0])


@pytest.fixture
def table(tmp_path) -> str:
    rows = np.random.default_rng(5).normal(3, 1, (200, 4)) * SCALES
    rows[:, 3] = 7.0
    lines = [",".join(map(repr, row.tolist())) for row in rows]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,same", *lines]) + "\n")
    return str(tmp_path / "t.csv")


def test_the_training_rows_have_mean_0_and_deviation_1(table):
    found = data.load(table, reading=Reading(standardize=True, split=SPLIT))
    train, test = found.images("train", (4,)), found.images("test", (4,))
    np.testing.assert_allclose(train[:, :3].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train[:, :3].std(axis=0), 1, atol=1e-5)
    assert np.abs(test[:, :3].mean(axis=0)).max() > 0.01  # the test rows were not looked at
    assert (train[:, 3] == 0).all() and (test[:, 3] == 0).all()


def test_the_statistics_are_numpys_in_float64(table):
    found = data.load(table, reading=Reading(standardize=True, split=SPLIT))
    rows = found.train.astype(np.float64)
    kept = found.normalization.standardization
    np.testing.assert_allclose(kept.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(kept.deviation[:3], rows.std(axis=0)[:3], rtol=1e-9)
    assert kept.deviation[3] == 1.0


def test_a_constant_column_is_remarked_on_once(table):
    found = data.load(table, reading=Reading(standardize=True, split=SPLIT))
    (line,) = data.remarks(found)
    assert "1 column is constant" in line and line.endswith(": same")
    kept = data.load(table, reading=Reading(columns=("a", "b"), standardize=True, split=SPLIT))
    assert data.remarks(kept) == []


def test_columns_on_scales_of_their_own_are_warned_about(table):
    (line,) = data.remarks(data.load(table, reading=Reading(split=SPLIT)))
    assert line.startswith(f"warning: {table}: the widest column, b, deviates ")
    assert "times as much as c" in line and "--standardize" in line
    ratio = float(line.split("deviates ")[1].split(" times")[0].replace(",", ""))
    assert ratio == pytest.approx(1e7, rel=0.3)
    assert data.remarks(data.load(table, reading=Reading(columns=("a", "same")))) == []


def test_windows_are_standardised_by_channel(tmp_path):
    signal = np.random.default_rng(1).normal((5, -300), (2, 50), (900, 2)).astype(np.float32)
    np.save(tmp_path / "s.npy", signal)
    found = data.load(str(tmp_path / "s.npy"), reading=Reading(window=30, standardize=True))
    kept = found.normalization.standardization
    np.testing.assert_allclose(kept.mean, signal[:450].mean(axis=0, dtype=np.float64), rtol=1e-6)
    real = found.images("train", (30, 2))
    np.testing.assert_allclose(real.std(axis=(0, 1)), 1, atol=1e-4)
    flat = found.images("train", (60,))
    np.testing.assert_array_equal(flat, real.reshape(-1, 60))  # the model's shape does not matter


def test_all_rows_of_another_file_have_the_statistics_of_the_training_rows(table, tmp_path):
    found = data.load(table, reading=Reading(standardize=True, split=SPLIT))
    other = tmp_path / "other.csv"
    other.write_text("\n".join(["y,c,b,a,same", *["1,2e-4,500,3,7"] * 12]) + "\n")
    reading = Reading(columns=("a", "b", "c", "same"), label="y", standardize=True)
    rows = data.load_all(str(other), reading=reading, normalization=found.normalization)
    kept = found.normalization.standardization
    expected = (np.array([3, 500, 2e-4, 7]) - kept.mean) / kept.deviation
    np.testing.assert_allclose(rows.images("test", (4,))[5], expected, rtol=1e-4, atol=1e-6)
    assert rows.test_labels.tolist() == [1] * 12


def test_bytes_and_pictures_are_not_standardised(tmp_path):
    for name, rows, words in (
        ("bytes", np.zeros((20, 4), np.uint8), "holds bytes"),
        ("pictures", np.zeros((20, 4, 4, 3), np.float32), "rows of shape (4, 4, 3)"),
    ):
        np.save(tmp_path / f"{name}.npy", rows)
        with pytest.raises(BadInput) as caught:
            data.load(str(tmp_path / f"{name}.npy"), reading=Reading(standardize=True))
        assert "--standardize" in str(caught.value) and words in str(caught.value)


def test_the_error_of_a_column_is_in_its_own_unit(table):
    found = data.load(table, reading=Reading(standardize=True, split=SPLIT))
    stored = found.test.astype(np.float64)
    off = stored + np.array([0.5, -20.0, 1e-5, 0.0])  # in the columns' units
    answers = found.normalization.real(off.astype(np.float32))
    losses = data.column_losses(found, {"model": answers})
    assert list(losses) == ["a", "b", "c", "same"]
    for column, expected in zip("abc", (0.5, 20.0, 1e-5), strict=True):
        assert losses[column]["model"] == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(
        [losses[column]["mean"] for column in "abc"], stored.std(axis=0)[:3], rtol=1e-4
    )
    assert losses["same"] == {"mean": 0.0, "model": 0.0}


def test_the_error_of_a_scaled_column_is_in_its_own_unit(tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *[f"{n},{-n}" for n in range(40)]]) + "\n")
    found = data.load(str(tmp_path / "t.csv"), normalization=data.Normalization(-0.5, 3))
    losses = data.column_losses(found, {"model": found.images("test", (2,)) + 1})
    assert losses["a"]["model"] == losses["b"]["model"] == pytest.approx(2)


def test_columns_without_names_have_no_losses(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((20, 3), np.float32))
    found = data.load(str(tmp_path / "m.npy"))
    assert data.column_losses(found, {"model": found.test}) == {}


# The statistics themselves


@settings(max_examples=60, deadline=None)
@given(
    mean=st.floats(-1e6, 1e6),
    deviation=st.floats(1e-6, 1e6),
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9),
)
def test_a_value_comes_back_from_its_standardised_form(mean, deviation, values):
    kept = Standardization((mean,), (deviation,))
    stored = np.array(values, np.float32)[:, None]
    real = kept.real(stored)
    exact = (stored.astype(np.float64) - mean) / deviation
    slack = 3e-7 * (np.abs(exact) + (abs(mean) + np.abs(stored)) / deviation) + 1e-30
    assert real.dtype == np.float32 and (np.abs(real - exact) <= slack).all()
    assert (np.abs(kept.stored(real) - stored) <= 4 * slack * deviation + 1e-30).all()


@pytest.mark.parametrize(
    ("mean", "deviation", "words"),
    [
        ((), (), "0 means and 0 deviations"),
        ((1.0,), (1.0, 2.0), "1 means and 2 deviations"),
        ((float("nan"),), (1.0,), "mean[0] = nan"),
        ((1.0, float("inf")), (1.0, 1.0), "mean[1] = inf"),
        ((1.0,), (0.0,), "deviation[0] = 0.0"),
        ((1.0,), (-1.0,), "deviation[0] = -1.0"),
        ((1.0,), (1e-60,), "deviation[0] = 1e-60"),
    ],
)
def test_statistics_that_are_none_are_refused(mean, deviation, words):
    with pytest.raises(BadInput) as caught:
        Standardization(mean, deviation)
    assert words in str(caught.value)


def test_a_column_too_narrow_for_float32_counts_as_constant():
    rows = np.array([[0.0], [1e-44]], np.float32)
    assert Standardization.of(rows).deviation == (1.0,)


def test_rows_with_another_number_of_columns_are_refused():
    kept = Standardization((0.0, 0.0), (1.0, 1.0))
    for apply in (kept.real, kept.stored):
        with pytest.raises(BadInput, match="rows of 3 columns"):
            apply(np.zeros((4, 3), np.float32))


def test_statistics_and_a_scale_exclude_each_other():
    kept = Standardization((0.0,), (1.0,))
    with pytest.raises(BadInput, match="allowed is one of them"):
        data.Normalization(2.0, 0.0, kept)
    assert json.loads(json.dumps(kept.to_json())) == {"mean": [0.0], "deviation": [1.0]}


# Tables as they are


@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_a_raw_table_is_warned_about_and_a_standardised_one_is_not(name, tmp_path):
    from sklearn import datasets  # a second, for whoever collects this file

    table = getattr(datasets, f"load_{name}")()
    lines = [",".join(map(repr, row)) for row in table.data.tolist()]
    head = ",".join(title.replace(",", " ") for title in table.feature_names)
    (tmp_path / "t.csv").write_text("\n".join([head, *lines]) + "\n")
    for standardize in (False, True):
        reading = Reading(standardize=standardize, split=SPLIT)
        found = data.load(str(tmp_path / "t.csv"), reading=reading)
        assert len(data.remarks(found)) == (not standardize)
        assert found.mean_loss == pytest.approx(1, rel=0.5) or not standardize
