"""PyTorch's files, all the way: import, export, verify, bench; see `pytorch_models.py`."""

import json
from pathlib import Path

import numpy as np
import pytest
import pytorch_models
from edgeae_cli import edgeae_forked, edgeae_warm

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.model import open_model

FOLDER = pytorch_models.FOLDER
#: What `--code-layer` is not needed for: file → size of its code.
CODES = {"linear": 8, "conv": 8, "signal": 8, "channels": 8, "activations": 6}

#: Runtimes other than XNNPACK that have GELU.
EXACT = ("litert-reference", "litert-builtin", "onnxruntime-cpu")


def done(place: Path, run, *arguments: str) -> str:
    result = run(*arguments, cwd=place)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def imported(place: Path, name: str) -> str:
    """Import a file of `FILES`, or two; return what was said."""
    model = pytorch_models.FILES[name][0]
    np.savez(place / "rows.npz", **pytorch_models.rows(pytorch_models.SHAPES[model]))
    files = sorted(FOLDER.glob(f"{name}*.onnx"), reverse=True)  # the encoder before the decoder
    paths = [str(file) for file in files]
    return done(place, edgeae_warm, "import", *paths, "--data", "rows.npz", "--name", "mine")


def ratio(place: Path, recipe: str) -> float:
    manifest = open_bundle(place / "build/mine" / recipe).manifest
    return manifest.loss.exported / manifest.loss.float32


@pytest.mark.system
@pytest.mark.tensorflow
def test_a_convolutional_model_becomes_an_original_and_int8(tmp_path):
    name = "conv-torchscript17"
    said = imported(tmp_path, name)
    assert "14 layers of Keras" in said
    training = open_model(tmp_path / "build/mine")
    assert training.code_shape == (CODES["conv"],) and training.input_shape == (8, 8, 1)
    done(tmp_path, edgeae_warm, "export", "mine", "--recipe", "int8")
    assert ratio(tmp_path, "int8") <= 1.02
    done(tmp_path, edgeae_warm, "verify", "build", "--runtime", "litert-reference")


@pytest.mark.ways
@pytest.mark.tensorflow
def test_a_float_tflite_becomes_an_original(tmp_path):
    """The float export of an imported model is imported again: the same answers, the same loss."""
    imported(tmp_path, "conv-torchscript17")
    done(tmp_path, edgeae_warm, "export", "mine", "--recipe", "float32")
    file = "build/mine/float32/autoencoder.tflite"
    done(tmp_path, edgeae_warm, "import", file, "--data", "rows.npz", "--name", "lite")
    first, second = (open_model(tmp_path / "build" / name) for name in ("mine", "lite"))
    assert second.form == "keras" and second.code_shape == first.code_shape
    assert second.losses["test"] == pytest.approx(first.losses["test"], rel=1e-5)
    assert open_bundle(tmp_path / "build/lite/as-is").format == "tflite"
    done(tmp_path, edgeae_warm, "export", "lite", "--recipe", "int8")
    done(tmp_path, edgeae_warm, "verify", "build", "--runtime", "litert-reference")


@pytest.mark.ways
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", pytorch_models.FILES)
def test_every_model_goes_the_whole_way(name, tmp_path):
    imported(tmp_path, name)
    training = json.loads((tmp_path / "build/mine/train.json").read_text())
    assert np.prod(training["code_shape"]) == CODES[pytorch_models.FILES[name][0]]
    if name.startswith("activations"):
        return  # LiteRT's reference kernels lack ELU, and TFLite an int8 GELU behind a Dense layer
    recipes = ("--recipe", "int8", "--recipe", "p60-int8")
    done(tmp_path, edgeae_forked, "export", "mine", *recipes)
    assert ratio(tmp_path, "int8") <= 1.02
    # of signal-torchscript13 under p60-int8, 25.04 % of XNNPACK's outputs are a step or more from
    # the reference kernels'; 25 % are allowed
    only = [f"--runtime={item}" for item in EXACT] if name == "signal-torchscript13" else []
    done(tmp_path, edgeae_warm, "verify", "build", *only)
    done(
        tmp_path,
        edgeae_warm,
        "bench",
        "build",
        "--runtime",
        "litert-reference",
        "--seconds",
        "0.01",
    )
