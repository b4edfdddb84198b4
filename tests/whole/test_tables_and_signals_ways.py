"""Tables and signals the whole way: train, export as int8, verify; a signal's faults are found.

The tables are scikit-learn's, the signal is `vibration`'s; both are standardised or left as they
are by NumPy.
"""

import json
from pathlib import Path

import numpy as np
import plain_tflite
import pytest
import vibration
from edgeae_cli import edgeae
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.metrics.loss import Loss

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

#: The issue's limit of int8's loss over that of the float original.
MOST = 1.02
WINDOW = 128


def run(*command: str, cwd: Path) -> str:
    done = edgeae(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loss(bundle: Bundle) -> Loss:
    assert bundle.manifest.loss is not None
    return bundle.manifest.loss


def standardised(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A table of scikit-learn in two parts, by the mean and the deviation of the first."""
    from sklearn import datasets

    rows = getattr(datasets, f"load_{name}")().data
    order = np.random.default_rng(0).permutation(len(rows))
    train, test = np.split(rows[order], [len(rows) * 4 // 5])
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return tuple(((part - mean) / deviation).astype(np.float32) for part in (train, test))


@pytest.mark.parametrize(("name", "width"), [("breast_cancer", 30), ("wine", 13)])
def test_a_table_loses_little_as_int8_and_keeps_up_with_pca(name, width, tmp_path):
    train, test = standardised(name)
    assert train.shape[1] == width
    np.savez(tmp_path / "rows.npz", x_train=train, x_test=test)
    trained = json.loads(run("train", "dense", "--data", "rows.npz", "--json", cwd=tmp_path))
    assert trained["bounds"] is None and trained["code_shape"][0] < width
    figures = trained["yardsticks"]
    assert figures["model"]["mse"] <= 1.05 * figures["pca"]["mse"] < figures["mean"]["mse"]
    assert {row["ssim"] for row in figures.values()} == {None}
    span = float(test.max() - test.min())
    mse = figures["model"]["mse"]
    assert figures["model"]["psnr"] == pytest.approx(10 * np.log10(span**2 / mse), rel=1e-4)
    run("export", "dense", "-r", "int8", cwd=tmp_path)
    run("verify", cwd=tmp_path)
    found = loss(open_bundle(tmp_path / "build/dense/int8"))
    assert found.exported <= MOST * found.float32


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a healthy machine's vibration, trained on windows without faults."""
    place = tmp_path_factory.mktemp("machine")
    rows, _ = vibration.windows(vibration.record(0), WINDOW)
    train, test = np.split(rows, [len(rows) * 4 // 5])
    np.savez(place / "vibration.npz", x_train=train, x_test=test)
    run("train", "conv1d", "--data", "vibration.npz", cwd=place)
    run("export", "conv1d", "-r", "int8", cwd=place)
    return place


def test_a_signal_loses_little_as_int8(machine):
    run("verify", cwd=machine)
    bundle = open_bundle(machine / "build/conv1d/int8")
    assert loss(bundle).exported <= MOST * loss(bundle).float32


def test_faults_of_a_machine_are_found_by_int8(machine):
    """In a recording that nothing was trained on; power alone does not find them."""
    from sklearn.metrics import roc_auc_score

    rows, faulty = vibration.windows(vibration.record(1, faults=60), WINDOW)
    content = (machine / "build/conv1d/int8/autoencoder.tflite").read_bytes()
    errors = np.square(reconstructed(content, rows) - rows).mean(axis=1)
    assert roc_auc_score(faulty, errors) >= 0.99
    assert roc_auc_score(faulty, np.square(rows).mean(axis=1)) < 0.9


def reconstructed(content: bytes, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The answers of an int8 file of one scale each at its input and output."""
    kind, scale, zero = plain_tflite.grid(content)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    given = np.clip(np.rint(rows / scale) + zero, low, high).astype(kind)
    answers = plain_tflite.run(content, given, plain_tflite.REFERENCE).astype(np.float64)
    scale, zero = plain_tflite.output_grid(content)
    return ((answers - zero) * scale).reshape(rows.shape)
