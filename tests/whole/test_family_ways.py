"""Every family, under every shipped recipe, on scikit-learn's digits: exported and verified.

Recipes that fine-tune do so in full on one family; on all families: `test_ladder_ways.py`.
"""

import json
from pathlib import Path

import numpy as np
import promises
import pytest
from edgeae_cli import edgeae
from family_models import MODELS, export_and_verify, train_all
from folder_state import folder_state

from edgeae import data
from edgeae.recipe import find

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

#: Has convolutions, forwards and transposed, and Dense layers.
FULL = ("conv",)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("families")
    train_all(place, "digits", MODELS)
    return place


@pytest.mark.parametrize("name", promises.RECIPES)
def test_it_exports_and_verifies(name, place):
    plan = promises.RECIPES[name]
    models = FULL if plan.fine_tunes else promises.able(plan, MODELS)
    before = {model: promises.hashes(place / "build" / model) for model in models}
    export_and_verify(place, name, models)
    assert {model: promises.hashes(place / "build" / model) for model in models} == before
    for model in models:
        promises.check(place / "build" / model / name, plan)


@pytest.mark.parametrize("name", ["p60", "p80", "c16", "qat", "p80-pqat", "p50-c16-pcqat"])
def test_tfmots_recipes_export_and_verify_or_name_the_layer_that_they_do_not_take(name, place):
    """Their tolerances of losses are for MNIST; on digits, tfmot loses more of `simple`."""
    plan = f"digits-{name}"
    (place / "export").mkdir(exist_ok=True)
    (place / "export" / f"{plan}.toml").write_text(
        f'extends = "tfmot-{name}-int8"\n[tolerance]\nadded_loss = 0.05\nadded_p99 = 0.5\n'
    )
    taken = ["simple", "deep", "conv"]
    if name.endswith(("pqat", "pcqat")):  # their schemes have no transposed convolution
        taken.remove("conv")
        done = edgeae("export", "conv", "-r", plan, cwd=place)
        assert done.returncode == 2
        assert "tfmot does not take layer" in done.stderr and "Conv2DTranspose" in done.stderr
    export_and_verify(place, plan, taken)
    for model in taken:
        promises.check(place / "build" / model / plan, find(f"tfmot-{name}-int8"))


def test_int16_activations_leave_xnnpack_without_a_verdict(place):
    """Its rows say why, and nothing failed; asked for by name, it was not measured."""
    done = edgeae("export", "mobile", "-r", "int16x8", cwd=place)
    assert done.returncode == 0, done.stderr
    done = edgeae("verify", "build/mobile/int16x8", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    verdicts = {(row["runtime"], row["verdict"]) for row in found["rows"]}
    assert {pair for pair in verdicts if pair[0] != "litert-gpu"} == {
        ("litert-xnnpack", "unavailable"),
        ("litert-builtin", "pass"),
        ("litert-reference", "pass"),
        ("c-host", "pass"),
    }
    ran = {(item["runtime"], item["verdict"]) for item in found["composition"]}
    assert ran == {(name, "pass") for name in ("litert-builtin", "litert-reference", "c-host")}
    done = edgeae("verify", "build/mobile/int16x8", "--runtime", "litert-xnnpack", cwd=place)
    assert done.returncode == 3 and "XNNPACK took none of the operators" in done.stdout


@pytest.mark.parametrize(
    ("model", "plan", "told"),
    [
        ("given", "qat-int8", "needs training data; import again with --train-data"),
        ("conv", "int4", "quantization = 'int4': Conv2DTranspose '"),
        ("mobile", "int4", "quantization = 'int4': DepthwiseConv2D '"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(model, plan, told, place):
    """On real models; every other refusal needs none: `test_export_refusals.py`."""
    if model == "given":
        np.save(place / "rows.npy", data.load("digits").test)
        said = ("--data", "rows.npy", "--name", "given")
        done = edgeae("import", "build/simple/model.keras", *said, cwd=place)
        assert done.returncode == 0, done.stderr
    before = folder_state(place / "build")
    done = edgeae("export", model, "-r", plan, cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeae: build/{model}/{plan}: ") and told in line
    assert folder_state(place / "build") == before
