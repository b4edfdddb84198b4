"""Every family, under every shipped recipe, on scikit-learn's digits: exported and verified."""

from pathlib import Path

import pytest
from edgeae_cli import ROOT
from family_models import MODELS, export_and_verify, train_all

from edgeae.bundle import open_bundle
from edgeae.formats import census, tflite
from edgeae.recipe import PARTS, find

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

RECIPES = sorted(path.stem for path in (ROOT / "export").glob("*.toml") if path.stem != "matrix")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("families")
    train_all(place, "digits", MODELS)
    return place


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_family_exports_and_verifies(recipe, place):
    # fine-tuning takes minutes; the other families are stacks of the same Dense layers
    models = ["simple", "conv", "upsampled", "mobile"] if find(recipe).fine_tunes else list(MODELS)
    export_and_verify(place, recipe, models)
    if "int8" not in recipe:
        return
    for model in models:
        bundle = open_bundle(place / "build" / model / recipe)
        for part in PARTS:
            artifact = bundle.artifact(part)
            graph = tflite.read(bundle.read(artifact), artifact.path)
            assert census.float_operators(graph) == []
