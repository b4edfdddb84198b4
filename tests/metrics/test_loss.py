"""What a loss is judged against: the mean of the data; and what is said where it is much."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeae import data
from edgeae.artifacts import cautions
from edgeae.artifacts.bundle import open_bundle
from edgeae.errors import BadInput
from edgeae.metrics.loss import Loss, is_worse, loss_scale, mean_loss
from edgeae.metrics.standardization import Standardization
from edgeae.metrics.tolerance import Tolerance
from edgeae.recipe import available, find

RAW = {"name": "raw", "sha256": "0" * 64, "n": 179, "span": 1210.0, "mean_loss": 1504.2}


@given(
    images=arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(-9, 9)
    ),
    scale=st.sampled_from([1.0, 255.0, 1e4]),
)
def test_no_constant_answer_loses_less_than_the_mean(images, scale):
    images = (images * np.float32(scale)).astype(np.float32)
    answers = [np.median(images, axis=0), images[0], images.mean(axis=0, dtype=np.float64)]
    known = [float(np.mean((images.astype(np.float64) - answer) ** 2)) for answer in answers]
    found = mean_loss(images)
    assert found <= min(known) * (1 + 1e-9) + 1e-12
    assert found == pytest.approx(known[-1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e30, -7.7])
def test_images_that_are_all_alike_give_exactly_nothing_to_lose(value):
    images = np.full((7, 3, 2), value, np.float32) * np.arange(1, 3, dtype=np.float32)
    assert mean_loss(images) == 0.0
    assert not is_worse(1e9, 0.0)


def test_of_a_dataset_it_is_that_of_the_real_values_of_the_rows_that_judge(tmp_path):
    draw = np.random.default_rng(0)
    test = draw.integers(0, 256, (30, 4), np.uint8)
    # rows for training that are on another scale, or shifted, do not let worse exports pass
    np.savez(tmp_path / "rows.npz", x_train=draw.integers(0, 9, (50, 4), np.uint8), x_test=test)
    found = data.load(str(tmp_path / "rows.npz"))
    real = test / 255.0
    assert found.mean_loss == pytest.approx(float(real.var(axis=0).mean()), rel=1e-6)
    assert found.described()["mean_loss"] == found.mean_loss
    wider = found.normalized(data.Normalization(2.0, 5.0))
    assert wider.mean_loss == pytest.approx(found.mean_loss * (2 * 255) ** 2, rel=1e-5)
    np.save(tmp_path / "alone.npy", test.astype(np.float32))
    alone = data.load(str(tmp_path / "alone.npy"))
    assert alone.mean_loss == pytest.approx(float(alone.test.var(axis=0).mean()), rel=1e-6)


def test_limits_are_those_of_the_recipe_where_the_mean_loses_what_it_does_on_mnist():
    assert loss_scale({"mean_loss": 0.067}) == 1
    assert loss_scale({"mean_loss": 0.0067, "span": 1.0}) == pytest.approx(0.1)
    assert loss_scale(RAW) == pytest.approx(22450.7, rel=1e-4)


def test_older_manifests_are_judged_by_the_range_of_the_values():
    assert loss_scale({}) == 1 and loss_scale({"span": 80.0}) == 6400


def test_rows_that_are_all_alike_are_judged_in_their_own_units_or_by_a_smaller_range():
    assert loss_scale({"span": 80.0, "mean_loss": 0.0}) == 1
    assert loss_scale({"span": 0.1, "mean_loss": 0.0}) == pytest.approx(0.01)


@pytest.mark.parametrize("name", sorted(available()))
def test_no_shipped_recipe_takes_data_in_raw_units_for_a_licence(name):
    """By the range, 1,210, int4 was allowed to add 4,400, three times what the mean loses."""
    limits = find(name).tolerance.times(loss_scale(RAW))
    # at 80 % zeros, tfmot's own steps lose a seventh of that on MNIST
    assert limits.added_loss < RAW["mean_loss"] / (5 if name.startswith("tfmot-p80") else 10)
    assert limits.added_p99 == pytest.approx(
        limits.added_loss * find(name).tolerance.added_p99 / find(name).tolerance.added_loss
    )


@pytest.mark.parametrize("key", ["span", "mean_loss"])
@pytest.mark.parametrize("value", [math.inf, math.nan, -1.0, 1e200, True, "1", None, [1], 10**400])
def test_a_manifest_whose_figures_would_let_anything_pass_is_damaged(key, value, tiny_bundle):
    path = tiny_bundle().root / "manifest.json"
    table = json.loads(path.read_text())
    table["dataset"][key] = value
    path.write_text(json.dumps(table))
    with pytest.raises(BadInput, match=r"manifest\.json: damaged"):
        open_bundle(path.parent)


def losses(float32: float, exported: float, control: float | None = None, mean: float = 0.0):
    known = (np.array([float32]), np.array([exported]))
    return Loss.of(*known, None if control is None else np.array([control]), None, mean)


def of_columns(manifest, **changes):
    """The manifest as that of a model of floats, whose columns may have scales of their own."""
    return replace(manifest, normalization={"scale": 1.0, "offset": 0.0}, **changes)


@pytest.mark.parametrize(
    ("loss", "recipe", "words"),
    [
        (losses(80.1, 2875.5), "int4", ("2876", "35.9 times the original's", "dynamic or int16x8")),
        (losses(80.1, 121.0), "dynamic", ("1.51 times", "standardise", "the recipe int16x8")),
        (losses(1.0, 1.6, 0.9), "p60-int8", ("1.78 times the control's",)),
        (losses(80.1, 120.0), "int4", ()),
        (losses(1.0, 1.6, 1.2), "p60-int8", ()),
        (losses(0.0, 1.0), "int4", ()),
        (None, "as-is", ()),
    ],
)
def test_a_loss_of_much_more_than_the_yardsticks_is_said_with_what_helps(
    loss, recipe, words, tiny_bundle
):
    manifest = of_columns(tiny_bundle().manifest, recipe=recipe, loss=loss)
    text = cautions.of_export(manifest)
    assert bool(text) == bool(words)
    assert all(word in text for word in words), text
    assert cautions.of_bundles([manifest]) == ([f"tiny/{recipe}: {text}"] if words else [])


def test_columns_are_to_be_standardised_only_where_they_can_be(tiny_bundle):
    lossy = {"recipe": "int4", "loss": losses(80.1, 2875.5)}
    manifest = tiny_bundle().manifest
    columns = of_columns(manifest, **lossy)
    (first, *others) = manifest.artifacts
    picture = replace(first, inputs=(replace(first.input, shape=(1, 4, 4, 1)),))
    window = replace(first, inputs=(replace(first.input, shape=(1, 8, 2)),))
    steps = Standardization((0.0,) * 16, (1.0,) * 16)
    for sort, (sample, said) in {
        "columns": (columns, True),
        "windows": (replace(columns, artifacts=(window, *others)), True),
        "images": (replace(columns, artifacts=(picture, *others)), False),
        "bytes": (replace(manifest, **lossy), False),
        "standardised": (replace(columns, standardization=steps), False),
    }.items():
        text = cautions.of_export(sample)
        assert ("standardise" in text) == said, sort
        assert text.endswith("use the recipe dynamic or int16x8")


def test_an_original_that_is_worse_than_the_mean_is_said_once(tiny_bundle):
    bundles = [tiny_bundle(name, mean_loss=0.001) for name in ("int8", "float32")]
    (line,) = cautions.of_bundles(item.manifest for item in bundles)
    original = bundles[0].manifest.loss.float32
    assert line.startswith("tiny: the model does worse than the mean of its data")
    assert f"{original:.4g}" in line and "0.001" in line
    assert losses(2.0, 2.0, mean=1.0).worse_than_mean
    assert not losses(2.0, 2.0, mean=2.0).worse_than_mean
    assert not losses(2.0, 2.0).worse_than_mean
    better = tiny_bundle(recipe="other", mean_loss=1.0)
    assert cautions.of_bundles([better.manifest]) == []


def test_tolerances_scale_with_both_losses_and_nothing_else():
    limits = Tolerance(added_loss=1e-3, added_p99=1e-2, max_abs=1e-5, max_lsb=9)
    assert limits.times(1.0) == limits
    wider = limits.times(6400.0)
    assert (wider.added_loss, wider.added_p99) == (pytest.approx(6.4), pytest.approx(64))
    assert (wider.max_abs, wider.max_lsb) == (limits.max_abs, limits.max_lsb)
