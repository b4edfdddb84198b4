"""A project of tiny files, one of every kind that edgeae reads; each is as edgeae wrote it."""

import json
from pathlib import Path

import keras_files
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tampering
import tiny
from fake_exports import fake_model

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import Training
from edgeae.artifacts.sheet import pack_sheet
from edgeae.families.samples import SAMPLES, WEIGHTS
from edgeae.formats.tflite import graph as tflite
from edgeae.plotting import png
from fuzz.forked import Ended, in_fork

__all__ = ["BUNDLE", "DATA", "FLOAT", "PARQUET", "write_corpus"]

BUNDLE, FLOAT = "build/tiny/int8", "build/tiny/float32"
DATA, PARQUET = "data/tiny.npz", "data/rows.parquet"
_SUITE = """description = "A short one"
models = ["tiny"]
recipes = ["int8", "float32"]
parts = ["encoder"]
runtimes = ["litert-reference"]
threads = [1]
batch = [1]
seconds = 0.01
rounds = 1
seed = 3
baseline = "bench/baselines"

[budget]
max_ratio = 1.03
max_loss_ratio = 1.01
exact = ["macs", "operators"]
"""
_RECIPE = """extends = "base.toml"
description = "A recipe"
quantization = "int8"
per_channel = true
io = "int8"
formats = ["tflite", "onnx"]
representative = 500
calibration = "percentile"
percentile = 99.9
steps = ["prune", "cluster", "qat"]

[prune]
sparsity = 0.5

[cluster]
clusters = 16

[qat]
steps = 200

[tolerance]
added_loss = 3e-4
max_lsb = 64
"""
_BASE = """description = "What others extend"
quantization = "int8"

[tolerance]
share_over_1lsb = 0.001
"""
_MATRIX = """[[cells]]
models = ["tiny"]
recipes = ["float16", "mine"]
exclude = ["tiny/mine"]
"""
_HALVES = ("files/int8-encoder.tflite", "files/int8-decoder.tflite")
_PROBE = {
    "weights_sha256": "",
    "labels_sha256": "1" * 64,
    "train": 90,
    "test": 64,
    "features": {name: {"linear": 0.9, "nearest": 0.8} for name in ("model", "pca", "pixels")},
    "held_out": 0,
    "anomaly": {"model": 0.7, "pca": 0.6},
}


def write_corpus(place: Path, scratch: Path) -> None:
    """Write the project into a folder that is there."""
    (place / "data").mkdir()
    tiny.dataset_file(place / "data")
    np.save(place / "data/rows.npy", tiny.images(40))
    rows = tiny.images(40).reshape(40, -1)
    np.savetxt(place / "data/rows.csv", rows, fmt="%d", delimiter=",")
    columns = {f"c{number}": column for number, column in enumerate(rows.T / 255)}
    kinds = ["odd" if number % 3 else "even" for number in range(len(rows))]
    pq.write_table(pa.table(columns | {"kind": kinds}), place / PARQUET, row_group_size=16)
    _texts(place)
    _models(place)
    _files(place / "files")
    _made(place, scratch)


def _texts(place: Path) -> None:
    for name, text in {
        "bench/quick.toml": _SUITE,
        "export/mine.toml": _RECIPE,
        "export/base.toml": _BASE,
        "export/matrix.toml": _MATRIX,
    }.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)


def _models(place: Path) -> None:
    curve = [{"loss": 0.5 / n, "validation_loss": 0.6 / n} for n in range(1, 5)]
    figures = {"loss": 0.1, "worst_decile": 0.2}
    trained = fake_model(
        place / "build/tiny",
        family="variational",
        configuration={"family": "variational", "code": 4, "epochs": 4},
        dataset={"name": "tiny", "sha256": "d" * 64, "data": DATA, "train": 90, "test": 64},
        input_shape=(4, 4),
        curve=curve,
        losses={"validation": 0.12, "test": 0.13},
        yardsticks=dict.fromkeys(("model", "pca", "mean"), figures),
    )
    _beside(place / "build/tiny", trained)
    for flavour, path in (("int8", BUNDLE), ("float32", FLOAT)):
        link = place / path  # as an export shows a bundle
        store = link.parent / ".bundles" / f"{flavour}@corpus"
        bundle = tiny.write_bundle(store, flavour)
        link.symlink_to(store.relative_to(link.parent))
        _with_labels(tampering.add_onnx(bundle) if flavour == "float32" else bundle)


def _with_labels(bundle: Bundle) -> None:
    """Let the manifest tell of every optional figure."""
    path = bundle.root / "manifest.json"
    table = json.loads(path.read_text())
    table["loss"]["labels"] = {"0": [0.1, None, 0.2], "1": [0.1, 0.1, 0.2]}
    table["settings"] = {"quantization": "int8", "representative": 90}
    for artifact in table["artifacts"]:
        artifact["causes"] = {"weights": artifact["bytes"] - 8, "structure": 8}
        artifact["packed"] = {"weights": 100, "biases": 10, "scales": 5, "tables": 0}
        artifact["encodings"] = {"hidden/weights": "dense"}
        artifact["sparsity"] = {"hidden/weights": 0.25}
        artifact["nonzero_macs"] = artifact["macs"]
    path.write_text(json.dumps(table, indent=1))


def _beside(folder: Path, training: Training) -> None:
    images = tiny.images(8).astype(np.float32) / 255
    (folder / "sheet.npz").write_bytes(pack_sheet(images, images / 2))
    said = {WEIGHTS: training.weights_sha256}
    (folder / SAMPLES).write_bytes(png.encode(tiny.images(3)[2], said))
    probe = {**_PROBE, "weights_sha256": training.weights_sha256}
    (folder / "probe.json").write_text(json.dumps(probe))


def _files(folder: Path) -> None:
    folder.mkdir()
    for flavour, whole in (("int8", tiny.int8_graph()), ("float32", tiny.float_graph())):
        for part, graph in tiny.parts(whole).items():
            (folder / f"{flavour}-{part}.tflite").write_bytes(tflite.write(graph))
    for part in tiny.EDGES:
        (folder / f"{part}.onnx").write_bytes(tiny.onnx_model(part))
    for version in (2, 3):
        model = keras_files.dense(16, 8, 4, 8, 16, version=version)
        keras_files.keras(folder / f"keras{version}.keras", model, version)
        keras_files.hdf5(folder / f"keras{version}.h5", model, version)


def _made(place: Path, scratch: Path) -> None:
    """Let edgeae itself make what it makes in a moment."""
    for arguments in (
        ("import", *_HALVES, "--data", DATA, "--name", "bare"),
        ("verify", BUNDLE, "--golden", "--runtime", "litert-reference"),
        (
            "detect",
            BUNDLE,
            "--data",
            DATA,
            "--false-alarms",
            "0.1",
            "--runtime",
            "litert-reference",
        ),
        ("verify", FLOAT, "--golden", "--runtime", "litert-reference"),
        ("bench", BUNDLE, "--runtime", "null", "--runtime", "litert-builtin", "--seconds", "0.01"),
        ("baseline", "save", BUNDLE, "files/int8-encoder.tflite", "files/encoder.onnx"),
        ("report",),  # keeps the modules of the live page, so that no case compiles them
    ):
        ended: Ended = in_fork(arguments, place, scratch, seconds=60)
        if ended.code != 0:
            raise RuntimeError(f"edgeae {' '.join(arguments)}: {ended}")
