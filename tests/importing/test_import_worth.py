"""`edgeae import` refuses a model that does worse than the mean of its data, or says so loudly."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras_files
import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_here
from folder_state import folder_state

from edgeae import data
from edgeae.artifacts.model import open_model
from edgeae.errors import BadInput
from edgeae.families.command import train_command
from edgeae.formats.tflite.graph import write
from edgeae.importing.keras import run as keras
from edgeae.importing.request import Request
from edgeae.importing.saved_model import run as saved_model
from edgeae.report.write import write as report
from edgeae.system import atomic

ALLOW = "--allow-worse-than-mean"
#: Pixels as 0 to 255, which the tiny model knows as 0 to 1.
WRONG = ("--scale", "1")
LARGE = tiny.images(64).reshape(64, -1).astype(np.float64)
MEAN = float(LARGE.var(axis=0).mean())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tiny.dataset_file(tmp_path)
    cuts = tiny.parts(tiny.int8_graph())
    for part in ("encoder", "decoder", "autoencoder"):
        (tmp_path / f"{part}.tflite").write_bytes(write(cuts[part]))
    return tmp_path


def imported(place: Path, *arguments: str):
    return edgeae_here("import", *arguments, "--data", "tiny.npz", "--name", "mine", cwd=place)


@pytest.mark.parametrize(
    "paths", [("autoencoder.tflite",), ("encoder.tflite", "decoder.tflite")], ids=["whole", "both"]
)
def test_files_on_data_of_another_scale_are_refused_with_both_figures(paths, place):
    done = imported(place, *paths, *WRONG)
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"edgeae: {', '.join(paths)}: does worse than the mean of its data")
    assert f"gives {MEAN:.4g};" in line
    for option in ("--scale", "--offset", "--data", ALLOW):
        assert option in line
    assert not (place / "build").exists()


def test_a_refusal_leaves_what_was_there_before_it(place):
    (place / "build").mkdir()
    assert imported(place, "autoencoder.tflite", *WRONG).returncode == 2
    assert list((place / "build").iterdir()) == []
    (place / "build" / "mine").mkdir()
    (place / "build" / "mine" / "notes.txt").write_text("mine")
    assert imported(place, "autoencoder.tflite", *WRONG).returncode == 2
    assert (place / "build" / "mine" / "notes.txt").read_text() == "mine"


def test_an_import_that_finds_another_at_work_leaves_the_lock_of_it(place):
    folder, lock = place / "build" / "mine", place / "build" / "mine" / ".train.lock"
    with atomic.lock(lock, str(folder)):
        done = imported(place, "autoencoder.tflite", *WRONG)
        assert "being written by another edgeae" in done.stderr
        assert lock.exists()


def test_a_refusal_leaves_the_earlier_import_whole(place):
    assert imported(place, "autoencoder.tflite").returncode == 0
    shown = place / "build" / "mine" / "as-is"
    link, before = (
        shown.readlink(),
        (folder_state(shown), (shown.parent / "train.json").read_bytes()),
    )
    assert imported(place, "autoencoder.tflite", *WRONG).returncode == 2
    assert imported(place, "autoencoder.tflite", *WRONG, "--force").returncode == 2
    assert shown.readlink() == link
    assert (folder_state(shown), (shown.parent / "train.json").read_bytes()) == before


def test_an_encoder_alone_has_no_loss_to_be_refused_by(place):
    done = imported(place, "encoder.tflite", *WRONG)
    assert done.returncode == 0 and "mean" not in done.stderr + done.stdout


def test_what_is_allowed_is_said_at_import_in_manifest_and_report(place):
    done = imported(place, "autoencoder.tflite", *WRONG, ALLOW)
    assert done.returncode == 0
    folder = place / "build" / "mine"
    manifest = json.loads((folder / "as-is" / "manifest.json").read_text())
    assert manifest["loss"]["worse_than_mean"] is True
    assert manifest["dataset"]["mean_loss"] == pytest.approx(MEAN, rel=1e-6)
    told = (
        f"does worse than the mean of its data: its test MSE is {manifest['loss']['float32']:.4g}, "
        f"but answering every row of tiny with the mean row gives {MEAN:.4g}"
    )
    assert f"warning: build/mine: the model {told}" in done.stderr.splitlines()
    again = imported(place, "autoencoder.tflite", *WRONG, ALLOW)
    assert "up to date" in again.stderr and told in again.stderr
    verified = edgeae_here("verify", "build", "--golden", cwd=place)
    assert f"warning: mine: the model {told}" in verified.stdout
    report(place / "build", place / "build" / "report", train_command)
    for name in ("index.html", "summary.md"):
        assert told in (place / "build" / "report" / name).read_text().replace("\\", "")
    summary = json.loads((place / "build" / "report" / "summary.json").read_text())
    assert told in summary["models"][0]["caution"]


def test_what_was_allowed_once_is_refused_without_the_flag(place):
    assert imported(place, "autoencoder.tflite", *WRONG, ALLOW).returncode == 0
    assert imported(place, "autoencoder.tflite", *WRONG).returncode == 2


def test_an_import_by_an_older_edgeae_is_refused_too_or_recorded(place):
    assert imported(place, "autoencoder.tflite", *WRONG, ALLOW).returncode == 0
    path = place / "build" / "mine" / "train.json"
    table = json.loads(path.read_text())
    del table["dataset"]["mean_loss"]
    path.write_text(json.dumps(table))
    assert imported(place, "autoencoder.tflite", *WRONG).returncode == 2
    done = imported(place, "autoencoder.tflite", *WRONG, ALLOW)
    assert done.returncode == 0 and "up to date" not in done.stderr
    assert open_model(path.parent).worse_than_mean


def test_a_sound_import_by_an_older_edgeae_stays_up_to_date(place):
    assert imported(place, "autoencoder.tflite").returncode == 0
    path = place / "build" / "mine" / "train.json"
    table = json.loads(path.read_text())
    del table["dataset"]["mean_loss"]
    path.write_text(json.dumps(table))
    done = imported(place, "autoencoder.tflite")
    assert done.stderr == "build/mine: up to date\n"


# --- models that TensorFlow opens: what its children answer is made up ---

FOUND = {
    "parameters": 140,
    "macs": 128,
    "activations": 28,
    "weights_sha256": "a" * 64,
    "description": "16 → 4 → 16",
    "input_shape": [16],
    "code_shape": [4],
    "choice": {
        "name": "d1",
        "size": 4,
        "alternatives": [],
        "narrower": None,
        "around": None,
    },
}
Importer = Callable[[Request, float], None]


@pytest.fixture
def keras_import(place, monkeypatch) -> Importer:
    path = keras_files.keras(place / "net.keras", keras_files.dense(16, 4, 16))

    def call(request: Request, loss: float) -> None:
        def rebuilt(files, flat, ends, views, shapes, code, scratch):
            (scratch / "model.keras").write_bytes(b"a zip, normally")
            losses = {"validation": loss, "test": loss}
            return {**FOUND, "losses": losses, "notes": [], "ranges": None}, views[0]

        monkeypatch.setattr(keras, "_rebuilt", rebuilt)
        keras.import_keras(replace(request, paths=(path,)), lambda line: None)

    return call


@pytest.fixture
def saved_model_import(place, monkeypatch) -> Importer:
    def call(request: Request, loss: float) -> None:
        def frozen(request, dataset, scratch):
            (scratch / "model.pb").write_bytes(b"a graph, normally")
            return {**FOUND, "losses": {"validation": loss, "test": loss}}

        monkeypatch.setattr(saved_model, "_frozen", frozen)
        saved_model.import_saved_model(replace(request, paths=(place,)), lambda line: None)

    return call


@pytest.mark.parametrize("importer", ["keras_import", "saved_model_import"])
def test_models_that_tensorflow_opens_are_refused_alike(importer, place, request):
    importing = request.getfixturevalue(importer)
    mean = data.load(str(place / "tiny.npz")).mean_loss
    asked = Request((), str(place / "tiny.npz"), None, None, None, "mine", place / "build")
    asked.folder.mkdir(parents=True)
    with pytest.raises(BadInput, match=rf"test MSE 8\.1e\+05, .* gives {mean:.4g}; --scale and"):
        importing(asked, 8.1e5)
    assert list(asked.folder.iterdir()) == []
    importing(asked, mean * 0.99)
    assert not open_model(asked.folder).worse_than_mean
    importing(replace(asked, allow_worse_than_mean=True), 8.1e5)
    training = open_model(asked.folder)
    assert training.worse_than_mean
    assert training.dataset["mean_loss"] == pytest.approx(mean)
