"""What a probe finds, against counts made by hand; the whole of it once, with TensorFlow."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import edgeae_forked
from result_rows import FOUND

from edgeae import data
from edgeae.artifacts.probe_result import PROBE, read_probe
from edgeae.errors import BadInput
from edgeae.training.probe import render_probe
from edgeae.training.probe_figures import (
    errors,
    linear_accuracy,
    nearest_accuracy,
    separation,
    without,
)


def clusters(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three clusters on a line, and a wide direction that says nothing."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, n)
    told = labels + 0.2 * draw.normal(size=n)
    return np.stack([told, 1000 * draw.normal(size=n)], 1).astype(np.float32), labels


def test_the_linear_probe_is_blind_to_scale_and_bad_at_what_is_not_linear() -> None:
    train, test = clusters(400, 0), clusters(200, 1)
    nearest_centre = (np.rint(test[0][:, 0]).clip(0, 2) == test[1]).mean()
    assert linear_accuracy(*train, *test) == pytest.approx(nearest_centre, abs=0.03)
    rings = np.random.default_rng(2).normal(size=(600, 2)).astype(np.float32)
    labels = (np.hypot(*rings.T) > 1.2).astype(int)
    assert linear_accuracy(rings[:400], labels[:400], rings[400:], labels[400:]) < 0.75
    assert nearest_accuracy(rings[:400], labels[:400], rings[400:], labels[400:]) > 0.9


def test_a_pixel_that_never_changes_breaks_no_probe() -> None:
    (train, labels), (test, wanted) = clusters(300, 0), clusters(100, 1)
    still = [np.concatenate([x, np.zeros((len(x), 1), np.float32)], 1) for x in (train, test)]
    assert linear_accuracy(still[0], labels, still[1], wanted) > 0.9


def test_neighbours_vote_by_distance_as_it_is() -> None:
    train, labels = clusters(300, 0)
    test, wanted = clusters(60, 1)
    votes = []
    for row in test:
        near = np.argsort(np.square(train - row).sum(axis=1))[:5]
        votes.append(np.bincount(labels[near], minlength=3).argmax())
    assert nearest_accuracy(train, labels, test, wanted) == (np.array(votes) == wanted).mean()
    assert nearest_accuracy(train[:2], labels[:2], test, wanted) >= 0  # fewer than five


def test_the_auc_counts_pairs_in_order() -> None:
    draw = np.random.default_rng(0)
    found, unseen = draw.integers(0, 9, 60).astype(float), draw.random(60) < 0.3
    pairs = [
        1.0 if strange > usual else 0.5 if strange == usual else 0.0
        for strange in found[unseen]
        for usual in found[~unseen]
    ]
    assert separation(found, unseen) == pytest.approx(np.mean(pairs))


def test_errors_are_each_images_own_whatever_its_shape() -> None:
    images = np.random.default_rng(0).random((5, 3, 4)).astype(np.float32)
    answers = images.reshape(5, 12) + np.arange(5, dtype=np.float32)[:, None]
    assert errors(images, answers) == pytest.approx(np.arange(5) ** 2, abs=1e-5)


def labelled(tmp_path: Path) -> data.Dataset:
    """100 images that hold their labels, of which 10 become validation."""
    labels = np.arange(100) % 5
    images = np.repeat(labels[:, None], 4, axis=1).astype(np.uint8)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "five.npz", **arrays)
    return data.load(str(tmp_path / "five.npz"))


def test_a_label_held_out_is_neither_trained_nor_validated_on(tmp_path: Path) -> None:
    dataset = labelled(tmp_path)
    assert 3 in dataset.validation  # where its labels are not known
    seen = without(dataset, 3)
    assert seen.train_labels is not None
    assert np.array_equal(seen.train[:, 0], seen.train_labels)
    for images in (seen.train, seen.validation):
        assert set(images[:, 0].tolist()) == {0, 1, 2, 4}
    assert len(seen.train) + len(seen.validation) == 72  # four fifths of the 90
    assert len(seen.validation) == 7
    assert np.array_equal(seen.test, dataset.test)


def test_a_probe_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_probe(tmp_path) is None
    (tmp_path / PROBE).write_text(FOUND.to_json())
    assert read_probe(tmp_path) == FOUND
    for damage in ("{", "[]", json.dumps({**asdict(FOUND), "odd": 1})):
        (tmp_path / PROBE).write_text(damage)
        with pytest.raises(BadInput, match=r"probe\.json: damaged"):
            read_probe(tmp_path)


def test_the_table_names_features_and_the_label() -> None:
    lines = render_probe(asdict(FOUND)).splitlines()
    assert lines[1].split() == ["code", "0.9100", "0.9730"]
    assert lines[3].split() == ["raw", "pixels", "0.9200", "0.9600"]
    assert lines[4] == "label 4 held out: AUC of the reconstruction error 0.800, PCA's 0.700"
    other = render_probe(asdict(replace(FOUND, held_out=7)))
    assert "label 7 held out" in other


@pytest.mark.system
@pytest.mark.tensorflow
def test_train_and_probe_and_probe_again(tmp_path: Path) -> None:
    quick = ("train", "simple", "--code", "6", "--epochs", "2", "--data", "five.npz", "--probe")
    draw = np.random.default_rng(1)
    labels = np.arange(500) % 5
    shapes = draw.random((5, 20))
    images = np.round(255 * (0.8 * shapes[labels] + 0.2 * draw.random((500, 20)))).astype(np.uint8)
    arrays = {"x_train": images[:400], "x_test": images[400:]}
    np.savez(tmp_path / "five.npz", **arrays)
    done = edgeae_forked(*quick, cwd=tmp_path)
    assert done.returncode == 2 and "no labels (y_train and y_test)" in done.stderr
    named = {"y_train": labels[:400], "y_test": labels[400:]}
    np.savez(tmp_path / "five.npz", **arrays, **named)
    done = edgeae_forked(*quick, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["probe"]
    folder = tmp_path / "build" / "simple-c6"
    assert found == json.loads((folder / PROBE).read_text())
    assert found["held_out"] == 4 and (found["train"], found["test"]) == (360, 100)
    accuracies = [value for row in found["features"].values() for value in row.values()]
    assert min(accuracies) > 0.9  # the clusters are far apart
    # a shape that was never seen is reconstructed worse
    assert found["anomaly"]["model"] > 0.9
    assert "simple-c6 without label 4: 2/2" in done.stderr
    assert not list(folder.glob(".probing*"))
    again = edgeae_forked(*quick, cwd=tmp_path)
    assert again.returncode == 0 and again.stderr.count("up to date") == 2
    assert re.search(r"^code +\d\.\d{4} +\d\.\d{4}$", again.stdout, re.M)
