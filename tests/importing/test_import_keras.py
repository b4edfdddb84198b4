"""Keras files of the user's own, all the way: import, export, verify, bench."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import warm
from edgeae_cli import TESTS, edgeae_warm

from edgeae.formats.tflite.graph import read
from edgeae.importing.keras.layers import ALLOWED, DROPPED
from edgeae.importing.request import Request
from edgeae.importing.run import import_model

pytestmark = pytest.mark.tensorflow

CHILD = TESTS / "import_child.py"
TIMEOUT = 900.0
#: The models' weights are random.
UNTRAINED = "--allow-worse-than-mean"
#: Model → version of Keras, its file, rows in another shape than the model's, and its code.
MODELS = {
    "nested": ("3", "nested.keras", "uint8", (16, 16), "encoder.code", (4, 4, 2)),
    "decibels": ("2", "decibels.h5", "decibels", (640,), "activation_2", (8,)),
    "long": ("3", "long.keras", "float32", (48,), "bottleneck_relu", (6,)),
}


def child(*arguments: object) -> None:
    python = [sys.executable] if "3" in arguments else warm.python()  # it chooses its Keras
    command = [*python, str(CHILD), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr


def rows(folder: Path, kind: str, shape: tuple[int, ...]) -> Path:
    draw = np.random.default_rng(1)
    values = {
        "uint8": lambda: draw.integers(0, 256, (120, *shape), dtype=np.uint8),
        "decibels": lambda: draw.uniform(-80, 0, (120, *shape)).astype(np.float32),
        "float32": lambda: draw.uniform(0, 1, (120, *shape)).astype(np.float32),
    }
    np.save(folder / "rows.npy", values[kind]())
    return folder / "rows.npy"


def done(place: Path, *arguments: str) -> str:
    result = edgeae_warm(*arguments, cwd=place)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def check_answers(place: Path, file: str, model: str) -> None:
    """Compare the imported model's answers with those of the Keras that wrote the file."""
    folder = place / "build" / model
    child("answers", folder / "model.keras", place / f"{file}.npz")
    expected = np.load(place / f"{file}.npz")["y"]
    found = np.load(folder / "model.keras.npy")
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    assert expected.std() > 1e-4  # they differ from row to row


def check_few_values(bundle: Path, said: str) -> None:
    """16 values a kernel, each channel scaled by a normalisation, are 16 integers; zeros stay."""
    lines = re.findall(r"export decibels/int8: (.+): keeps (.+)\n", said)
    assert [words for _, words in lines] == ["17 values and 60.3% zeros", *["16 values"] * 5]
    for part in ("encoder", "decoder", "autoencoder"):
        graph = read((bundle / f"{part}.tflite").read_bytes(), part)
        held = {item.name: item.data for item in graph.tensors if item.dtype == "int8"}
        for name, words in lines:
            if name in held:
                assert len(np.unique(held[name])) <= int(words.split()[0])
    assert (held[lines[0][0]] == 0).mean() >= 0.6


@pytest.mark.ways  # test_import_pairs.py and test_import_tfmot.py go this way in CI
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_the_users_own_goes_all_the_way(name, tmp_path):
    version, file, kind, shape, code, code_shape = MODELS[name]
    child(name, version, tmp_path / file)
    data = rows(tmp_path, kind, shape)
    said = done(tmp_path, "import", file, "--data", data.name, UNTRAINED)
    assert f"code: {code}, {np.prod(code_shape)} values" in said
    assert "alternatives: " in said
    check_answers(tmp_path, file, name)
    record = json.loads((tmp_path / "build" / name / "train.json").read_text())
    assert record["form"] == "keras" and record["family"] == "imported"
    assert record["code_layer"] == code and tuple(record["code_shape"]) == code_shape
    assert record["dataset"]["train"] == 0
    assert record["bounds"] == ([0, 1] if kind == "uint8" else None)

    said = done(tmp_path, "export", name, "--recipe", "int8")
    bundle = f"build/{name}/int8"
    if name == "decibels":
        check_few_values(tmp_path / bundle, said)
    assert "all pass" in done(tmp_path, "verify", bundle)
    quick = ("--seconds", "0.05", "--runtime", "litert-builtin", "--part", "autoencoder")
    assert "litert-builtin" in done(tmp_path, "bench", bundle, *quick)

    before = set(sys.modules)
    place = tmp_path / "build"
    request = Request((tmp_path / file,), str(data), None, None, None, name, place, True)
    again: list[str] = []
    assert import_model(request, False, again.append).training.code_layer == code
    assert again == [f"{tmp_path / 'build' / name}: up to date"]
    assert not {"tensorflow", "keras"} & (set(sys.modules) - before)


@pytest.mark.ways
@pytest.mark.parametrize("version", ["2", "3"])
def test_every_layer_that_can_be_imported_answers_as_it_did(version, tmp_path):
    file = f"every.{'h5' if version == '2' else 'keras'}"
    child("every", version, tmp_path / file)
    data = rows(tmp_path, "float32", (16, 12, 3))
    done(tmp_path, "import", file, "--data", data.name, "--code-layer", "code", UNTRAINED)
    check_answers(tmp_path, file, "every")
    source = CHILD.read_text()
    missing = [kind for kind in (*ALLOWED, *DROPPED) if f"layers.{kind}(" not in source]
    assert missing == ["Normalization"]  # at the ends only: see test_import_scaling.py
