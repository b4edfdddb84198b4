"""Kernels of few values: which are, and what compensated rounding makes of them."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeae.conversion.tflite.few_values import few_values
from edgeae.conversion.tflite.gptq import compensated
from edgeae.conversion.tflite.kept import Kept
from edgeae.conversion.tflite.rounding import rounded
from edgeae.formats.tflite.graph import Graph, Tensor, write

GRIDS = {8: 127, 4: 7}


@st.composite
def clustered(draw, most_values=24):
    """Rows of k values, some of them zeros; those of each channel times a multiplier, or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, inputs = draw(st.integers(1, 12)), draw(st.integers(1, 40))
    k = draw(st.integers(1, most_values))
    values = random.normal(0, draw(st.sampled_from([1e-3, 1, 50])), k).astype(np.float32)
    rows = values[random.integers(0, k, (channels, inputs))]
    rows[random.random(rows.shape) < draw(st.sampled_from([0, 0.3, 0.9]))] = 0
    multipliers = np.ones(channels, np.float32)
    if draw(st.booleans()):
        multipliers = np.exp(random.normal(0, 1, channels)).astype(np.float32)
    return rows * multipliers[:, None]


@given(clustered(), st.sampled_from([8, 4]), st.booleans())
@settings(deadline=None)
def test_few_values_are_the_weights_again_and_no_more_than_there_were(case, bits, per_channel):
    rows = case
    found = few_values(rows, bits, per_channel=per_channel)
    if found is None:
        return
    again = found.multipliers[:, None] * found.values[found.places]
    np.testing.assert_allclose(again, rows, rtol=3e-6, atol=0)
    np.testing.assert_array_equal(again == 0, rows == 0)
    assert len(found.values) <= len(np.unique(rows))
    assert (found.multipliers > 0).all() and (per_channel or (found.multipliers == 1).all())


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("multiplied", [True, False])
def test_sixteen_values_are_found_also_behind_a_multiplier_of_each_channel(multiplied, per_channel):
    random = np.random.default_rng(3)
    # nine weights a channel: hardly any has all the values, or the largest
    rows = random.normal(0, 1, 16).astype(np.float32)[random.integers(0, 16, (64, 9))]
    if multiplied:
        rows *= random.uniform(0.1, 3, (64, 1)).astype(np.float32)
    found = few_values(rows, 8, per_channel=per_channel)
    if multiplied and not per_channel:
        assert found is None
    else:
        assert len(found.values) == 16
        assert len(np.unique(found.integers(127))) == 16


def test_a_channel_that_a_negative_number_multiplies_has_other_values():
    random = np.random.default_rng(3)
    rows = random.normal(0, 1, 8).astype(np.float32)[random.integers(0, 8, (16, 20))]
    rows[5] *= np.float32(-1.7)
    found = few_values(rows, 8, per_channel=True)
    assert 8 < len(found.values) <= 16 and (found.multipliers > 0).all()
    # and no channel gets much coarser steps for that
    np.testing.assert_allclose(
        found.scales(127),
        np.abs(rows).max() / 1.7 / 127 * np.where(np.arange(16) == 5, 1.7, 1),
        rtol=0.05,
    )


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 24),
    st.integers(1, 24),
    st.sampled_from([0.0, 0.5, 0.95]),
    st.sampled_from([8, 4]),
    st.booleans(),
)
@settings(deadline=None)
def test_weights_that_nobody_clustered_are_many(seed, channels, inputs, zeros, bits, per_channel):
    """Of any shape, also where channels have one weight each; with zeros, or a dead channel."""
    random = np.random.default_rng(seed)
    rows = random.normal(0, 1, (channels, inputs)).astype(np.float32)
    rows[random.random(rows.shape) < zeros] = 0
    rows[0] = 0
    assert few_values(rows, bits, per_channel=per_channel) is None


@given(clustered(), st.integers(0, 2**32 - 1), st.sampled_from([8, 4]))
@settings(deadline=None)
def test_few_values_in_few_values_out_and_zeros_stay(case, seed, bits):
    rows = case
    found = few_values(rows, bits, per_channel=True)
    if found is None:
        return
    random = np.random.default_rng(seed)
    # inputs of few sources: errors are made up for by many steps of other weights
    inputs = random.normal(0, 1, (60, 3)) @ random.normal(0, 1, (3, rows.shape[1]))
    weights, levels = found.values[found.places], GRIDS[bits]
    scales = np.full(len(rows), found.step(levels))
    among = np.unique(found.integers(levels))
    steps = compensated(weights, inputs.T @ inputs, scales, levels, among)
    assert set(np.unique(steps)) <= set(among) and len(np.unique(steps)) <= len(found.values)
    assert (steps[rows == 0] == 0).all() and np.abs(steps).max() <= levels


def test_weights_take_other_values_where_that_makes_up_for_an_error():
    """Two inputs that are one, 0.4 x + 0.4 x = 0.8 x, and only 0 and 1 to choose from."""
    found = compensated(np.array([[0.4, 0.4]]), np.ones((2, 2)), np.ones(1), 7, np.array([0, 1]))
    assert sorted(found[0]) == [0, 1]


# --- in a graph ---

KINDS = {
    "FULLY_CONNECTED": ((12, 24), "FullyConnectedOptions"),
    "CONV_2D": ((8, 3, 3, 4), "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": ((1, 3, 3, 24), "DepthwiseConv2DOptions"),
    "TRANSPOSE_CONV": ((6, 3, 3, 4), "TransposeConvOptions"),
}
FORMS = {"int8": ("int8", "int8", 127), "int16x8": ("int8", "int16", 127), "int4": ("int4", "", 7)}


def layer(kind: str, kernel: np.ndarray, form: str = "") -> Graph:
    """One layer; in float, or in integers with a scale for each output channel."""
    shape, table = KINDS[kind]
    axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
    channels = shape[axis]
    given = (1, 24) if kind == "FULLY_CONNECTED" else (1, 5, 5, 24 if axis else 4)
    made = (1, channels) if kind == "FULLY_CONNECTED" else (1, 5, 5, channels)
    bias = np.linspace(-1, 1, channels).astype(np.float32)
    weights = Tensor("w", shape, "float32", kernel)
    added = Tensor("b", (channels,), "float32", bias)
    dtype, unit = "float32", ()
    if form:
        narrow, activations, levels = FORMS[form]
        rest = tuple(at for at in range(len(shape)) if at != axis)
        scales = np.abs(kernel).max(axis=rest, keepdims=True) / np.float32(levels)
        steps = np.round(kernel / scales).astype(np.int8)
        flat = tuple(map(float, scales.reshape(-1)))
        weights = Tensor("w", shape, narrow, steps, flat, (0,) * channels, axis)
        if activations:
            dtype, unit = activations, (0.05,)
            wide = "int32" if activations == "int8" else "int64"
            units = scales.reshape(-1) * np.float32(0.05)
            stored = np.round(bias / units).astype(wide)
            added = Tensor(
                "b", (channels,), wide, stored, tuple(map(float, units)), (0,) * channels
            )
    zero = (0,) * len(unit)
    tensors = [
        Tensor("x", given, dtype, None, unit, zero),
        weights,
        added,
        Tensor("y", made, dtype, None, unit, zero),
    ]
    strides = {} if kind == "FULLY_CONNECTED" else {"padding": 0, "strideH": 1, "strideW": 1}
    inputs = (0, 1, 2)
    if axis:
        strides["depthMultiplier"] = 1
    if kind == "TRANSPOSE_CONV":
        tensors.append(Tensor("size", (4,), "int32", np.array(made, np.int32)))
        inputs = (4, 1, 0, 2)
    elif "CONV" in kind:
        strides |= {"dilationHFactor": 1, "dilationWFactor": 1}
    if form == "int4":
        tensors.append(Tensor("w float", shape, "float32"))
        inputs = tuple(len(tensors) - 1 if at == 1 else at for at in inputs)
    only = tiny.operator(kind, 1, inputs, (3,), table, **strides)
    before = ()
    if form == "int4":
        before = (tiny.operator("DEQUANTIZE", 6, (1,), (inputs[1],), "DequantizeOptions"),)
    return Graph(tuple(tensors), (*before, only), {"x": 0}, {"y": 3})


def kernel_of(kind: str, values: int, multiplied: bool) -> np.ndarray:
    random = np.random.default_rng(11)
    shape, _ = KINDS[kind]
    known = random.normal(0, 1, values).astype(np.float32)
    known[0] = 0
    kernel = known[random.integers(0, values, shape)]
    if multiplied:
        each = random.uniform(0.2, 2, shape[3 if kind == "DEPTHWISE_CONV_2D" else 0])
        along = (1, 1, 1, -1) if kind == "DEPTHWISE_CONV_2D" else (-1,) + (1,) * (len(shape) - 1)
        kernel = kernel * each.reshape(along).astype(np.float32)
    return kernel


def real(graph: Graph, name: str) -> np.ndarray:
    (tensor,) = (item for item in graph.tensors if item.name == name)
    along = [-1 if at == tensor.axis else 1 for at in range(len(tensor.shape))]
    return tensor.data * np.array(tensor.scales).reshape(along)


@pytest.mark.parametrize("multiplied", [False, True])
@pytest.mark.parametrize(
    ("kind", "form"),
    [(kind, form) for kind in KINDS for form in ("int8", "int16x8")]
    + [("FULLY_CONNECTED", "int4"), ("CONV_2D", "int4")],
)
def test_every_layer_keeps_its_few_values_and_zeros(kind, form, multiplied):
    k = 5 if form == "int4" else 16
    kernel = kernel_of(kind, k, multiplied)
    original, graph = layer(kind, kernel), layer(kind, kernel, form)
    before = len(np.unique(graph.tensors[1].data))
    images = np.random.default_rng(2).normal(0, 1, (30, *original.tensors[0].shape[1:]))
    made, kept = rounded(graph, original, write(original), images.astype(np.float32))
    after = made.tensors[1]
    assert len(np.unique(after.data)) <= k and (multiplied or form == "int4" or before > k)
    assert (after.data[kernel == 0] == 0).all()
    zeros = int((kernel == 0).sum())
    assert kept == (Kept("w", kernel.size, zeros, k),)
    # the bias stands for what it did, on the scales that the weights have now
    half = 0.51 * 0.05 * max(after.scales)
    bias = made.tensors[2]
    if form == "int4":
        assert bias == graph.tensors[2]
    else:
        np.testing.assert_allclose(bias.scales, np.array(after.scales) * 0.05, rtol=1e-6)
        np.testing.assert_allclose(real(made, "b"), original.tensors[2].data, atol=half)
    # a weight moves to a neighbour at most where that pays: the mean stays near
    assert np.abs(real(made, "w") - kernel).mean() < 0.1 * np.abs(kernel).mean()


def test_with_one_scale_for_the_tensor_multiplied_channels_are_many_values():
    kernel = kernel_of("FULLY_CONNECTED", 16, multiplied=True)
    original, graph = layer("FULLY_CONNECTED", kernel), layer("FULLY_CONNECTED", kernel, "int8")
    scale = float(np.abs(kernel).max() / 127)
    steps = np.round(kernel / scale).astype(np.int8)
    single = Tensor("w", kernel.shape, "int8", steps, (scale,), (0,))
    graph = replace(graph, tensors=(graph.tensors[0], single, *graph.tensors[2:]))
    images = np.random.default_rng(2).normal(0, 1, (30, 24)).astype(np.float32)
    made, (kept,) = rounded(graph, original, write(original), images)
    assert kept.values is None and made.tensors[1].scales == (scale,)


def test_what_is_kept_is_said_where_it_is_worth_a_word():
    assert Kept("dense", 100, 0, 16).to_text() == "dense: keeps 16 values"
    assert Kept("dense", 100, 62, 16).to_text() == "dense: keeps 16 values and 62.0% zeros"
    assert Kept("dense", 100, 62, None).to_text() == "dense: keeps 62.0% zeros"
    assert Kept("dense", 100, 5, None).to_text() == ""  # a dead unit, not a pruned layer
