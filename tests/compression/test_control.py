"""What is kept of an equal-budget control: found by all that shapes it, whole or made again."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import child
from fake_exports import Project

from edgeae.compression import control_cache
from edgeae.conversion.plan.tools import control_versions
from edgeae.errors import ManifestMismatch
from edgeae.recipe import Cluster, Prune, Qat, Recipe

LOSSES = np.random.default_rng(0).random(20)
PLAN = Recipe(
    "x",
    quantization="int8",
    io="int8",
    prune=Prune(0.5, steps=300, learning_rate=1e-3),
    qat=Qat(steps=200, learning_rate=1e-4),
    steps=("prune", "qat"),
)


@pytest.fixture
def training(tmp_path):
    return Project(tmp_path).model("deep")


def name(training, plan=PLAN, seed=0, tools=None, judged_on="test"):
    tools = control_versions() if tools is None else tools
    return control_cache.place(Path("m"), plan, training, seed, tools, judged_on).name


def test_a_control_is_another_where_anything_that_shapes_it_is(training):
    assert training.dataset["sha256"] and training.normalization["offset"] == 0.0
    others = [
        name(replace(training, weights_sha256="0" * 64)),
        name(replace(training, dataset=training.dataset | {"sha256": "0" * 64})),
        name(replace(training, normalization={"scale": 1 / 255, "offset": -0.5})),
        name(training, seed=1),
        name(training, tools=control_versions() | {"tensorflow": "2.0"}),
        name(training, judged_on="validation"),
        name(training, replace(PLAN, prune=Prune(0.5, steps=301, learning_rate=1e-3))),
        name(training, replace(PLAN, prune=Prune(0.5, steps=300, learning_rate=2e-3))),
        name(training, replace(PLAN, qat=Qat(steps=300, learning_rate=1e-4))),
        name(training, replace(PLAN, qat=None, steps=("prune",))),
    ]
    assert len({name(training), *others}) == len(others) + 1


def test_recipes_of_one_budget_share_it(training):
    """Whatever else they ask for."""
    same = [
        replace(PLAN, name="y", description="z", formats=("tflite", "onnx"), representative=77),
        replace(PLAN, prune=Prune(0.9, steps=300, learning_rate=1e-3, layers={"code": 0.0})),
        replace(
            PLAN,
            per_channel=False,
            prune=None,
            cluster=Cluster(4, steps=300, learning_rate=1e-3),
            steps=("cluster", "qat"),
        ),
    ]
    assert {name(training, plan) for plan in same} == {name(training)}


def test_losses_are_kept_to_the_last_digit(tmp_path):
    path = tmp_path / ".controls" / "a.npy"
    assert control_cache.read(path) is None
    control_cache.write(path, LOSSES)
    assert np.array_equal(control_cache.read(path), LOSSES)
    assert np.array_equal(np.load(path), LOSSES)  # any reader of .npy sees them
    assert [item.name for item in path.parent.iterdir()] == ["a.npy"]


def test_a_write_that_is_cut_short_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    control_cache.write(path, LOSSES)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        control_cache.write(path, LOSSES + 1)
    assert np.array_equal(control_cache.read(path), LOSSES)
    assert [item.name for item in tmp_path.iterdir()] == ["a.npy"]


def test_any_damage_is_noticed(tmp_path):
    path = tmp_path / "a.npy"
    control_cache.write(path, LOSSES)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place])
        assert control_cache.read(path) is None, f"cut to {place}"
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert control_cache.read(path) is None, f"changed at {place}"
    np.save(path, LOSSES)  # nobody vouches for it
    assert control_cache.read(path) is None
    content = b"\x93NUMPY, no longer"
    path.write_bytes(content + hashlib.sha256(content).digest())
    assert control_cache.read(path) is None
    path.unlink()
    path.symlink_to("/dev/zero")
    assert control_cache.read(path) is None


def test_what_another_machine_computed_is_kept_unless_it_is_known_or_no_losses(tmp_path):
    made, kept = tmp_path / "made.npy", tmp_path / "model" / ".controls" / "a.npy"
    wrong = (LOSSES[:19], LOSSES.astype(np.float32), LOSSES[None], np.append(LOSSES[1:], np.inf))
    for losses in wrong:
        control_cache.write(made, losses)
        with pytest.raises(ManifestMismatch, match=r"model/\.controls/a\.npy: .* refused"):
            control_cache.receive(made, kept, 20)
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(ManifestMismatch):
        control_cache.receive(made, kept, None)
    assert not kept.exists()
    control_cache.write(made, LOSSES)
    control_cache.receive(made, kept, 20)
    assert kept.read_bytes() == made.read_bytes()
    control_cache.write(made, LOSSES + 1)  # of another processor, later
    control_cache.receive(made, kept, None)
    assert np.array_equal(control_cache.read(kept), LOSSES)
    kept.write_bytes(b"damaged here")
    control_cache.receive(made, kept, 20)
    assert np.array_equal(control_cache.read(kept), LOSSES + 1)


@pytest.mark.tensorflow
def test_a_control_is_trained_once_and_again_where_it_was_damaged(tmp_path):
    found = child("control_child.py", tmp_path)
    assert found["trained"] == [True, False, True]
    # each time on the schedules of all steps of the recipe, one after the other
    assert found["calls"] == 2 * [[200, 1e-2], [100, 1e-3]]
    assert found["same"] and found["better"] and found["untouched"]
