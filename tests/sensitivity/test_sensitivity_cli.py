"""`edgeae sensitivity`: files, refusals and the search with a fake child; then for real."""

import io
import json
import math
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import fake_sensitivity_child as fake
import h5py
import numpy as np
import pytest
import tiny
from edgeae_cli import ROOT, TESTS, edgeae_warm
from fake_exports import Project
from family_models import pictures, train_all

from edgeae import recipe
from edgeae.artifacts.bundle import open_bundle
from edgeae.cli.main import main
from edgeae.sensitivity import run as sensitivity_run

BASE = """
quantization = "int8"
[prune]
sparsity = 0.8
steps = 200
"""
LEFT = 0.02


@pytest.fixture
def project(tmp_path, monkeypatch, capsys):
    """A model and a recipe that prunes; `run` gives exit code, output and talk."""
    project = Project(tmp_path, "deep")
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "prunes.toml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setattr(sensitivity_run, "ONE_SHOT", "fake_sensitivity_child")
    monkeypatch.setattr(sensitivity_run, "FINE_TUNED", "fake_sensitivity_child")
    paths = (TESTS, ROOT)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))

    def run(*arguments: object, **said: float) -> tuple[int, str, str]:
        monkeypatch.setenv("FAKE_SENSITIVITY", json.dumps({"left": LEFT, **said}))
        words = ["edgeae", "sensitivity", "--recipe=prunes", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    project.sensitivity = run
    return project


def files(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def test_without_a_limit_it_measures_and_writes_no_recipe(project):
    before = files(project.place)
    code, out, err = project.sensitivity("deep")
    assert code == 0, err
    assert out.startswith("deep on tiny: ") and "tough one" in out
    made = files(project.place).keys() - before.keys()
    assert made == {"build/deep/sensitivity.json", "build/deep/sensitivity.svg"}
    kept = json.loads((project.build / "deep" / "sensitivity.json").read_text())
    assert [item["name"] for item in kept["layers"]] == list(fake.LAYERS)
    assert kept["found"] is None


def loss_ratio(layers: dict[str, float]) -> float:
    return 1 + LEFT * sum(fake.added(name, share, 0) for name, share in layers.items())


def size(layers: dict[str, float]) -> int:
    return fake.BESIDE + sum(fake.kernel_bytes(*item) for item in layers.items())


def test_the_recipe_meets_the_limit_at_nearly_the_fewest_bytes(project):
    code, out, err = project.sensitivity("deep", "--max-loss-ratio", 1.05)
    assert code == 0, err
    path = Path("export/deep-sensitive-1.05.toml")
    assert out.rstrip().endswith(str(path))
    found = recipe.find("deep-sensitive-1.05")
    layers = found.prune.layers
    assert loss_ratio(layers) <= 1.05
    # by hand: every combination of a few sparsities around each layer's own
    grids = [
        [
            share / 100
            for share in range(max(0, round(100 * at) - 12), min(96, round(100 * at) + 13), 2)
        ]
        for at in layers.values()
    ]
    fewest = min(
        size(dict(zip(layers, (a, b, c), strict=True)))
        for a in grids[0]
        for b in grids[1]
        for c in grids[2]
        if loss_ratio(dict(zip(layers, (a, b, c), strict=True))) <= 1.05
    )
    assert size(layers) <= 1.03 * fewest
    uniform = max(n / 20 for n in range(20) if loss_ratio(dict.fromkeys(layers, n / 20)) <= 1.05)
    assert size(layers) < size(dict.fromkeys(layers, uniform))
    assert found.prune.steps == 200 and found.quantization == "int8"
    assert found.tolerance.added_loss == pytest.approx(0.05 * 2.0 / 4.0)
    kept = json.loads((project.build / "deep" / "sensitivity.json").read_text())["found"]
    assert kept["packed_bytes"] == size(layers) and len(kept["trials"]) >= 2
    assert kept["sha256"] == found.sha256


def test_a_spread_over_the_images_asks_for_more_bytes(project):
    sizes = []
    for spread in (0.0, 0.1):
        args = ("deep", "--max-loss-ratio", 1.05, "--json", "--force")
        code, out, err = project.sensitivity(*args, spread=spread)
        assert code == 0, err
        found = json.loads(out)["found"]
        assert found["margin"] == pytest.approx(1.645 * spread * (1 / 100 + 1 / 400) ** 0.5 / 2)
        assert found["ratio"] + found["margin"] <= 1.05
        sizes.append(found["packed_bytes"])
    assert sizes[1] > sizes[0]


def test_each_fine_tuning_is_told_as_it_goes(project):
    _, out, err = project.sensitivity("deep", "--max-loss-ratio", 1.05, "--most", 3, "--json")
    assert len(json.loads(out)["found"]["trials"]) <= 3
    lines = err.splitlines()
    assert any(line.startswith("sensitivity deep: fine-tuning 1, of 3 at most: ") for line in lines)


def test_a_file_that_is_there_stays_unless_forced(project):
    path = project.place / "mine.toml"
    path.write_text("mine")
    args = ("deep", "--max-loss-ratio", 1.05, "-o", path)
    before = files(project.place)
    code, out, err = project.sensitivity(*args)
    assert (code, out) == (2, "") and "mine.toml: exists; --force" in err
    assert err.count("\n") == 1 and files(project.place) == before
    assert project.sensitivity(*args, "--force")[0] == 0
    assert recipe.parse(path).prune.layers.keys() == fake.LAYERS.keys()


def test_a_limit_that_nothing_meets_is_one_line_and_nothing_is_written(project):
    before = files(project.place)
    code, _, err = project.sensitivity("deep", "--max-loss-ratio", 1.05, least=1.2)
    assert code == 1 and files(project.place) == before
    (line,) = [item for item in err.splitlines() if item.startswith("edgeae: ")]
    assert "--max-loss-ratio 1.05" in line and "the nearest have loss × 1.2" in line


def test_a_child_that_fails_leaves_nothing(project, monkeypatch):
    monkeypatch.setattr(sensitivity_run, "FINE_TUNED", "no_such_child")
    before = files(project.place)
    code, _, err = project.sensitivity("deep", "--max-loss-ratio", 1.05)
    assert code == 5 and "no_such_child" in err and files(project.place) == before


REFUSED = {
    "as is": ({"form": "as-is"}, (), "deep: imported as is"),
    "a SavedModel": ({"form": "graph"}, (), "cannot be fine-tuned"),
    "rows alone": (
        {"dataset": {"name": "a", "sha256": "", "data": "a", "train": 0}},
        (),
        "import again with --train-data",
    ),
    "a recipe of none": ({}, ("-r", "int8"), "recipe int8: it has no settings by layer"),
    "no ratio": ({}, ("--max-loss-ratio", "nan"), "--max-loss-ratio nan: allowed is above 0"),
    "below": ({}, ("--max-loss-ratio", "0"), "--max-loss-ratio 0: allowed is above 0"),
    "a file for nothing": ({}, ("-o", "a.toml"), "--out a.toml: needs --max-loss-ratio"),
    "no recipe's file": (
        {},
        ("--max-loss-ratio", "2", "-o", "a.txt"),
        "allowed is a name that ends in .toml",
    ),
    "no recipe's name": ({}, ("--max-loss-ratio", "2", "-o", "a b.toml"), "--out a b.toml: name"),
    "the matrix": ({}, ("--max-loss-ratio", "2", "-o", "matrix.toml"), "this is the matrix file's"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_one_line(project, kind, monkeypatch):
    changes, options, told = REFUSED[kind]
    if changes:
        project.model("deep", **changes)
        (project.build / "deep" / "model.pb").write_bytes(b"a zip, normally")
    monkeypatch.setattr(sensitivity_run, "ONE_SHOT", "no_such_child")
    before = files(project.place)
    code, out, err = project.sensitivity("deep", *options)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert told in err and files(project.place) == before


def test_an_unknown_model_is_told(project):
    code, _, err = project.sensitivity("deeep")
    assert code == 2 and "did you mean 'deep'" in err


# --- for real ---


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sensitivity")
    train_all(place, str(pictures(place / "pictures.npz")), ["deep"])
    (place / "mine.toml").write_text(
        'quantization = "int8"\n[prune]\nsparsity = 0.5\nsteps = 100\ncriterion = "magnitude"\n'
    )
    done = edgeae_warm(
        *("sensitivity", "deep", "-r", "mine.toml", "--max-loss-ratio", "9", "--most", "1"),
        *("--out", "found.toml", "--json"),
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    (place / "found.json").write_text(done.stdout)
    return place


def validation(place: Path) -> np.ndarray:
    """The last tenth of the training images, (20, 252)."""
    with np.load(place / "pictures.npz") as file:
        return file["x_train"][-20:].reshape(20, -1).astype(np.float64) / 255


def loss(
    place: Path, changed: dict[int, Callable[[np.ndarray], np.ndarray]] | None = None
) -> float:
    """MSE on the validation images, in float64 numpy, from the file alone.

    Args:
        place: where the model is.
        changed: place of a layer → what its weights become.
    """
    content = zipfile.ZipFile(place / "build/deep/model.keras").read("model.weights.h5")
    x = images = validation(place)
    with h5py.File(io.BytesIO(content)) as file:
        for layer in range(6):
            held = file[f"layers/dense{f'_{layer}' if layer else ''}/vars"]
            kernel, bias = (np.asarray(held[name], np.float64) for name in "01")
            x = x @ (changed or {}).get(layer, lambda same: same)(kernel) + bias
            if layer == 5:
                x = 1 / (1 + np.exp(-x))
            elif layer != 2:  # the code
                x = np.maximum(x, 0)
    return float(np.square(x - images).mean())


def without_the_least(share: float) -> Callable[[np.ndarray], np.ndarray]:
    def pruned(kernel: np.ndarray) -> np.ndarray:
        kept = kernel.size - math.ceil(share * kernel.size - 1e-6)
        return np.where(np.abs(kernel) >= np.sort(np.abs(kernel), axis=None)[-kept], kernel, 0)

    return pruned


def on_a_grid(levels: int) -> Callable[[np.ndarray], np.ndarray]:
    def rounded(kernel: np.ndarray) -> np.ndarray:
        scale = np.abs(kernel).max(axis=0) / levels  # one per output channel
        return np.round(kernel / scale) * scale

    return rounded


@pytest.mark.tensorflow
@pytest.mark.ways
def test_a_curve_is_what_numpy_computes_on_the_validation_images(place):
    kept = json.loads((place / "build/deep/sensitivity.json").read_text())
    assert kept["n"] == 20 and kept["loss"] == pytest.approx(loss(place), rel=1e-5)
    assert [len(kept["layers"]), kept["layers"][2]["name"]] == [6, "code"]
    for at, layer in enumerate(kept["layers"]):
        for item in layer["sparsity"][::3]:
            expected = loss(place, {at: without_the_least(item["at"])})
            assert item["loss"] == pytest.approx(expected, rel=1e-5), (layer["name"], item)
        for item in layer["bits"]:
            expected = loss(place, {at: on_a_grid(2 ** (round(item["at"]) - 1) - 1)})
            assert item["loss"] == pytest.approx(expected, rel=1e-4), (layer["name"], item)


@pytest.mark.tensorflow
@pytest.mark.system
def test_a_curve_of_clusters_rises_from_none(place):
    """Where there are as many values as weights, nothing changes; k-means is tested elsewhere."""
    kept = json.loads((place / "build/deep/sensitivity.json").read_text())
    for layer in kept["layers"]:
        ratios = [item["loss"] / kept["loss"] for item in layer["clusters"]]
        assert ratios[0] == pytest.approx(1, abs=0.02) and ratios[-1] > max(ratios[:3])
        sizes = [item["bytes"] for item in layer["clusters"]]
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.tensorflow
@pytest.mark.ways
def test_what_was_measured_is_what_is_exported(place):
    """The trial's bytes are the export's, and its loss that of the file on the same images."""
    found = json.loads((place / "found.json").read_text())["found"]
    done = edgeae_warm("export", "deep", "-r", found["file"], cwd=place)
    assert done.returncode == 0, done.stderr
    bundle = open_bundle(place / "build/deep/found")
    artifact = bundle.artifact("autoencoder", "tflite")
    assert sum(artifact.packed.values()) == found["packed_bytes"]
    images = validation(place)
    stored = (np.round(images * 255) - 128).astype(np.int8)
    answers = tiny.run(bundle.read(artifact), stored, tiny.RESOLVERS["litert-reference"])
    answers = (answers.astype(np.float64) + 128) / 256
    assert found["loss"] == pytest.approx(np.square(answers - images).mean(), rel=1e-6)
    # the least that was asked of a layer is there in the file
    asked = sorted(item["sparsity"] for item in found["layers"].values())
    zeros = sorted(artifact.sparsity.values())
    assert all(there >= share - 1e-9 for there, share in zip(zeros, asked, strict=True))


@pytest.mark.tensorflow
@pytest.mark.system
def test_workers_measure_the_same_and_their_controls_come_back(place):
    """Of the search and of an export, from rows that a worker was sent."""
    folder, cluster = place / "build" / "deep", ("--scheduler", "dask")
    assert edgeae_warm("export", "deep", "-r", "mine.toml", cwd=place).returncode == 0
    bundle, controls = held(folder / "mine"), held(folder / ".controls")
    found = held(folder / "sensitivity.json")
    shutil.rmtree(folder / ".controls")
    done = edgeae_warm(
        *("sensitivity", "deep", "-r", "mine.toml", "--max-loss-ratio", "9", "--most", "1"),
        *("--out", "found.toml", "--json", "--force", *cluster),
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (place / "found.json").read_text()
    assert held(folder / "sensitivity.json") == found
    ((name, losses),) = held(folder / ".controls").items()
    assert controls[name] == losses and len(controls) == 2
    done = edgeae_warm("export", "deep", "-r", "mine.toml", "--force", *cluster, cwd=place)
    assert done.returncode == 0, done.stderr
    assert held(folder / "mine") == bundle and held(folder / ".controls") == controls


def held(place: Path) -> dict[str, bytes]:
    """Return what is in a file, or in a folder."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    return {str(path.relative_to(place)): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.tensorflow
@pytest.mark.system
def test_a_layer_of_another_model_is_named(place):
    text = (place / "found.toml").read_text().replace("encoder_1", "encoder_9")
    (place / "other.toml").write_text(text)
    done = edgeae_warm("export", "deep", "-r", "other.toml", cwd=place)
    assert done.returncode == 2 and "encoder_9" in done.stderr
