"""What is taken from files with tfmot's wrappers: weights, notes, ranges; and what is refused."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import tfmot_files as made

from edgeae.artifacts.ranges import Ends, Ranges
from edgeae.errors import BadInput
from edgeae.importing.inspection import inspect_keras
from edgeae.importing.keras import file as keras_file
from edgeae.importing.keras.architecture import flatten
from edgeae.importing.tfmot.weights import take
from edgeae.reading import typed

DRAW = np.random.default_rng(5)
KERNEL, BIAS = DRAW.normal(size=(6, 4)).astype("f"), DRAW.normal(size=4).astype("f")
MASK = (DRAW.uniform(size=(6, 4)) < 0.5).astype("f")
CENTROIDS = np.array([-1.5, 0, 0.25, 2], "f")
NEAREST = np.abs(KERNEL[..., None] - CENTROIDS).argmin(-1)
PRUNE, CLUSTER, QAT = "PruneLowMagnitude", "ClusterWeights", "QuantizeWrapperV2"


def taken(path, folder):
    """The weights of the one wrapped layer, the notes, and the ranges."""
    file = keras_file.read(path)
    flat = flatten(file)
    copy = folder / f"judged{file.suffix}"
    copy.write_bytes(file.judged())
    job = {
        "source": str(path),
        "file": str(copy),
        "model": file.model,
        "layers": [asdict(layer) for layer in flat.layers],
        "input": None if flat.quantized_input is None else asdict(flat.quantized_input),
        "weights": str(folder / "weights.npz"),
    }
    (report,) = json.loads(json.dumps(list(take(json.loads(json.dumps(job))))))
    with np.load(folder / "weights.npz") as arrays:
        return dict(arrays), report["notes"], report["ranges"]


def in_both(path, model, layer: str, named: dict, numbered: dict, other=None):
    """Write a file of a wrapped layer in both forms; a plain one before it has `other`."""
    groups = {layer: named} | ({"first": other} if other else {})
    plain = {"layers/dense/vars": list(other.values())} if other else {}
    return (
        made.h5(path / "a.h5", model, groups),
        made.keras(path / "a.keras", model, plain | numbered),
    )


def pruned(kernel=KERNEL, **arrays):
    """Both forms of a pruned Dense layer after a plain one of the same class."""
    values = {"mask": MASK, "threshold": np.float32(0.5), "pruning_step": made.step()} | arrays
    name = "prune_low_magnitude_code"
    named = {"code/kernel": kernel, "code/bias": BIAS}
    named |= {f"{name}/{key}": value for key, value in values.items() if value is not None}
    tail = [value for value in values.values() if value is not None]
    model = made.sequential(6, made.dense("first", 6), made.wrapped(PRUNE, made.dense("code", 4)))
    numbered = {
        "layers/prune_low_magnitude/layer/vars": [kernel, BIAS],
        "layers/prune_low_magnitude/vars": [kernel, *tail],
    }
    other = {"first/kernel": np.eye(6, dtype="f"), "first/bias": np.zeros(6, "f")}
    return model, name, named, numbered, other


def test_a_pruned_layer_is_its_weights_alone(tmp_path):
    for path in in_both(tmp_path, *pruned(KERNEL * MASK)):
        arrays, notes, ranges = taken(path, tmp_path)
        assert np.array_equal(arrays["1.0"], KERNEL * MASK) and np.array_equal(arrays["1.1"], BIAS)
        assert np.array_equal(arrays["0.0"], np.eye(6))
        assert sorted(arrays) == ["0.0", "0.1", "1.0", "1.1"]
        assert notes == [] and ranges is None


def test_weights_that_the_mask_would_prune_are_told_and_stay(tmp_path):
    zeros = int((MASK == 0).sum())
    for path in in_both(tmp_path, *pruned()):
        arrays, (note,), _ = taken(path, tmp_path)
        assert np.array_equal(arrays["1.0"], KERNEL)
        assert f"layer code: {zeros} of {zeros} pruned weights are not 0" in note


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (None, "its mask is missing"),
        (MASK[:3], r"its mask has the shape \(3, 4\)"),
        (MASK * 2, r"its mask has the shape \(6, 4\) and values from 0 to 2"),
    ],
)
def test_a_pruned_layer_has_its_mask(mask, told, tmp_path):
    model, name, named, _, _ = pruned(mask=mask)
    path = made.h5(tmp_path / "a.h5", model, {name: named, "first": pruned()[-1]})
    with pytest.raises(BadInput, match=rf"a.h5: layer code \(Dense\): {told}"):
        taken(path, tmp_path)


def clustered(kernel=KERNEL, centroids=CENTROIDS, indices=NEAREST, **config):
    name = "cluster_code"
    model = made.sequential(6, made.wrapped(CLUSTER, made.dense("code", 4), **config))
    named = {
        "code/bias": BIAS,
        "code/kernel": kernel,
        f"{name}/cluster_centroids_kernel": centroids,
        f"{name}/pulling_indices_kernel": indices,
    }
    numbered = {
        "layers/cluster_weights/layer/vars": [BIAS],
        "layers/cluster_weights/vars": [kernel, centroids, indices],
    }
    return model, name, named, numbered


def test_a_clustered_kernel_is_its_centroids_at_the_indices(tmp_path):
    for path in in_both(tmp_path, *clustered()):
        arrays, notes, _ = taken(path, tmp_path)
        assert np.array_equal(arrays["0.0"], CENTROIDS[NEAREST])
        assert np.array_equal(arrays["0.1"], BIAS)
        assert notes == []


def test_other_indices_than_the_nearest_are_told(tmp_path):
    """As tfmot does in each call, unless it preserves zeros by a mask that no file has."""
    other = (NEAREST + (MASK == 0)) % 4
    count = int((MASK == 0).sum())
    for path in in_both(tmp_path, *clustered(indices=other)):
        arrays, (note,), _ = taken(path, tmp_path)
        assert np.array_equal(arrays["0.0"], CENTROIDS[NEAREST])
        assert f"{count} of 24 weights" in note and "nearest" in note
    for path in in_both(tmp_path, *clustered(indices=other, preserve_sparsity=True)):
        arrays, (note,), _ = taken(path, tmp_path)
        assert np.array_equal(arrays["0.0"], CENTROIDS[other])
        assert f"{count} of 24 weights" in note and "stored ones are taken" in note


def test_each_channel_may_have_its_centroids(tmp_path):
    """Those of the last axis, in a convolution."""
    kernel = DRAW.normal(size=(3, 3, 2, 4)).astype("f")
    centroids = np.sort(DRAW.normal(size=(4, 3)).astype("f"))
    expected = np.empty_like(kernel)
    for channel in range(4):
        near = np.abs(kernel[..., channel, None] - centroids[channel]).argmin(-1)
        expected[..., channel] = centroids[channel][near]
    config = {"name": "code", "filters": 4, "kernel_size": [3, 3], "use_bias": False}
    layer = made.wrapped(CLUSTER, {"class_name": "Conv2D", "config": config})
    model = made.sequential(6, layer)
    model["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 8, 8, 2]
    arrays = {
        "code/kernel": kernel,
        "cluster_code/cluster_centroids_kernel": centroids,
        "cluster_code/pulling_indices_kernel": np.zeros(kernel.shape, int),
    }
    found, _, _ = taken(made.h5(tmp_path / "a.h5", model, {"cluster_code": arrays}), tmp_path)
    assert np.array_equal(found["0.0"], expected)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"indices": NEAREST + 4}, "allowed are 0 to 3, as it has 4 centroids"),
        ({"indices": NEAREST - 9}, "allowed are 0 to 3"),
        ({"indices": NEAREST[1:]}, r"indices \(5, 4\); they do not fit its kernel, \(6, 4\)"),
        ({"centroids": CENTROIDS[:0], "indices": NEAREST * 0}, "as it has 0 centroids"),
    ],
)
def test_indices_fit_centroids_and_kernel(change, told, tmp_path):
    for path in in_both(tmp_path, *clustered(**change)):
        with pytest.raises(BadInput, match=rf"layer code \(Dense\): its .*{told}"):
            taken(path, tmp_path)


ENDS = {"kernel": (-0.7, 0.7), "post_activation": (-1.0, 3.0)}


def quantized(activation="relu", config="Default8BitQuantizeConfig", **ends):
    """Both forms of a quantizer of the input, and of a Dense layer."""
    pairs = {point: [np.float32(end) for end in pair] for point, pair in (ENDS | ends).items()}
    model = made.sequential(
        6, made.quantizer(), made.quantized(made.dense("code", 4, activation), config)
    )
    named = {"code/kernel": KERNEL, "code/bias": BIAS, "quant_code/optimizer_step": made.step(-1)}
    for point, (least, most) in pairs.items():
        named |= {f"quant_code/{point}_min": least, f"quant_code/{point}_max": most}
    entrance = {"quantize_layer_min": np.float32(0), "quantize_layer_max": np.float32(0.5)}
    groups = {
        "quant_code": named,
        "quantize_layer": {f"quantize_layer/{key}": value for key, value in entrance.items()},
    }
    numbered = {
        "layers/quantize_layer/vars": [*entrance.values(), made.step(-1, "int32")],
        # a kernel that is rounded belongs to the wrapper
        "layers/quantize_wrapper_v2/layer/vars": [KERNEL, BIAS][config != "NoOpQuantizeConfig" :],
        "layers/quantize_wrapper_v2/vars": [
            *(KERNEL, BIAS, KERNEL, made.step(-1, "int32")),
            *(end for pair in pairs.values() for end in pair),
        ],
    }
    return model, groups, numbered


def quantized_files(folder, *given, **ends):
    model, groups, numbered = quantized(*given, **ends)
    return made.h5(folder / "q.h5", model, groups), made.keras(folder / "q.keras", model, numbered)


def ends_of(least, most):
    pair = [[float(np.float32(least))], [float(np.float32(most))]]
    return {"least": pair[0], "most": pair[1], "per_channel": False}


@pytest.mark.parametrize(
    ("activation", "point"),
    [("relu", "after"), ("linear", "after"), ("sigmoid", "before"), ("tanh", "before")],
)
def test_learned_ranges_are_where_tfmot_rounds(activation, point, tmp_path):
    name = {"after": "post_activation", "before": "pre_activation"}[point]
    ends = {"post_activation": ENDS["post_activation"], name: (-1.0, 3.0)}
    model, groups, _ = quantized(activation, **{name: ends[name]})
    _, numbered = quantized_files(tmp_path, activation)
    for path in (made.h5(tmp_path / "a.h5", model, groups), numbered):
        arrays, notes, ranges = taken(path, tmp_path)
        assert np.array_equal(arrays["0.0"], KERNEL) and np.array_equal(arrays["0.1"], BIAS)
        assert notes == []
        assert ranges["input"] == ends_of(0, 0.5)
        code = ranges["layers"]["code"]
        assert code["weights"] == {"kernel": ends_of(-0.7, 0.7)}
        other = {"after": "before", "before": "after"}[point]
        assert code[point] == ends_of(-1, 3) and code[other] is None


def test_what_tfmot_does_not_round_has_no_range(tmp_path):
    none = {"class_name": "NoOpActivation", "config": {}}
    for path in quantized_files(tmp_path, none):
        _, _, ranges = taken(path, tmp_path)
        assert ranges["layers"]["code"]["after"] is None
        assert ranges["layers"]["code"]["weights"] == {"kernel": ends_of(-0.7, 0.7)}
    for path in quantized_files(tmp_path, "relu", "NoOpQuantizeConfig"):
        _, _, ranges = taken(path, tmp_path)
        assert ranges["layers"] == {}


@pytest.mark.parametrize(
    ("point", "pair"),
    [
        ("post_activation", (3, -1)),
        ("kernel", (-0.7, np.nan)),
        ("post_activation", (-np.inf, 1)),
        ("post_activation", (0.5, 1)),
    ],
)
def test_a_range_that_is_none_is_refused(point, pair, tmp_path):
    for path in quantized_files(tmp_path, **{point: pair}):
        with pytest.raises(BadInput, match=rf"layer code \(Dense\): its range {point}: a range"):
            taken(path, tmp_path)


def test_a_range_that_is_missing_is_refused(tmp_path):
    model, groups, _ = quantized()
    del groups["quant_code"]["quant_code/kernel_max"]
    with pytest.raises(BadInput, match=r"layer code \(Dense\): its kernel_max is missing"):
        taken(made.h5(tmp_path / "a.h5", model, groups), tmp_path)


CODE = made.dense("code", 4)
FUTURE = {**made.wrapped(PRUNE, CODE), "class_name": "QuantizeWrapperV3"}


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (made.quantized(CODE, "MyQuantizeConfig"), "MyQuantizeConfig is no QuantizeConfig that"),
        (FUTURE, "QuantizeWrapperV3 is no class of tfmot that is known; known are PruneLow"),
        ({**FUTURE, "module": None}, "QuantizeWrapperV3 is no class of tfmot"),
        (made.quantizer(bits=4), "quantizes to 4 bits; allowed is 8"),
        (made.wrapped(PRUNE, made.wrapped(CLUSTER, CODE)), "wraps ClusterWeights, another"),
        (made.wrapped(PRUNE, made.sequential(6, CODE)), "wraps a whole model"),
        (made.wrapped(PRUNE, {**CODE, "class_name": "Lambda"}), "holds code, which is never run"),
        (made.wrapped(PRUNE, {**CODE, "registered_name": "Mine>Dense"}), "a custom class"),
    ],
)
def test_what_is_not_known_is_refused_by_name(layer, told, tmp_path):
    path = made.h5(tmp_path / "a.h5", made.sequential(6, layer), {})
    with pytest.raises(BadInput, match=f"a.h5: layer [a-z_.0-9]+ .*{told}"):
        flatten(keras_file.read(path))


def test_weights_of_nested_layers_with_one_name_are_not_mixed_up(tmp_path):
    inner = made.sequential(6, made.wrapped(PRUNE, CODE), name="inner")
    again = made.sequential(4, made.wrapped(PRUNE, CODE), name="again")
    outer = made.sequential(6, inner, again, name="outer")
    model = made.sequential(6, outer)
    arrays = {"a/code/kernel": KERNEL, "b/code/kernel": KERNEL}
    with pytest.raises(BadInput, match="two weights are called b/code/kernel"):
        taken(made.h5(tmp_path / "a.h5", model, {"outer": arrays}), tmp_path)


def test_inspection_tells_zeros_values_and_ranges(tmp_path):
    for path in in_both(tmp_path, *pruned(KERNEL * MASK)):
        first, code = inspect_keras(path).layers
        assert [weight.zeros for weight in first.weights] == [pytest.approx(30 / 36), 1]
        kernel, bias = code.weights
        assert kernel.zeros == (MASK == 0).mean() and bias.zeros == 0
        assert kernel.values == int(MASK.sum()) + 1 and kernel.shape == (6, 4)
        assert code.wrapper == PRUNE and first.wrapper == ""
    for path in quantized_files(tmp_path, "relu"):
        inspection = inspect_keras(path)
        (code,) = inspection.layers
        assert code.ranges.after == Ends((-1.0,), (3.0,))
        text = inspection.to_text().splitlines()
        assert text[0] == f"{path}: Keras 2, 1 layers with weights or ranges"
        assert text[3].split() == ["(input)", "0", "to", "0.5"]
        assert text[4].split()[-6:] == ["-0.7", "to", "0.7", "-1", "to", "3"]


def test_a_model_keeps_the_ranges_that_it_was_imported_with(tmp_path):
    """`train.json` holds them as JSON, and refuses what is no range."""
    _, _, ranges = taken(quantized_files(tmp_path, "relu")[0], tmp_path)
    built = typed.build(Ranges, ranges)
    assert json.loads(json.dumps(asdict(built))) == ranges
    ranges["layers"]["code"]["after"]["most"] = [-3.0]
    with pytest.raises(BadInput, match="a range from -1 to -3"):
        typed.build(Ranges, ranges)
