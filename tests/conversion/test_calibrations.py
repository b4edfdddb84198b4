"""`edgeae export --calibrate`: what each way to choose ranges costs, on the validation images."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_here, edgeae_warm
from family_models import pictures, train_all

from edgeae import recipe
from edgeae.conversion.plan.calibrations import METHODS, Calibration, can_calibrate, render
from edgeae.errors import BadInput


def found(calibration: str, loss: float, percentile: float | None = None) -> Calibration:
    return Calibration("deep", "int8", calibration, percentile, 5000, 0.005, loss, 1234)


def test_the_table_begins_with_the_least_loss():
    head, *lines = render(
        [found("min-max", 0.006), found("percentile", 0.0055, 99.9), found("mse", 0.00501)]
    ).splitlines()
    assert head.split()[:3] == ["model", "recipe", "calibration"]
    assert [line.split()[2] for line in lines] == ["mse", "percentile", "min-max"]
    assert lines[0].split()[3:] == ["5,000", "0.005000", "0.005010", "+1.0e-05", "1.0020", "1,234"]
    assert "percentile 99.9 " in lines[1]


def test_a_loss_of_nothing_has_no_ratio():
    item = Calibration("m", "int8", "mse", None, 10, 0.0, 0.1, 0)
    assert item.ratio is None and item.added == 0.1 and "0.100000" in render([item])


def test_recipes_with_ranges_to_choose():
    able = {name for name in recipe.available() if can_calibrate(recipe.find(name))}
    assert able == {"int8", "int8-per-tensor", "int16x8"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("calibrations")
    train_all(place, str(pictures(place / "pictures.npz")), ["denoising"], steps=100)
    return place


@pytest.fixture(scope="module")
def rows(place):
    """What the command tells, and writes nothing."""
    before = sorted(place.rglob("*"))
    done = edgeae_warm("export", "denoising", "--calibrate", "-r", "int8", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    assert sorted(place.rglob("*")) == before
    return json.loads(done.stdout)


@pytest.mark.tensorflow
@pytest.mark.system
def test_every_way_is_measured_and_nothing_is_written(rows):
    assert [(row["calibration"], row["percentile"]) for row in rows] == list(METHODS)
    assert len({row["float32"] for row in rows}) == 1
    for row in rows:
        assert row["n"] == 20  # of 200 for training, every tenth; the test has 60
        assert row["added"] == pytest.approx(row["loss"] - row["float32"])
        assert row["ratio"] == pytest.approx(row["loss"] / row["float32"])
        assert np.isfinite(row["loss"]) and row["ratio"] < 1.5
    clipped = [row["clipped"] for row in rows]
    assert clipped[0] == 0 and clipped[1] > clipped[2] > 0


@pytest.mark.tensorflow
@pytest.mark.system
def test_min_max_costs_what_its_export_costs_on_the_same_images(place, rows):
    """The comparison against the way the users go: an export, run by hand."""
    plain = ("-r", "int8", "--set", "calibration=min-max")
    done = edgeae_warm("export", "denoising", *plain, cwd=place)
    assert done.returncode == 0, done.stderr
    (row, *_) = rows
    with np.load(place / "pictures.npz") as file:
        images = file["x_train"][-20:].astype(np.float32) / 255
    content = (place / "build/denoising/int8.calibration-min-max/autoencoder.tflite").read_bytes()
    stored = (np.round(images * 255) - 128).astype(np.int8).reshape(20, -1)
    answers = tiny.run(content, stored, tiny.RESOLVERS["litert-reference"])
    loss = np.square((answers.astype(np.float64) + 128) / 256 - images.reshape(20, -1)).mean()
    assert row["loss"] == pytest.approx(loss, rel=1e-6)


@pytest.mark.tensorflow
@pytest.mark.system
@pytest.mark.parametrize("name", ["float32", "qat-int8", "int8-fast"])
def test_recipes_without_ranges_to_choose_are_refused(place, name):
    done = edgeae_here("export", "denoising", "--calibrate", "-r", name, cwd=place)
    assert (done.returncode, done.stdout) == (BadInput.code, "")
    assert f"edgeae: recipe {name}: nothing to calibrate; allowed are" in done.stderr
