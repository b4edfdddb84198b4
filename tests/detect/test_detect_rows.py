"""Which rows set a threshold and which test it, and the labels that tell them apart."""

import json

import numpy as np
import pytest
import tiny
from original_models import trained
from tampering import rewrite

from edgeae.detect.rows import Asked, Chosen, choose
from edgeae.errors import BadInput


@pytest.fixture
def bundle(tiny_bundle):
    """A bundle, and its model's record, which names the dataset."""
    found = tiny_bundle()
    trained(found.root.parent, str(found.root.parent / "tiny.npz"))
    return found


def chosen(bundle, **asked: object) -> Chosen:
    return choose(bundle, Asked(**asked), lambda line: None)


def saved(tmp_path, name: str = "rows", **arrays: np.ndarray) -> str:
    path = tmp_path / f"{name}.npz"
    np.savez(path, **arrays)
    return str(path)


def real(stored: np.ndarray) -> np.ndarray:
    return stored.reshape(len(stored), 16) * np.float32(1 / 255)


def same_rows(rows: np.ndarray, stored: np.ndarray) -> bool:
    """Whether two arrays hold the same rows in any order."""
    pair = (rows.reshape(len(rows), -1), real(stored))
    ordered = [array[np.lexsort(array.T[::-1])] for array in pair]
    return ordered[0].shape == ordered[1].shape and np.allclose(*ordered)


def test_the_own_dataset_gives_its_validation_and_test_rows(bundle):
    found = chosen(bundle)
    assert same_rows(found.threshold, tiny.images(100, seed=4)[90:])
    assert same_rows(found.test, tiny.images(64))
    assert found.is_normal.all() and found.warnings == ()
    assert (found.threshold_rows.normal, found.test_rows.normal) == (10, 64)


def test_a_file_of_rows_gives_all_of_them(bundle, tmp_path):
    rows = tiny.images(31, seed=40)
    found = chosen(bundle, data=saved(tmp_path, x=rows))
    assert same_rows(found.threshold, rows) and len(found.test) == 0 and found.test_rows is None
    assert found.threshold_rows.about == "rows of rows"


def test_a_file_with_training_rows_gives_its_test_rows(bundle, tmp_path):
    train, test = tiny.images(60, seed=41), tiny.images(20, seed=42)
    found = chosen(bundle, data=saved(tmp_path, x_train=train, x_test=test))
    assert same_rows(found.threshold, test) and len(found.test) == 0


def test_the_own_dataset_is_known_by_its_content(bundle, tmp_path):
    """Whoever names it again gets no training rows for the threshold."""
    again = saved(tmp_path, "again", x_train=tiny.images(100, seed=4), x_test=tiny.images(64))
    found = chosen(bundle, data=again)
    assert same_rows(found.threshold, tiny.images(100, seed=4)[90:])
    assert same_rows(found.test, tiny.images(64)) and found.warnings == ()


def test_labels_tell_normal_from_anomalous_rows(bundle, tmp_path):
    rows, labels = tiny.images(30, seed=43), np.arange(30) % 3
    test = saved(tmp_path, x=rows, y=labels)
    found = chosen(bundle, test=test, label="y")
    assert same_rows(found.test[found.is_normal], rows[labels == 0])
    assert (found.test_rows.normal, found.test_rows.anomalous) == (10, 20)
    found = chosen(bundle, test=test, label="y", normal="2")
    assert same_rows(found.test[found.is_normal], rows[labels == 2])
    found = chosen(bundle, test=test, label="y", normal="2.0")
    assert same_rows(found.test[found.is_normal], rows[labels == 2])
    assert chosen(bundle, test=test).is_normal.all()


def test_only_normal_rows_set_the_threshold(bundle, tmp_path):
    rows, labels = tiny.images(40, seed=44), np.repeat([0, 1], 20)
    data = saved(tmp_path, x=rows, y=labels)
    test = saved(tmp_path, "test", x=tiny.images(20, seed=45), y=np.repeat([0, 1], 10))
    found = chosen(bundle, data=data, test=test, label="y")
    assert same_rows(found.threshold, rows[:20])
    assert found.threshold_rows.about == "normal rows of rows"


@pytest.mark.parametrize(
    ("labels", "asked", "told"),
    [
        (None, {}, "--label y: no labels beside the rows; allowed are a column of a CSV"),
        ([0] * 20, {}, "all 20 test rows are normal by 'y'; without --label, only false alarms"),
        ([1] * 20, {}, "none is 0; name the normal one with --normal (there are: 1)"),
        (list(range(1, 21)), {}, "(there are: 1, 2, 3, 4, 5, 6, …)"),
        ([0, 1] * 10, {"normal": "7"}, "none is 7"),
        ([0, 1] * 10, {"normal": "benign"}, "none is benign"),
    ],
)
def test_labels_that_do_not_tell_are_one_line(bundle, tmp_path, labels, asked, told):
    arrays = {"x": tiny.images(20, seed=46)}
    if labels is not None:
        arrays["y"] = np.array(labels)
    with pytest.raises(BadInput) as caught:
        chosen(bundle, test=saved(tmp_path, **arrays), label="y", **asked)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_labels_without_test_rows_are_refused(bundle, tmp_path):
    with pytest.raises(BadInput, match="no test rows; name them with --test"):
        chosen(bundle, data=saved(tmp_path, x=tiny.images(20, seed=47)), label="y")


def test_rows_of_another_shape_are_refused(bundle, tmp_path):
    with pytest.raises(BadInput, match=r"rows of 9 values.* the model takes 16"):
        chosen(bundle, data=saved(tmp_path, x=np.zeros((20, 9), np.uint8)))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"false_alarms": 0.0}, "--false-alarms 0: allowed is above 0 and below 1"),
        ({"false_alarms": 1.0}, "--false-alarms 1: allowed"),
        ({"false_alarms": float("nan")}, "--false-alarms nan: allowed"),
        ({"score": "max"}, "--score = 'max': allowed is mse, standardized"),
        ({"normal": "3"}, "--normal 3: allowed only with --label"),
    ],
)
def test_arguments_that_are_not_allowed(asked, told):
    with pytest.raises(BadInput) as caught:
        Asked(**asked)
    assert told in str(caught.value)


NAMES = [f"p{place}" for place in range(16)]


@pytest.fixture
def table(tiny_bundle):
    """A bundle whose model was trained on 16 named columns of values from 0 to 1."""
    bundle = tiny_bundle()
    manifest = json.loads((bundle.root / "manifest.json").read_text())
    manifest["dataset"] |= {"columns": NAMES}
    manifest["normalization"] = {"scale": 1.0, "offset": 0.0}
    return rewrite(bundle.root, manifest)


def csv(tmp_path, name: str, rows: np.ndarray, labels: list | None = None) -> str:
    path = tmp_path / f"{name}.csv"
    lines = [",".join(["id", *NAMES, *(["kind"] if labels else [])])]
    for place, row in enumerate(real(rows)):
        cells = [f"{value:.9g}" for value in row]
        lines.append(",".join([str(place), *cells, *([str(labels[place])] if labels else [])]))
    path.write_text("\n".join(lines))
    return str(path)


def test_a_label_is_a_column_that_the_normal_rows_may_lack(table, tmp_path):
    calm, rows = tiny.images(40, seed=51), tiny.images(30, seed=52)
    test = csv(tmp_path, "test", rows, ["good", "bad", "worse"] * 10)
    asked = {"test": test, "label": "kind", "normal": "good"}
    found = chosen(table, data=csv(tmp_path, "calm", calm), **asked)
    assert same_rows(found.threshold, calm)
    assert same_rows(found.test[found.is_normal], rows[::3]) and len(found.test) == 30
    mixed = csv(tmp_path, "mixed", calm, ["good", "bad"] * 20)
    assert same_rows(chosen(table, data=mixed, **asked).threshold, calm[::2])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"label": "sort"}, "--label sort: no such column; the file has id, p0, p1"),
        ({"label": "kind"}, "labels 'kind' are no numbers; name the normal one with --normal"),
        ({"label": "kind", "normal": "fine"}, "none is fine; name the normal one with --normal"),
    ],
)
def test_a_label_that_does_not_tell_is_one_line(table, tmp_path, asked, told):
    calm = csv(tmp_path, "calm", tiny.images(40, seed=51))
    test = csv(tmp_path, "test", tiny.images(20, seed=53), ["good", "bad"] * 10)
    with pytest.raises(BadInput) as caught:
        chosen(table, data=calm, test=test, **asked)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_windows_never_overlap(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    manifest = json.loads((bundle.root / "manifest.json").read_text())
    manifest["dataset"] |= {"reading": {"window": 16, "step": 2}}
    manifest["normalization"] = {"scale": 1.0, "offset": 0.0}
    bundle = rewrite(bundle.root, manifest)
    signal = np.random.default_rng(0).random(500).astype(np.float32)
    np.save(tmp_path / "signal.npy", signal)
    found = chosen(bundle, data=str(tmp_path / "signal.npy"))
    assert found.threshold.reshape(-1, 16).shape == (31, 16)
    assert np.array_equal(found.threshold.reshape(-1), signal[: 31 * 16])
    assert found.threshold_rows.about == "rows of signal, disjoint windows of 16"


def test_training_rows_as_normal_rows_are_a_warning(bundle, tmp_path):
    rows = np.concatenate([tiny.images(100, seed=4)[:30], tiny.images(20, seed=48)[2:]])
    (line,) = chosen(bundle, data=saved(tmp_path, x=rows)).warnings
    assert line.startswith("30 of 48 threshold rows are rows that trained the model")


def test_the_same_rows_for_both_are_a_warning(bundle, tmp_path):
    rows = saved(tmp_path, x=tiny.images(30, seed=49)[2:])
    (line,) = chosen(bundle, data=rows, test=rows).warnings
    assert line.startswith("28 test rows are among the 28 threshold rows")


def test_training_rows_that_are_not_here_are_a_warning(bundle, tmp_path):
    (bundle.root.parent / "tiny.npz").unlink()
    (bundle.root.parent / "train.json").unlink()
    (line,) = chosen(bundle, data=saved(tmp_path, x=tiny.images(30, seed=50))).warnings
    assert "nobody checked" in line
