"""Autoencoders as the pages of keras.io and TensorFlow have them, imported without a hint.

Keras.io's variational autoencoder, of two files, is in test_import_pairs.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import TESTS, edgeae

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.model import open_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

#: Name → what is given to `edgeae import`, and the shape of the code.
TUTORIALS = {
    "denoiser": ("denoiser.keras", (7, 7, 32)),
    "timeseries": ("timeseries.keras", (72, 16)),
    "basic": ("basic", (64,)),
    "denoise": ("denoise", (7, 7, 8)),
    "detector": ("detector", (8,)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tutorials")
    env = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, str(TESTS / "tutorials_child.py"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return place


def run(place: Path, *arguments: str) -> str:
    done = edgeae(*arguments, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", TUTORIALS)
def test_it_is_imported_exported_and_verified_without_a_hint(name: str, place: Path) -> None:
    given, code = TUTORIALS[name]
    told = run(place, "import", given, "--data", f"{name}-x.npy", "--name", name)
    assert "code: " in told
    folder = place / "build" / name
    training = open_model(folder)
    assert training.code_shape == code
    # the model in the project answers as the author's does
    expected = np.load(place / f"{name}-y.npy")
    run(place, "export", name, "--recipe", "int8", "--recipe", "float32")
    run(place, "verify", f"build/{name}/float32")
    run(place, "verify", f"build/{name}/int8")
    bundle = open_bundle(folder / "float32")
    images, answers = bundle.golden("image"), bundle.golden("reconstruction")
    rows = np.load(place / f"{name}-x.npy")[: len(expected)]
    flat = images.reshape(len(images), -1)
    places = [np.flatnonzero((rows.reshape(len(rows), -1) == row).all(axis=1)) for row in flat]
    pairs = [(at[0], number) for number, at in enumerate(places) if len(at)]
    assert pairs
    for own, number in pairs:
        difference = answers[number].reshape(-1) - expected[own].reshape(-1)
        assert np.abs(difference).max() <= 1e-5 * max(1.0, float(np.abs(expected).max()))
    loss = open_bundle(folder / "int8").manifest.loss
    assert loss is not None
    assert loss.exported / loss.float32 <= 1.02


def test_a_subclassed_model_that_was_saved_learns_what_works(place: Path) -> None:
    done = edgeae("import", "subclassed.keras", "--data", "detector-x.npy", cwd=place)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "subclassed.keras" in line
    assert "model.export(FOLDER) makes a SavedModel" in line
