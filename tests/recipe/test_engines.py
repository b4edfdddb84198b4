"""Which engine a step of a recipe has: what is allowed, and what keeps earlier bundles current."""

import dataclasses

import pytest

from edgeae.errors import BadInput
from edgeae.recipe import Cluster, Prune, Qat, Recipe, later
from edgeae.recipe.table import from_table, to_table

OURS = Prune(0.5)
THEIRS = Prune(0.5, criterion="magnitude", engine="tfmot")


def of(*steps, **more) -> Recipe:
    names = {Prune: "prune", Cluster: "cluster", Qat: "qat"}
    tables = {names[type(step)]: step for step in steps}
    return Recipe("x", quantization="int8", steps=tuple(tables), **tables, **more)


def test_keys_that_came_later_are_in_no_hash_and_no_manifest_at_their_default():
    whole = dataclasses.asdict(of(OURS, Cluster(8), Qat()))
    table = later.table(of(OURS, Cluster(8), Qat()))
    left = {step: sorted(whole[step].keys() - table[step].keys()) for step in table["steps"]}
    assert left == {
        "prune": ["engine", "m_by_n"],
        "cluster": ["centroids", "engine"],
        "qat": ["engine"],
    }
    assert of(OURS).sha256 != of(THEIRS).sha256
    assert "engine" not in to_table(of(OURS))["prune"]


def test_a_manifests_settings_give_the_recipe_back():
    both = dataclasses.replace(THEIRS, schedule="constant", m_by_n=(2, 4))
    plan = of(both, Cluster(8, engine="tfmot", centroids="linear"), Qat(engine="tfmot"))
    assert to_table(plan)["prune"]["m_by_n"] == [2, 4]
    assert from_table({"name": "x", **to_table(plan)}).sha256 == plan.sha256


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((OURS, Cluster(8, engine="tfmot")), "cluster.engine = 'tfmot': allowed is edgeae after"),
        ((OURS, Qat(engine="tfmot")), "qat.engine = 'tfmot': allowed is edgeae after"),
        ((Cluster(8), Qat(engine="tfmot")), "qat.engine = 'tfmot': allowed is edgeae after"),
    ],
)
def test_what_edgeae_left_is_not_given_to_tfmot_which_would_lose_it(steps, message):
    with pytest.raises(BadInput) as refusal:
        of(*steps)
    assert message in str(refusal.value)
    of(THEIRS, Cluster(8), Qat())  # edgeae keeps what tfmot left


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"criterion": "saliency"}, "criterion = 'saliency': allowed is magnitude with engine"),
        ({"scope": "model", "criterion": "saliency"}, "scope = 'model': allowed is layer"),
        ({"m_by_n": (2, 4)}, "m_by_n = [2, 4]: allowed is only with schedule = 'constant'"),
        ({"m_by_n": (4, 2)}, "m_by_n = [4, 2]: allowed is two whole numbers"),
        (
            {"m_by_n": (1, 4), "schedule": "constant"},
            "m_by_n = [1, 4]: allowed is one of 0.5, the sparsity",
        ),
        ({"m_by_n": (2, 4), "engine": "edgeae"}, "m_by_n = [2, 4]: allowed is only with engine"),
    ],
)
def test_settings_that_an_engine_does_not_have_are_refused(changes, message):
    with pytest.raises(BadInput) as refusal:
        dataclasses.replace(THEIRS, **changes)
    assert str(refusal.value).startswith(message)
    with pytest.raises(BadInput, match="centroids = 'linear': allowed is kmeans"):
        Cluster(8, centroids="linear")


def test_learned_ranges_need_no_images():
    assert of(Qat()).calibrates and not of(Qat()).learned_ranges
    assert of(Qat(engine="tfmot")).learned_ranges and not of(Qat(engine="tfmot")).calibrates
    assert of(THEIRS).calibrates


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"ranges": "calibrated"}, "ranges = 'calibrated'"),
        ({"steps": ("prune",), "prune": THEIRS}, "the recipe trains the weights"),
        ({"quantization": "int16x8"}, "they are of int8"),
        ({"formats": ("tflite", "onnx"), "onnx": "fast"}, "with onnx = 'fast'"),
    ],
)
def test_an_import_keeps_its_ranges_where_they_still_hold(changes, reason):
    plan = Recipe("x", **{"quantization": "int8", "io": "float32", **changes})
    assert plan.why_calibrated.startswith(reason)
    assert plan.keeps_ranges == (not reason)


def test_ranges_belong_to_integers():
    with pytest.raises(BadInput, match="ranges = 'calibrated': allowed is learned unless int8"):
        Recipe("x", quantization="float16", ranges="calibrated")
    plain = Recipe("x", quantization="int8", io="int8")
    assert plain.sha256 == dataclasses.replace(plain, ranges="learned").sha256
    assert plain.sha256 != dataclasses.replace(plain, ranges="calibrated").sha256
