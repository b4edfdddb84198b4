"""`edgeae import` of SavedModels: each made by TensorFlow in a child, then taken all the way."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import ROOT, TESTS, edgeae

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.model import open_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

CHILD = TESTS / "saved_models_child.py"
#: The models' weights are random.
UNTRAINED = "--allow-worse-than-mean"
RECIPE = """
quantization = "{0}"
formats = ["tflite", "onnx"]
representative = 50
[tolerance]
added_loss = {1}
share_over_1lsb = 0.05
builtin_share_over_1lsb = 0.05
max_lsb = 3
"""
PRUNED = 'quantization = "int8"\n[prune]\nsparsity = 0.5\n'
REFUSED = {
    "writer": r"operator WriteFile \(.*\) is not allowed",
    "saver": r"operator SaveV2 \(.*\) in the signature is not allowed",
    "python": r"operator EagerPyFunc \(.*\) is not allowed",
    "noisy": r"operator RandomStandardNormal \(.*\) in the signature is not allowed",
    "classifier": r"not an autoencoder: its input has the shape \(16,\), its output \(4,\)",
    "two": r"signature serving_default has 2 inputs \(a, b\); an autoencoder has one",
    "around": r"no bottleneck: the connection image → \w+ bypasses the narrowest layer",
    "mixed": r"the outputs of 20 images at once differ from those of single images",
    "damaged": r"not a SavedModel",
    "integers": r"signature serving_default: the input is int32; allowed is float32",
}


def child(what: str, folder: Path, *names: str) -> str:
    command = [sys.executable, str(CHILD), what, str(folder), *names]
    env = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**env, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def done(*arguments: str, cwd: Path) -> str:
    result = edgeae(*arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    child("make", folder)
    (folder / "damaged").mkdir()
    (folder / "damaged/saved_model.pb").write_bytes(b"\xff" * 40)
    return folder


@pytest.fixture(scope="module")
def project(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three SavedModels, imported; two of them exported as int8 and as float32."""
    place = tmp_path_factory.mktemp("project")
    (place / "export").mkdir()
    (place / "export/int8.toml").write_text('io = "int8"\n' + RECIPE.format("int8", 1e-3))
    (place / "export/float32.toml").write_text(RECIPE.format("float32", 1e-6))
    (place / "export/p50-int8.toml").write_text(PRUNED)
    random = np.random.default_rng(0)
    np.save(place / "vectors.npy", random.random((80, 16), dtype=np.float32))
    np.save(place / "images.npy", random.integers(0, 256, (80, 8, 8), np.uint8))
    for name, data in (("plain", "vectors"), ("one", "vectors"), ("conv", "images")):
        told = done("import", str(saved / name), "--data", f"{data}.npy", UNTRAINED, cwd=place)
        assert name in told
    done("export", "plain", "conv", "--recipe=int8", "--recipe=float32", "--jobs=2", cwd=place)
    return place


def test_they_verify(project: Path) -> None:
    findings = json.loads(done("verify", "--json", cwd=project))
    assert len(findings) == 4
    for found in findings:
        assert {row["verdict"] for row in found["rows"]} <= {"pass", "unavailable"}
        assert all(item["max_lsb"] in (0, None) for item in found["composition"])
        assert all(item["max_abs"] == 0 for item in found["composition"])


def test_they_are_benched_beside_their_originals_and_reported(project: Path) -> None:
    quick = ("--runtime=tensorflow-cpu", "--runtime=litert-xnnpack", "--seconds=0.05", "--rounds=1")
    done("bench", "build/conv/int8", *quick, "--part=decoder", cwd=project)
    rows = [json.loads(line) for line in (project / "build/results.jsonl").read_text().splitlines()]
    assert {row["runtime"] for row in rows} == {"tensorflow-cpu", "litert-xnnpack"}
    done("report", cwd=project)


@pytest.mark.parametrize(("name", "code"), [("plain", (4,)), ("one", (4,)), ("conv", (6,))])
def test_the_frozen_graph_gives_the_saved_models_own_answers(
    project: Path, saved: Path, name: str, code: tuple[int, ...]
) -> None:
    """Asked by edgeae's TensorFlow runtime it answers as TensorFlow did, and so do its halves."""
    from edgeae.runtimes.answers import COMPOSED, ask

    training = open_model(project / "build" / name)
    assert (training.form, training.code_shape) == ("graph", code)
    with np.load(saved / f"{name}.npz") as known:
        x, y = known["x"], known["y"]
    answers = ask(project / "build" / name, "tensorflow-cpu", "graph", x, None)
    assert answers.errors == {}
    np.testing.assert_allclose(answers.outputs["autoencoder"], y, atol=2e-6)
    np.testing.assert_array_equal(answers.outputs[COMPOSED], answers.outputs["autoencoder"])


def test_nearest_upsampling_is_one_operator_that_integer_kernels_have(project: Path) -> None:
    decoder = open_bundle(project / "build/conv/int8").artifact("decoder")
    counts = {item.name: item.count for item in decoder.ops}
    assert counts["RESIZE_NEAREST_NEIGHBOR"] == 1
    assert "TILE" not in counts


def test_the_same_saved_model_gives_the_same_file(project: Path, saved: Path) -> None:
    file = project / "build/plain/model.pb"
    before = file.read_bytes()
    told = edgeae("import", str(saved / "plain"), "--data=vectors.npy", UNTRAINED, cwd=project)
    assert "up to date" in told.stderr
    done("import", str(saved / "plain"), "--data=vectors.npy", "--force", UNTRAINED, cwd=project)
    assert file.read_bytes() == before


def test_a_layer_can_be_named(project: Path, saved: Path) -> None:
    named = (
        "import",
        str(saved / "conv"),
        "--data=images.npy",
        "--name=named",
        "--build=other",
        UNTRAINED,
    )
    done(*named, "--code-layer=dense", cwd=project)
    training = open_model(project / "other/named")
    assert training.code_shape == (16,)
    assert training.code_layer.endswith("/dense_1/Relu")  # the last of the layer's operators
    wrong = edgeae(*named, "--code-layer=bottlenick", cwd=project)
    assert wrong.returncode == 2 and "unknown layer 'bottlenick'" in wrong.stderr


def test_recipes_that_fine_tune_are_refused_before_anything_starts(project: Path) -> None:
    result = edgeae("export", "plain", "--recipe=p50-int8", cwd=project)
    assert result.returncode == 2
    assert "cannot be fine-tuned; allowed are recipes without prune" in result.stderr
    assert "prune to" not in result.stderr


def test_what_is_no_harmless_autoencoder_is_refused(saved: Path) -> None:
    found = json.loads(child("refuse", saved, *REFUSED))
    assert found.keys() == REFUSED.keys()
    for name, pattern in REFUSED.items():
        assert re.search(pattern, found[name]), found[name]
        assert found[name].startswith(str(saved / name))
    assert not list(saved.glob("written*"))


def test_a_refusal_is_one_line_and_exit_2(project: Path, saved: Path, tmp_path: Path) -> None:
    """A folder that is no SavedModel, and one that writes: nothing is left behind."""
    (tmp_path / "nothing").mkdir()
    for place, line in (
        (tmp_path / "nothing", "a folder without saved_model.pb"),
        (saved / "writer", "operator WriteFile"),
    ):
        result = edgeae("import", str(place), "--data", "vectors.npy", cwd=project)
        assert result.returncode == 2
        last = result.stderr.splitlines()[-1]
        assert last.startswith(f"edgeae: {place}") and line in last
        assert not (project / "build" / place.name / "train.json").exists()
    assert not list(saved.glob("written*"))
