"""`Normalization` and `Rescaling` at a model's ends become the map of the rows.

The models of the child are exact: a linear autoencoder of rows that lie in a plane, so that a right
import reconstructs them, and an import in a wrong unit does not.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import warm
from edgeae_cli import TESTS, edgeae_warm

from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput
from edgeae.importing.keras import scaling
from edgeae.importing.keras.architecture import Architecture, LayerSpec
from edgeae.importing.keras.scaling import Affine
from edgeae.importing.keras.weights import key
from edgeae.importing.request import Request

CHILD = TESTS / "scaling_child.py"


def chain(*layers: tuple[str, str, dict]) -> Architecture:
    """Layers (name, kind, configuration), each on the one before it."""
    names = ["image", *(name for name, _, _ in layers)]
    specs = tuple(
        LayerSpec(name, kind, config, (names[place],), (name,))
        for place, (name, kind, config) in enumerate(layers)
    )
    return Architecture((3,), "image", names[-1], specs, {})


DENSE = ("dense", "Dense", {"units": 3})


def applied(affine: Affine, values) -> np.ndarray:
    return np.asarray(values) * affine.scale + affine.offset


# Which layers are taken off


@pytest.mark.parametrize(
    ("layers", "first", "last"),
    [
        ([DENSE], [], []),
        ([("a", "Rescaling", {"scale": 2}), DENSE], ["a"], []),
        ([("a", "Normalization", {}), DENSE], ["a"], []),
        ([("a", "Rescaling", {}), ("b", "Normalization", {}), DENSE], ["a", "b"], []),
        ([("a", "Normalization", {}), DENSE, ("z", "Rescaling", {})], ["a"], ["z"]),
        (
            [("a", "Normalization", {}), DENSE, ("z", "Normalization", {"invert": True})],
            ["a"],
            ["z"],
        ),
        ([DENSE, ("z", "Rescaling", {})], [], []),  # a layer like any other
    ],
)
def test_layers_that_scale_are_taken_off_at_the_ends(layers, first, last):
    found = scaling.ends("m.keras", chain(*layers))
    assert [layer.name for layer in found.first] == first
    assert [layer.name for layer in found.last] == last
    kept = [name for name, _, _ in layers if name not in (*first, *last)]
    assert [layer.name for layer in found.inner.layers] == kept
    assert found.inner.layers[0].inputs == ("image",) and found.inner.output == kept[-1]


@pytest.mark.parametrize(
    "layers",
    [
        [DENSE, ("n", "Normalization", {})],
        [DENSE, ("n", "Normalization", {"invert": True})],
        [("n", "Normalization", {"invert": True}), DENSE],
        [("a", "Normalization", {}), DENSE, ("n", "Normalization", {}), ("d2", "Dense", {})],
    ],
)
def test_a_normalization_elsewhere_is_refused(layers):
    with pytest.raises(BadInput) as caught:
        scaling.ends("m.keras", chain(*layers))
    assert str(caught.value).startswith("m.keras: layer n (Normalization): allowed are")


def test_a_layer_that_is_also_read_around_stays():
    flat = chain(("a", "Rescaling", {"scale": 2.0}), DENSE)
    around = LayerSpec("sum", "Add", {}, ("dense", "image"))
    flat = Architecture((3,), "image", "sum", (*flat.layers, around), {})
    assert scaling.ends("m.keras", flat).first == ()


# What they do


def test_layers_one_after_another_are_one_map():
    flat = chain(
        ("a", "Rescaling", {"scale": 2.0, "offset": [1.0, 2.0, 3.0]}),
        ("b", "Normalization", {"mean": [3.0, 5.0, 7.0], "variance": [4.0, 16.0, 0.0]}),
        DENSE,
    )
    made = scaling.affine("m", flat, flat.layers[:2], {}, (3,))
    values = np.array([[0.0, 1.0, 2.0], [4.0, 4.0, 4.0]])
    expected = (values * 2 + [1, 2, 3] - [3, 5, 7]) / np.maximum([2, 4, 0], 1e-7)
    np.testing.assert_allclose(applied(made, values), expected, rtol=1e-9)


def test_adapted_statistics_are_weights_and_invert_undoes_them():
    flat = chain(
        ("a", "Normalization", {"axis": [-1], "mean": None, "variance": None}),
        DENSE,
        ("z", "Normalization", {"axis": [-1], "invert": True}),
    )
    mean, variance = np.array([1.0, -2.0, 300.0]), np.array([1.0, 4.0, 9e4])
    weights = {key(0, 0): mean, key(0, 1): variance, key(2, 0): mean, key(2, 1): variance}
    found = scaling.maps("m", flat, scaling.ends("m", flat), weights, (3,))
    values = np.array([5.0, 6.0, 7.0])
    np.testing.assert_allclose(applied(found.first, values), (values - mean) / variance**0.5)
    np.testing.assert_allclose(applied(found.last, applied(found.first, values)), values)
    assert found.last.undoes(found.first)
    weights[key(2, 0)] = mean * 1.01
    with pytest.raises(BadInput, match=r"m: layer z \(Normalization\) does not undo a"):
        scaling.maps("m", flat, scaling.ends("m", flat), weights, (3,))


@pytest.mark.parametrize(
    ("kind", "config", "words"),
    [
        (
            "Normalization",
            {"axis": [1], "mean": [0] * 5, "variance": [1] * 5},
            "along the axes [1]",
        ),
        ("Normalization", {"axis": [1, 2], "mean": [0] * 15, "variance": [1] * 15}, "[1, 2]"),
        ("Rescaling", {"scale": [[1.0], [2.0]]}, "allowed are the last axis"),
        ("Rescaling", {"scale": [1.0, 2.0]}, "2 scales for 3 columns"),
        ("Rescaling", {"scale": 0.0}, "its scale is 0 or not finite"),
        ("Rescaling", {"scale": float("inf")}, "its scale is 0 or not finite"),
    ],
)
def test_a_scale_that_is_no_scale_of_columns_is_refused(kind, config, words):
    flat = chain(("a", kind, config), DENSE)
    with pytest.raises(BadInput) as caught:
        scaling.affine("m", flat, flat.layers[:1], {}, (5, 3))
    assert words in str(caught.value) and "layer a" in str(caught.value)


def test_one_scale_for_all_is_a_scale_and_others_are_a_standardization():
    one = Affine(np.array(1 / 127.5), np.array(-1.0)).after(Normalization(1.0, 0.0))
    assert one.standardization is None
    assert one.scale == pytest.approx(1 / 127.5) and one.offset == -1.0
    after_bytes = Affine(np.array(2.0), np.array(-1.0)).after(Normalization(1 / 255, 0.0))
    assert after_bytes.scale == pytest.approx(2 / 255) and after_bytes.offset == -1.0
    columns = Affine(np.array([0.5, 0.1]), np.array([-1.0, 3.0])).after(Normalization(2.0, 1.0))
    values = np.array([[3.0, 7.0]], np.float32)
    np.testing.assert_allclose(
        columns.real(values), (values * 2 + 1) * [0.5, 0.1] + [-1, 3], rtol=1e-6
    )
    with pytest.raises(BadInput, match="not above 0"):
        Affine(np.array([0.5, -0.1]), np.array([0.0, 0.0])).after(Normalization(1.0, 0.0))


@pytest.mark.parametrize(("dtype", "asked", "count"), [("u1", None, 2), ("f4", None, 1)])
def test_bytes_may_be_scaled_by_the_model_or_before_it(dtype, asked, count):
    rows = np.zeros((10, 3), dtype)
    usual = Normalization.usual(rows.dtype)
    dataset = Dataset("m", "m", rows, rows, rows, None, None, usual, False, "")
    request = Request((Path("m.keras"),), "m.npy", None, asked, None, "m", Path("build"))
    ends = scaling.ends("m", chain(("a", "Rescaling", {"scale": 1 / 255}), DENSE))
    found = scaling.views(ends, dataset, request)
    assert len(found) == count and found[-1] == usual
    plain = scaling.ends("m", chain(DENSE))
    assert scaling.views(plain, dataset, request) == [usual]


# The whole way


def child(name: str, version: int, place: Path) -> None:
    python = warm.python() if version == 2 else [sys.executable]  # it chooses its Keras
    command = [*python, str(CHILD), name, str(version), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def imported(name: str, version: int, place: Path, *options: str):
    child(name, version, place)
    files = ("encoder.keras", "decoder.keras") if name == "pair" else (f"{name}.keras",)
    data = "bytes.npy" if name == "bytes" else "rows.csv"
    words = ("import", *files, "--data", data, "--name", "mine", *options)
    return edgeae_warm(*words, cwd=place)


def record(place: Path) -> dict:
    return json.loads((place / "build" / "mine" / "train.json").read_text())


EXACT = [
    pytest.param("standard", 3, marks=pytest.mark.ways),
    pytest.param("inverse", 3, marks=pytest.mark.ways),
    pytest.param("unit", 3, marks=pytest.mark.system),
    pytest.param("unit", 2, marks=pytest.mark.ways),
    pytest.param("inverse", 2, marks=pytest.mark.ways),
    pytest.param("windows", 3, marks=pytest.mark.ways),
    pytest.param("pair", 3, marks=pytest.mark.ways),
]


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "version"), EXACT)
def test_a_model_that_scales_its_rows_itself(name, version, tmp_path):
    options = ("--window", "8") if name == "windows" else ()
    done = imported(name, version, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert "norm (Normalization)" in done.stderr and "taken off" in done.stderr
    assert ("are converted" in done.stderr) == (name == "unit")
    found = record(tmp_path)
    rows = np.loadtxt(tmp_path / "rows.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(found["standardization"]["mean"], rows.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found["standardization"]["deviation"], rows.std(axis=0), rtol=1e-4)
    assert found["losses"]["test"] < 1e-6 * found["dataset"]["mean_loss"]
    again = edgeae_warm(*("import", *done.args[2:]), cwd=tmp_path)
    assert again.stderr == "build/mine: up to date\n"


@pytest.mark.tensorflow
@pytest.mark.ways
def test_a_model_that_takes_bytes_as_they_are(tmp_path):
    done = imported("bytes", 3, tmp_path)
    assert done.returncode == 0, done.stderr
    found = record(tmp_path)
    assert found["normalization"] == pytest.approx({"scale": 1 / 127.5, "offset": -1})
    assert found["bounds"] == pytest.approx([-1, 1]) and "standardization" not in found
    assert found["losses"]["test"] < 1e-6 * found["dataset"]["mean_loss"]


@pytest.mark.tensorflow
@pytest.mark.ways
def test_an_output_that_cannot_be_converted_is_refused(tmp_path):
    done = imported("softplus", 3, tmp_path)
    assert done.returncode == 2 and done.stderr.count("\nedgeae: ") == 1
    assert "reconstructs the rows in their own unit" in done.stderr
    assert "last (Dense)" in done.stderr and "Normalization(invert=True)" in done.stderr
    assert not (tmp_path / "build" / "mine").exists()


@pytest.mark.tensorflow
@pytest.mark.ways
def test_rows_are_not_standardised_twice(tmp_path):
    done = imported("standard", 3, tmp_path, "--standardize")
    assert done.returncode == 2
    assert "layer norm (Normalization) scales the rows already" in done.stderr
