"""Models as tfmot itself leaves them, all the way: import, inspect, export, verify."""

import json
from pathlib import Path

import numpy as np
import plain_tflite
import pytest
from ai_edge_litert.interpreter import Interpreter
from edgeae_cli import edgeae_warm, script

pytestmark = pytest.mark.tensorflow

#: Model → the form in which it goes all the way; Keras saves no SavedModel of `qat`.
FORMS = {
    "pruned": ".h5",
    "pruned-stripped": ".h5",
    "pruned-halves": ".keras",
    "clustered": "",
    "clustered-stripped": ".keras",
    "qat": ".h5",
    "qat-saved": "",
    "pqat": ".keras",
    "cqat": ".h5",
}
#: Those that are made and tried in CI; the others are in `make ways`.
FEW = ("qat",)
#: The other forms; a SavedModel without wrappers is a graph, and no layers.
OTHERS = [
    (name, form)
    for name in FORMS
    for form in (".h5", ".keras", "")
    if form != FORMS[name]
    and (form or name not in ("qat", "pruned-stripped", "clustered-stripped"))
]
QUANTIZED = ("qat", "qat-saved", "pqat", "cqat")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("tfmot")
    script("tfmot_models_child.py", place, *FEW)
    return place


@pytest.fixture(scope="module")
def full(place) -> Path:
    """The place, with all models."""
    script("tfmot_models_child.py", place, *FORMS.keys() - set(FEW))
    return place


def done(place: Path, *arguments: str) -> str:
    result = edgeae_warm(*arguments, cwd=place)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def imported(place: Path, name: str, form: str) -> str:
    """Import a model, and compare its float answers with those of Keras and tfmot."""
    model = f"{name}{form.replace('.', '-')}"
    said = done(place, "import", name + form, "--data", "rows.npy", "--name", model)
    script("import_child.py", "answers", place / "build" / model / "model.keras", npz(place, name))
    found = np.load(place / "build" / model / "model.keras.npy")
    expected = np.load(place / f"{name}.npy")
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    assert expected.std() > 0.05
    wrapped = "stripped" not in name
    assert ("wrapped by tfmot" in said) == wrapped or said.endswith("up to date\n")
    return model


def npz(place: Path, name: str) -> Path:
    path = place / f"{name}.npz"
    np.savez(path, x=np.load(place / "rows.npy"))
    return path


def losses(path: Path, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """The integers that a file answers, and its loss, by the reference kernels alone."""
    interpreter = Interpreter(str(path), experimental_op_resolver_type=plain_tflite.REFERENCE)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = source["quantization"]
    given = np.clip(np.round(rows / np.float32(scale)) + zero, -128, 127).astype(np.int8)
    answers = []
    for row in given:
        interpreter.set_tensor(source["index"], row[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target["index"])[0].astype(int))
    scale, zero = target["quantization"]
    real = (np.array(answers) - zero) * scale
    return np.array(answers), float(np.square(real - rows).mean())


@pytest.mark.system
@pytest.mark.parametrize("name", FEW)
def test_it_goes_all_the_way(name, place):
    check(name, place)


@pytest.mark.ways
@pytest.mark.parametrize("name", [name for name in FORMS if name not in FEW])
def test_the_others_go_all_the_way(name, full):
    check(name, full)


def check(name: str, place: Path) -> None:
    model = imported(place, name, FORMS[name])
    inspected = json.loads(done(place, "inspect", name + FORMS[name], "--json"))
    done(place, "export", model, "--recipe", "int8")
    done(place, "verify", f"build/{model}/int8")
    path = place / "build" / model / "int8" / "autoencoder.tflite"
    kernels = plain_tflite.read(path.read_bytes()).matrices
    weights = [item for layer in inspected["layers"] for item in layer["weights"]]
    told = [item for item in weights if item["name"] == "kernel"]
    if name.startswith(("pruned", "pqat")):
        assert all(abs(item["zeros"] - 0.5) < 0.05 for item in told)
        assert all((kernel == 0).mean() > 0.5 - 1 / kernel.size for kernel in kernels)
    if name.startswith(("clustered", "cqat")):
        few = [item for item in told if item["values"] <= 5]
        assert len(few) >= 3
        assert sum(len(np.unique(kernel)) <= 5 for kernel in kernels) == len(few)
    if name in QUANTIZED:
        rows = np.load(place / "rows.npy")
        ours, loss = losses(path, rows)
        theirs, their_loss = losses(place / f"{name}.tflite", rows)
        assert (np.abs(ours - theirs) > 1).mean() <= 0.001
        assert loss <= their_loss + 1e-9
        ranges = [layer["ranges"] for layer in inspected["layers"]]
        assert sum(item is not None for item in ranges) >= 3


@pytest.mark.ways
@pytest.mark.parametrize(("name", "form"), OTHERS)
def test_every_form_has_the_same_answers(name, form, full):
    imported(full, name, form)


@pytest.mark.ways
def test_ranges_may_be_calibrated_anew_and_are_where_weights_are_trained_again(place):
    model = imported(place, "qat", ".h5")
    for arguments, reason in (
        (["int8", "--set", "ranges=calibrated"], "ranges = 'calibrated'"),
        (["int16x8"], "they are of int8"),
        (["int8-fast"], "with onnx = 'fast', onnxruntime chooses the ranges"),
    ):
        said = done(place, "export", model, "--recipe", *arguments)
        assert f"the learned ranges are not kept: {reason}" in said
    done(place, "verify", f"build/{model}/int8.ranges-calibrated")
