"""Trained models → every form of ONNX: the same bytes, the original's answers, what a file says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny
from edgeae_cli import ROOT, TESTS
from onnx_forms import MODELS, QDQ, RECIPES
from onnx_models import run, with_every_shape

from edgeae.artifacts.model import open_model
from edgeae.formats import describe
from edgeae.formats.inspection import inspect
from edgeae.formats.onnx import file as onnx_file
from edgeae.formats.onnx import graph_statistics as onnx_statistics
from edgeae.metrics.loss import image_losses
from edgeae.recipe import PARTS

pytestmark = [pytest.mark.tensorflow, pytest.mark.system]

#: Model and recipe → flavours of its files in the two conversions.
FORMS = {
    "float32": ("fp32", "fp32"),
    "float16": ("fp16", "fp16"),
    "int8-fast": ("fast-qdq", "fast-qoperator"),
}
CASES = [
    (model, recipe, flavour)
    for model in MODELS
    for recipe, flavours in FORMS.items()
    for flavour in dict.fromkeys(flavours)
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained models, and below `0` and `1` what two processes converted them to."""
    place = tmp_path_factory.mktemp("onnx")
    (place / "build").mkdir()
    child("train-and-convert", place / "build", place / "0", "qdq", seed="0")
    child("convert", place / "build", place / "1", "qoperator", seed="1")
    return place


def child(*arguments: object, seed: str) -> None:
    command = [sys.executable, str(TESTS / "onnx_child.py"), *map(str, arguments)]
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def path_of(place: Path, model: str, recipe: str, part: str, flavour: str) -> Path:
    conversion = str(int(flavour == "fast-qoperator"))
    return place / conversion / model / recipe / f"{part}.{flavour}.onnx"


@pytest.fixture
def files(place, request) -> dict[str, bytes]:
    model, recipe, flavour = request.param
    return {part: path_of(place, model, recipe, part, flavour).read_bytes() for part in PARTS}


@pytest.fixture
def answers(place, request):
    """What the original of the same case answers: `image`, `code` and `whole`."""
    with np.load(place / "0" / f"{request.param}.npz") as file:
        return dict(file)


def both(cases):
    """Parametrize `files`, and `answers` of the same model, with cases of `CASES`."""
    return pytest.mark.parametrize(
        ("files", "answers"),
        [(case, case[0]) for case in cases],
        indirect=True,
        ids=["-".join((model, flavour)) for model, _, flavour in cases],
    )


def test_two_processes_write_the_same_bytes(place):
    names = [path.relative_to(place / "0") for path in (place / "0").rglob("*.onnx")]
    same = [name for name in names if "fast" not in name.name]
    assert len(same) == len(MODELS) * 2 * 3 + 3
    for name in same:
        assert (place / "0" / name).read_bytes() == (place / "1" / name).read_bytes(), name


@both(CASES)
def test_the_whole_is_both_halves_in_a_row(files, answers):
    for images, batch in ((answers["image"], 100), (answers["image"][:20], 1)):
        composed = run(files["decoder"], run(files["encoder"], images, batch), batch)
        np.testing.assert_array_equal(composed, run(files["autoencoder"], images, batch))


@both([case for case in CASES if case[1] != "int8-fast"])
def test_floats_answer_as_keras_does(files, answers):
    limit = 1e-5 if b"fp32" in files["encoder"] else 1e-2
    for part, name in (("encoder", "code"), ("autoencoder", "whole")):
        apart = np.abs(run(files[part], answers["image"]) - answers[name]).max()
        assert apart <= limit * max(1, np.abs(answers[name]).max())


@both([case for case in CASES if case[1] == "int8-fast"])
def test_fast_costs_next_to_no_loss(files, answers):
    images = answers["image"]
    found = image_losses(run(files["autoencoder"], images), images).mean()
    before = image_losses(answers["whole"], images).mean()
    assert before < 0.05  # it has learned something
    assert found - before < 3e-4


@both(CASES)
def test_onnx_accepts_it_and_infers_every_shape(files, answers):
    for content in files.values():
        model = with_every_shape(content)
        edges = (*model.graph.input, *model.graph.output)
        assert {item.type.tensor_type.shape.dim[0].dim_param for item in edges} == {"batch"}
        assert {item.type.tensor_type.elem_type for item in edges} == {onnx.TensorProto.FLOAT}


@pytest.mark.parametrize(("model", "recipe", "flavour"), CASES)
def test_a_file_says_where_it_comes_from(place, model, recipe, flavour):
    plan = next(item for item in RECIPES if item.name == recipe)
    weights = open_model(place / "build" / model).weights_sha256
    for part in PARTS:
        found = inspect(path := path_of(place, model, recipe, part, flavour))
        told = dict(found.metadata)
        code = json.loads(told.pop("edgeae.code"))
        times = told.pop("edgeae.p50_us", None)
        assert told == {
            "edgeae.recipe": recipe,
            "edgeae.recipe_sha256": plan.sha256,
            "edgeae.weights_sha256": weights,
            "edgeae.part": part,
            "edgeae.flavour": flavour,
        }
        assert (times is not None) == (recipe == "int8-fast")
        assert code["size"] == 8 and (code["scale"] is None) == (recipe != "int8-fast")
        text = found.to_text()
        assert f"edgeae.weights_sha256  {weights}" in text and plan.sha256 in text
        assert describe.onnx(part, path.read_bytes(), "m.onnx").flavour == flavour


@both([case for case in CASES if case[1] == "int8-fast"])
def test_codes_lie_on_the_grid_that_the_file_tells(files, answers):
    told = onnx_file.properties(onnx_file.read(files["encoder"], "m"))
    code = json.loads(told["edgeae.code"])
    steps = run(files["encoder"], answers["image"]) / np.float32(code["scale"])
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    integers = np.rint(steps) + code["zero_point"]
    assert integers.min() >= 0 and integers.max() <= 255 and len(np.unique(integers)) > 20


def test_a_qdq_file_tells_the_code_of_its_tflite(place):
    scale, zero_point = tiny.QUANTIZED["code"]
    for part in PARTS:
        content = path_of(place, "tiny", "int8", part, "qdq").read_bytes()
        told = onnx_file.properties(onnx_file.read(content, "m"))
        code = {"scale": scale, "size": 8, "zero_point": zero_point}
        assert json.loads(told["edgeae.code"]) == code  # its size is the model's in the child
        assert (told["edgeae.part"], told["edgeae.recipe_sha256"]) == (part, QDQ.sha256)
        # of a file in no bundle, too
        assert describe.onnx(part, content, "m.onnx").flavour == told["edgeae.flavour"] == "qdq"


@pytest.mark.parametrize("flavour", ["fast-qdq", "fast-qoperator"])
def test_what_is_counted_of_fast_is_what_is_counted_of_floats(place, flavour):
    for model in MODELS:
        for part in PARTS:
            plain, quick = (
                path_of(place, model, recipe, part, form)
                for recipe, form in (("float32", "fp32"), ("int8-fast", flavour))
            )
            before, after = inspect(plain), inspect(quick)
            assert after.macs == before.macs > 0
            assert len(after.sparsity) == len(before.sparsity)
            assert sum(after.size_by_cause.values()) == after.bytes
            weights = before.size_by_cause["weights"], after.size_by_cause["weights"]
            # a byte for each float, but where a transposed convolution stays float
            assert weights[0] == 4 * weights[1] if model == "dense" else weights[0] > weights[1]


def test_fast_computes_with_integers_but_for_transposed_convolutions(place):
    content = path_of(place, "conv", "int8-fast", "autoencoder", "fast-qoperator").read_bytes()
    model = onnx_file.read(content, "m")
    floats = {
        node.op_type
        for node in model.nodes
        if model.dtypes[node.input[0]] == model.dtypes[node.output[0]] == "float32"
    }
    assert floats == {"ConvTranspose", "Relu", "Reshape"}
    assert onnx_file.needs(model) == "opset 18, com.microsoft 1"
    names = [item.name for item in onnx_file.operators(model)]
    assert {"QLinearConv", "com.microsoft.QGemm"} <= set(names)
    assert all(onnx_statistics.node_macs(model, node) >= 0 for node in model.nodes)
