"""What a manifest describes can be: shapes, element types, grids, figures, golden arrays."""

import json
import math

import numpy as np
import pytest
import tampering
import tiny

from edgeae.artifacts.bundle import MANIFEST, open_bundle
from edgeae.artifacts.manifest import TensorSpec
from edgeae.errors import BadInput, ManifestMismatch
from edgeae.runtimes.inference import run_all

FLOAT = TensorSpec("image", (1, 16), "float32")
INT8 = TensorSpec("code", ("batch", 4), "int8", 0.1, 3)
EDGE = ("artifacts", 0, "inputs", 0)


@pytest.mark.parametrize("spec", [FLOAT, INT8, TensorSpec("x", (1, 28, 28, 1), "uint8", 1.0, 0)])
def test_edges_that_can_be(spec):
    spec.check()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (TensorSpec("x", (1, 16), "object"), "dtype = 'object': allowed are float32, int8"),
        (TensorSpec("x", (1, 16), "float64"), "dtype"),
        (TensorSpec("x", (), "float32"), r"shape = \[\]: allowed is a batch of 1"),
        (TensorSpec("x", (2, 16), "float32"), "shape"),
        (TensorSpec("x", (1, 0), "float32"), "shape"),
        (TensorSpec("x", (1, -16), "float32"), "shape"),
        (TensorSpec("x", (1, "free"), "float32"), "shape"),
        (TensorSpec("x", (1, 1 << 14, 1 << 14), "float32"), "67,108,864 values at most"),
        (TensorSpec("x", (1, 4), "int8"), "scale, zero_point: missing"),
        (TensorSpec("x", (1, 4), "int8", 0.0, 0), "scale 0.0: must be finite and above 0"),
        (TensorSpec("x", (1, 4), "int8", math.nan, 0), "scale nan"),
        (TensorSpec("x", (1, 4), "int8", 0.1, 128), "zero_point 128: outside -128 to 127"),
        (TensorSpec("x", (1, 4), "float32", -0.1, 0), "scale -0.1"),
    ],
)
def test_edges_that_cannot_be(spec, told):
    with pytest.raises(BadInput, match=told):
        spec.check()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ((*EDGE, "dtype"), "V9", r"artifacts\[0\]\.inputs\[0\]\.dtype = 'V9'"),
        (("artifacts", 0, "inputs"), [], r"artifacts\[0\]\.inputs: 0 entries; allowed is one"),
        (("artifacts", 0, "part"), "x", r"artifacts\[0\]\.part = 'x': allowed are encoder"),
        (("artifacts", 0, "format"), "pb", r"allowed are tflite, onnx"),
        (("artifacts", 0, "macs"), -1, r"artifacts\[0\]\.macs = -1: allowed are whole numbers"),
        (("artifacts", 0, "packed"), {"weights": -1}, r"artifacts\[0\]\.weights = -1"),
        (("golden", "n"), 0, r"golden\.n = 0: allowed are whole numbers from 1"),
        (("dataset", "n"), -1, r"dataset\.n = -1"),
        (("dataset", "span"), "x", r"dataset\.span = 'x'"),
        (("dataset", "span"), -1.0, r"dataset\.span = -1: allowed is 0 to"),
        (("loss", "exported"), 1e300, r"loss = 1e\+300: allowed is 0 to 1e\+100"),
        (("loss", "p99", "float32"), -0.1, r"loss\.p99 = -0\.1"),
        (("loss", "labels"), {"7": [0.1, None]}, r"loss\.labels\.7: a list of 2; allowed are 3"),
        (("loss", "labels"), {"7": [None, None, 0.1]}, r"loss\.labels\.7\[0\] = None"),
        (("loss", "labels"), {"7": [0.1, None, -1]}, r"loss\.labels\.7 = -1"),
    ],
)
def test_figures_that_cannot_be(tiny_bundle, path, value, told):
    bundle = tiny_bundle()
    table = holder = json.loads((bundle.root / MANIFEST).read_text())
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    (bundle.root / MANIFEST).write_text(json.dumps(table))
    with pytest.raises(BadInput, match=told) as caught:
        open_bundle(bundle.root)
    assert str(caught.value).startswith(f"{bundle.root / MANIFEST}: damaged manifest: ")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("image", lambda array: array[:, :3], r"float32 \(64, 3\), .* float32 \(64, 16\)"),
        ("image", lambda array: array[:63], r"float32 \(63, 16\)"),
        ("image", lambda array: array.astype(np.float64), "float64"),
        ("image", lambda array: np.full_like(array, np.inf), "contains NaN or infinity"),
        ("image", lambda array: np.float32(3), r"float32 \(\)"),
        ("code", lambda array: array[:, :1], r"\(64, 1\)"),
        ("reconstruction", lambda array: array * np.nan, "contains NaN"),
        ("encoder", lambda array: array.astype(np.int16), "int16"),
        ("decoder", lambda array: array.reshape(64, 4, 4), r"int8 \(64, 4, 4\)"),
    ],
)
def test_golden_arrays_are_those_that_the_manifest_describes(tiny_bundle, name, change, told):
    bundle = tiny_bundle()
    array = change(bundle.golden(name))
    bundle = tampering.replace_golden(bundle, name, array)
    with pytest.raises(ManifestMismatch, match=told) as caught:
        bundle.golden(name)
    assert str(caught.value).startswith(f"{bundle.root}/golden/{name}.npy: ")
    with pytest.raises(ManifestMismatch):
        bundle.check()


def test_golden_images_may_have_the_shape_of_the_original(tiny_bundle):
    bundle = tiny_bundle()
    image = bundle.golden("image").reshape(64, 4, 4)
    assert tampering.replace_golden(bundle, "image", image).golden("image").shape == (64, 4, 4)


class _Session:
    """Gives whatever it is told to."""

    note = ""

    def __init__(self, answer: np.ndarray) -> None:
        self._answer = answer

    def run(self, x: np.ndarray) -> np.ndarray:
        return self._answer[: len(x)]

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros((1, 5), np.int8),
        np.zeros((1, 4), np.uint8),
        np.zeros((0, 4), np.int8),
        np.zeros((1, 4, 1), np.int8),
    ],
)
def test_an_answer_that_the_manifest_does_not_describe_is_no_answer(answer):
    encoder = tiny.program("encoder").artifact
    inputs = np.zeros((3, 16), np.int8)
    with pytest.raises(
        ManifestMismatch, match=r"encoder\.tflite: gives .*, its manifest states int8"
    ):
        run_all(_Session(answer), encoder, inputs)
