"""int8 and int16x8 with ranges and roundings of our own, on Dense, conv and depthwise models."""

import numpy as np
import pytest
import tiny
from integer_models import MODELS, Converted, convert, weights

from edgeae.formats import describe
from edgeae.formats.tflite import graph_statistics
from edgeae.runtimes.inference import prepare, real

pytestmark = [pytest.mark.tensorflow, pytest.mark.system]

RECIPES = (
    "int8",
    "int8-percentile",
    "int8-mse",
    "int8-compensated",
    "int16x8",
    "int16x8-mse",
    "int16x8-compensated",
    "int16x8-float32",
)
NAMES = tuple(f"{model} {recipe}" for model in MODELS for recipe in RECIPES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    return convert(tmp_path_factory.mktemp("integers"), *RECIPES)


def test_every_model_is_converted_and_again_to_the_same_bytes(made):
    assert made.said["refused"] == {}
    assert len(made.said["again"]) == 2 * len(MODELS) and all(made.said["again"].values())


@pytest.mark.parametrize("name", NAMES)
def test_no_operator_computes_in_float_and_activations_have_their_type(made, name):
    graph = made.graph(*name.split())
    assert graph_statistics.float_operators(graph) == []
    wanted = "int16" if "int16x8" in name else "int8"
    inner = {item.dtype for item in graph.tensors if item.data is None}
    assert inner - {"float32"} == {wanted}
    assert {item.dtype for item in weights(graph)} == {"int8"}


@pytest.mark.parametrize("model", MODELS)
def test_int16_is_symmetric_and_a_pixel_has_all_its_steps(made, model):
    graph = made.graph(model, "int16x8")
    for tensor in graph.tensors:
        if tensor.dtype == "int16":
            assert tensor.zero_points == (0,)
    image = graph.tensors[graph.inputs["image"]]
    assert image.scales == (float(np.float32(1 / 32767)),)
    biases = [item for item in graph.tensors if item.dtype == "int64" and item.data is not None]
    assert biases and any(np.abs(item.data).max() > 32767 for item in biases)
    assert all(item.data.nbytes == 8 * item.shape[0] for item in biases)


@pytest.mark.parametrize("model", MODELS)
def test_both_kernels_give_the_same_int16_to_the_bit(made, model):
    first = made.answers(model, "int16x8-compensated", "litert-reference")
    assert first.dtype == np.int16 and first.std() > 100
    np.testing.assert_array_equal(
        first, made.answers(model, "int16x8-compensated", "litert-builtin")
    )


@pytest.mark.parametrize("model", MODELS)
def test_int16_activations_lose_less_than_int8_ones(made, model):
    assert made.loss(model, "int16x8") < 0.5 * made.loss(model, "int8")
    assert made.loss(model, "int16x8") < 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_float_edges_hold_the_same_integers(made, model):
    plain = made.answers(model, "int16x8", "litert-reference")
    scale = real(describe.tflite("autoencoder", made.content(model, "int16x8"), "a"), plain)
    wrapped = made.answers(model, "int16x8-float32", "litert-reference")
    assert wrapped.dtype == np.float32
    np.testing.assert_array_equal(wrapped, scale)
    versions = {
        (item.name, item.version)
        for item in graph_statistics.operators(made.graph(model, "int16x8-float32"))
    }
    assert {("QUANTIZE", 2), ("DEQUANTIZE", 3)} <= versions


@pytest.mark.parametrize("recipe", ["int8-mse", "int16x8-compensated"])
@pytest.mark.parametrize("model", MODELS)
def test_the_halves_are_the_whole(made, model, recipe):
    encoder = describe.tflite("encoder", made.content(model, recipe, "encoder"), "e")
    kernels = tiny.RESOLVERS["litert-reference"]

    codes = tiny.run(made.content(model, recipe, "encoder"), prepare(encoder, made.images), kernels)
    both = tiny.run(made.content(model, recipe, "decoder"), codes, kernels)
    np.testing.assert_array_equal(both, made.answers(model, recipe, "litert-reference"))


@pytest.mark.parametrize("model", MODELS)
def test_ranges_of_our_own_lose_no_more_than_least_and_largest_value(made, model):
    plain = made.loss(model, "int8")
    assert made.loss(model, "int8-mse") < 1.1 * plain
    assert made.loss(model, "int8-percentile") < 1.5 * plain
    ends = made.graph(model, "int8"), made.graph(model, "int8-mse")
    narrower = [
        ours.scales[0] < theirs.scales[0]
        for theirs, ours in zip(ends[0].tensors, ends[1].tensors, strict=True)
        if ours.data is None
    ]
    assert any(narrower)
    # the image and the end have no range to choose
    for index in (ends[0].inputs["image"], ends[0].outputs["reconstruction"]):
        assert ends[0].tensors[index].scales == ends[1].tensors[index].scales


@pytest.mark.parametrize("model", MODELS)
def test_compensation_changes_integers_alone_and_lowers_the_loss(made, model):
    nearest, found = made.graph(model, "int8"), made.graph(model, "int8-compensated")
    changed = 0
    for before, after in zip(weights(nearest), weights(found), strict=True):
        assert (before.scales, before.zero_points) == (after.scales, after.zero_points)
        assert np.abs(after.data.astype(int)).max() <= 127
        changed += int((before.data != after.data).sum())
    assert changed > 20
    assert made.loss(model, "int16x8-compensated") < 0.7 * made.loss(model, "int16x8")


def test_int16_leaves_one_bit_to_images_that_reach_farther(made):
    """Twice the range that int8 has, where nothing else limits it: behind each ReLU."""
    narrow, wide = made.graph("dense", "int8"), made.graph("dense", "int16x8")
    ends = [
        (255 * one.scales[0], 32767 * two.scales[0])
        for one, two in zip(narrow.tensors, wide.tensors, strict=True)
        if one.data is None and one.shape == (1, 24)
    ]
    assert len(ends) == 2
    for int8, int16 in ends:
        assert int16 == pytest.approx(2 * int8, rel=1e-5)
