"""A few families on small pictures: what training writes, and what of it is exported."""

import json
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import edgeae_warm
from family_models import build_all, pictures, train_all

from edgeae.artifacts.bundle import open_bundle
from edgeae.formats.tflite import graph as tflite
from edgeae.formats.tflite import graph_statistics
from edgeae.recipe import PARTS

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

MODELS = ("conv", "mobile", "variational", "contractive", "overcomplete")
#: Terms of the loss beside the reconstruction's.
TERMS = {"overcomplete": "l1", "contractive": "jacobian", "variational": "kl"}
#: Operators that only training may hold.
TRAINING_ONLY = ("RANDOM", "NOISE", "DROPOUT", "ASSIGN", "VAR_HANDLE", "EXP", "LOG_", "MUL")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("families")
    train_all(place, str(pictures(place / "pictures.npz")), MODELS, steps=60)
    return place


def test_families_verify_and_nothing_of_their_training_is_exported(place):
    exported = ("mobile", "variational")
    build_all(place, exported, ["float32"])
    done = edgeae_warm("verify", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("2 bundles: all pass")
    for model in exported:
        bundle = open_bundle(place / "build" / model / "float32")
        for part in PARTS:
            artifact = bundle.artifact(part)
            graph = tflite.read(bundle.read(artifact), artifact.path)
            names = [operator.name for operator in graph.operators]
            # nor a normalisation: it is folded into the convolutions
            assert not [name for name in names if any(word in name for word in TRAINING_ONLY)]
            assert graph_statistics.macs(graph) > 0


@pytest.mark.parametrize("model", MODELS)
def test_train_json_records_every_term_of_the_loss(model, place):
    table = json.loads((place / "build" / model / "train.json").read_text())
    terms = {"reconstruction", *([TERMS[model]] if model in TERMS else [])}
    for row in table["curve"]:
        assert row.keys() == {"loss", "validation_loss", *terms}
        assert row["loss"] == pytest.approx(sum(row[name] for name in terms), rel=1e-6)
        assert all(row[name] > 0 for name in terms)
    first, last = table["curve"][0], table["curve"][-1]
    assert last["reconstruction"] < first["reconstruction"]


def test_the_sheet_holds_images_and_what_became_of_them(place):
    with np.load(place / "build/conv/sheet.npz") as sheet:
        assert sheet["image"].shape == sheet["reconstruction"].shape == (10, 14, 18)
        assert not np.array_equal(sheet["image"], sheet["reconstruction"])
