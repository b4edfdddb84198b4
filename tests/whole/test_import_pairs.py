"""Encoder and decoder as two Keras files: a plain pair, and keras.io's variational autoencoder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import TESTS, edgeae_warm, script

from edgeae.artifacts.model import open_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.system]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("pairs")
    command = [sys.executable, str(TESTS / "pairs_child.py"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return place


def run(place: Path, *arguments: str):
    untrained = ("--data", "rows.npy", "--allow-worse-than-mean")
    return edgeae_warm("import", *arguments, *untrained, cwd=place)


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [("vae", ["--output", "z_mean"], "encoder.z_mean"), ("plain", [], "encoder.dense")],
)
def test_two_files_are_one_model(name, arguments, code, place):
    files = [f"{name}-{part}.keras" for part in ("encoder", "decoder")]
    done = run(place, *files, *arguments, "--name", name)
    assert done.returncode == 0, done.stderr
    assert f"code: {code}, " in done.stdout
    np.savez(place / f"{name}.npz", x=np.load(place / "rows.npy"))
    folder = place / "build" / name
    script("import_child.py", "answers", folder / "model.keras", place / f"{name}.npz")
    found, expected = np.load(folder / "model.keras.npy"), np.load(place / f"{name}.npy")
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    assert expected.std() > 1e-3
    training = open_model(folder)
    assert training.code_layer == code
    assert training.configuration["output"] == (arguments[1] if arguments else None)
    if name == "vae":  # the author's own layer is not run
        assert "left out, as z_mean does not need it: " in done.stderr
        assert "Sampling" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vae-encoder.keras", "vae-decoder.keras"], "(z_mean, z_log_var, sampling); allowed is"),
        (
            ["vae-encoder.keras", "vae-decoder.keras", "--output", "z"],
            "allowed are its outputs, z_",
        ),
        (
            ["vae-encoder.keras", "vae-decoder.keras", "--output", "sampling"],
            "Sampling is a custom",
        ),
        (["plain-decoder.keras", "plain-encoder.keras"], "of two files, the encoder comes first"),
        (["plain-encoder.keras", "other-decoder.keras"], "takes codes of shape (9,); plain-enc"),
    ],
)
def test_what_is_no_pair_is_one_line(arguments, told, place):
    done = run(place, *arguments, "--name", "never")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert told in line
    assert not (place / "build" / "never").exists()


def test_json_names_both_files(place):
    files = [f"plain-{part}.keras" for part in ("encoder", "decoder")]
    record = json.loads(run(place, *files, "--name", "plain", "--json").stdout)
    assert [Path(item).name for item in record["configuration"]["source"]] == files
