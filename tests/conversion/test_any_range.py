"""Images of any range and rank on their way from a file to calibration and to verification."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from original_models import trained

from edgeae import data
from edgeae.artifacts.bundle import Bundle
from edgeae.conversion.parts import cut_parts
from edgeae.conversion.representative import choose
from edgeae.errors import BadInput, OutOfTolerance
from edgeae.formats.tflite.graph import Graph
from edgeae.recipe import Recipe
from edgeae.runtimes.inference import prepare
from edgeae.verify.images import images_key, originals_of

DECIBELS = np.random.default_rng(1).normal(-60, 20, (40, 2, 3)).astype(np.float32)


# The representative dataset


@settings(max_examples=60, deadline=None)
@given(
    images=arrays(np.float32, (12, 5), elements=st.floats(-300, 300, width=16)),
    n=st.integers(2, 15),
)
def test_without_bounds_the_extreme_rows_are_among_the_chosen_and_none_is_changed(images, n):
    before = images.copy()
    chosen, record = choose(images, n, None)
    assert len(chosen) == record["n"] == min(n, 12)
    assert (chosen.max(), chosen.min()) == (images.max(), images.min())
    rows = [row.tobytes() for row in before]
    for row in chosen:
        rows.remove(row.tobytes())  # each at most as often as it is there
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (-100.0, 20.0)])
def test_with_bounds_both_are_reached_by_moving_one_value_each(bounds):
    low, high = bounds
    images = np.random.default_rng(3).uniform(low * 0.9, high * 0.9, (30, 6)).astype(np.float32)
    chosen, record = choose(images, 20, bounds)
    plain, same_record = choose(images, 20, None)
    assert (chosen.min(), chosen.max()) == bounds and record == same_record
    assert np.count_nonzero(chosen != plain) == 2
    assert (chosen != plain)[1:].sum() == 0


def test_with_bounds_that_are_reached_nothing_is_moved():
    images = np.linspace(0, 1, 60, dtype=np.float32).reshape(12, 5)
    for one, other in zip(choose(images, 8, (0.0, 1.0)), choose(images, 8, None), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_choice_is_recorded_by_its_indices():
    images = np.arange(60, dtype=np.float32).reshape(12, 5)
    chosen, record = choose(images, 7, None)
    indices = np.array([np.flatnonzero((images == row).all(1))[0] for row in chosen], "<i8")
    assert list(indices[:2]) == [11, 0]  # the largest value, then the least
    assert record["sha256"] == hashlib.sha256(indices.tobytes()).hexdigest()


# The input's scale


def with_input_scale(scale: float) -> Graph:
    graph = tiny.int8_graph()
    image, *others = graph.tensors
    tensors = (replace(image, scales=(float(np.float32(scale)),)), *others)
    whole = Graph(tensors, graph.operators, graph.inputs, graph.outputs)
    return replace(whole, outputs={**whole.outputs, "code": 2})


@pytest.mark.parametrize(
    ("bounds", "scale"),
    [
        ((0.0, 1.0), 1 / 255),
        ((-1.0, 1.0), 2 / 255),
        ((-100.0, 20.0), 120 / 255),
        ((0.5, 1.0), 1 / 255),  # the converter's grid always holds 0
        ((-3.0, -1.0), 3 / 255),
    ],
)
def test_known_bounds_must_fill_the_grid_of_the_input(int8_recipe, bounds, scale):
    assert set(cut_parts(with_input_scale(scale), int8_recipe, bounds)) == set(tiny.EDGES)
    for wrong in (scale * 1.001, scale * 0.999, scale * 2):
        whole = with_input_scale(wrong)
        with pytest.raises(OutOfTolerance, match=r"encoder\.tflite: input scale"):
            cut_parts(whole, int8_recipe, bounds)
        assert cut_parts(whole, int8_recipe, None)


@pytest.fixture
def int8_recipe() -> Recipe:
    return Recipe(name="int8", quantization="int8", io="int8", formats=("tflite",))


# Verification


def on(bundle: Bundle, dataset: data.Dataset, said: Path, train: Path | None = None) -> Bundle:
    """Let a bundle and its model be of another dataset; the artifacts do not matter here."""
    bundle.manifest.dataset.update(name=dataset.name, sha256=dataset.sha256)
    bundle.manifest.normalization.update(dataset.normalization.to_json())
    table = {"name": dataset.name, "sha256": dataset.sha256, "data": str(said)}
    configuration = {} if train is None else {"train_data": str(train)}
    trained(bundle.root.parent, str(said), dataset=table, configuration=configuration)
    return bundle


def images_of(bundle: Bundle, said: Path | None = None) -> np.ndarray:
    name = None if said is None else str(said)
    return originals_of([bundle], name, lambda line: None)[images_key(bundle)].images


def test_verify_takes_rows_of_any_range_and_rank_as_they_are(tiny_bundle, tmp_path):
    np.save(tmp_path / "m.npy", DECIBELS)
    bundle = on(tiny_bundle(), data.load(str(tmp_path / "m.npy")), tmp_path / "m.npy")
    images = images_of(bundle)
    assert images.shape == (20, 2, 3)
    assert {row.tobytes() for row in images} < {row.tobytes() for row in DECIBELS}


def test_verify_takes_the_normalization_of_the_manifest(tiny_bundle, tmp_path):
    path = tiny.dataset_file(tmp_path)
    plain = data.load(str(path))
    signed = plain.normalized(data.Normalization(2 / 255, -1))
    first = on(tiny_bundle(model="first"), plain, path)
    second = on(tiny_bundle(model="second"), signed, path)
    found = originals_of([first, second], None, lambda line: None)
    stored = tiny.images(64).astype(np.float64)
    np.testing.assert_allclose(found[images_key(first)].images, stored / 255, atol=1e-6)
    np.testing.assert_allclose(found[images_key(second)].images, stored / 127.5 - 1, atol=1e-6)


def test_verify_finds_the_training_file_that_belongs_to_the_rows(tiny_bundle, tmp_path):
    rows, train, both = (tmp_path / name for name in ("rows.npy", "train.npy", "both.npz"))
    np.save(rows, DECIBELS)
    np.save(train, DECIBELS[:20] - 1)
    np.savez(both, x_train=DECIBELS[:20] - 1, x_test=DECIBELS)
    bundle = on(tiny_bundle(), data.load(str(rows), train=str(train)), rows, train)
    for said in (None, rows, both):
        np.testing.assert_array_equal(images_of(bundle, said), DECIBELS)
    np.save(train, DECIBELS[:20])
    with pytest.raises(BadInput, match="exported with dataset rows"):
        images_of(bundle, rows)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.01, 10), zero_point=st.integers(-128, 127))
def test_rows_of_another_rank_are_quantized_as_the_artifact_takes_them(scale, zero_point):
    whole = tiny.artifact("autoencoder", tiny.int8_graph(), "int8", b"")
    spec = replace(whole.inputs[0], shape=(1, 2, 3, 1), scale=scale, zero_point=zero_point)
    stored = prepare(replace(whole, inputs=(spec,)), DECIBELS)
    assert stored.shape == (40, 2, 3, 1) and stored.dtype == np.int8
    expected = np.clip(np.rint(DECIBELS.astype(np.float64) / scale) + zero_point, -128, 127)
    assert np.abs(stored.reshape(DECIBELS.shape) - expected).max() <= 1  # a tie may round apart
