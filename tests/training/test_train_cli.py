"""`edgeae train` as a user meets it; nothing here but its children loads TensorFlow."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import odd_runtimes
import pytest
from edgeae_cli import ROOT, edgeae, edgeae_here, edgeae_warm
from original_models import trained

from edgeae import data, recipe
from edgeae.artifacts.model import open_model
from edgeae.conversion.plan import tools
from edgeae.errors import BadInput, Busy, RuntimeUnavailable
from edgeae.families.table import settings
from edgeae.system import project
from edgeae.training.current import current, tool_versions, writing
from edgeae.verify.images import originals_of

REMEDY = "pip install 'edgeae[host]'"
FORBIDDEN = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "tf2onnx")


def save(path: Path, seed: int = 0) -> Path:
    """Write an `.npz` of float images, which MNIST's are not."""
    images = np.random.default_rng(seed).random((60, 4, 4), dtype=np.float32)
    np.savez(path, x_train=images[:40], x_test=images[40:])
    return path


def refused(result: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one line that a command ended with, and nothing else."""
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("edgeae: ") and "internal error" not in line
    return line


# Without TensorFlow


def test_without_tensorflow_it_says_what_installs_it_and_loads_nothing(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    core = odd_runtimes.environment(site, *FORBIDDEN, known=False)
    result = edgeae("train", "simple", "--data", "digits", cwd=tmp_path, **core)
    line = refused(result, RuntimeUnavailable.code)
    assert "tensorflow" in line and line.endswith(REMEDY)
    assert result.stderr.splitlines() == [line]  # not even the dataset's
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("ask", [tool_versions, lambda: tools.tool_versions(recipe.find("int8"))])
def test_a_package_that_is_not_installed_comes_with_its_remedy(monkeypatch, ask):
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(RuntimeUnavailable, match="is not installed") as caught:
        ask()
    assert caught.value.remedy == REMEDY


# What a loss warns of


@pytest.mark.parametrize(("loss", "warned"), [(0.09, True), (0.07, False)])
def test_a_model_that_does_worse_than_the_mean_of_its_data_says_so(loss, warned, tmp_path):
    said = str(save(tmp_path / "rows.npz"))
    dataset = data.load(said)
    told = {"name": "rows", "sha256": dataset.sha256, "data": said, "mean_loss": 0.08}
    trained(tmp_path / "build" / "simple", said, dataset=told, losses={"test": loss})
    done = edgeae_here("train", "simple", "--data", said, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    line = (
        "warning: build/simple: the model does worse than the mean of its data: its test MSE is "
        "0.09, but answering every row of rows with the mean row gives 0.08"
    )
    assert (line in done.stderr.splitlines()) == warned


# Where nothing can be written


def test_a_build_that_is_a_file_is_said_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    save(tmp_path / "mine.npz")
    result = edgeae_here("train", "simple", "--data", "mine.npz", "--build", "file", cwd=tmp_path)
    assert "file" in refused(result, BadInput.code)
    assert "epoch" not in result.stderr


def test_a_model_that_is_being_trained_is_left_alone(tmp_path):
    save(tmp_path / "mine.npz")
    with writing(tmp_path / "build" / "simple-c4"):
        result = edgeae_here("train", "simple", "--code=4", "--data=mine.npz", cwd=tmp_path)
    assert f"process {os.getpid()}" in refused(result, Busy.code)


def test_a_folder_that_became_read_only_is_said_before_training(tmp_path, monkeypatch):
    with writing(tmp_path / "m"):
        pass
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError) as caught, writing(tmp_path / "m"):
        raise AssertionError("was let in")
    assert caught.value.filename == str(tmp_path / "m")


# Values


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"seed": -1}, "--seed -1: allowed is 0 to 2**32-1"),
        ({"seed": 2**32}, "--seed 4294967296: allowed is 0 to 2**32-1"),
        ({"code": 0}, "--code 0: allowed is 1 to 65,536"),
        ({"code": 9999999999999}, "--code 9999999999999: allowed is 1 to 65,536"),
        ({"hidden": (64, 9999999999999)}, "--hidden 64,9999999999999: allowed are widths of 1 to"),
        ({"hidden": (0,)}, "--hidden 0: allowed are widths of 1 to 65,536"),
    ],
)
def test_a_value_out_of_range_says_the_range(chosen, said):
    with pytest.raises(BadInput) as caught:
        settings("deep", **chosen)
    assert str(caught.value).startswith(said)


def test_the_largest_values_are_allowed():
    plan = settings("deep", seed=2**32 - 1, hidden=(65_536,))
    assert (plan.seed, plan.hidden) == (2**32 - 1, (65_536,))


# Which dataset


@pytest.mark.parametrize("stem", ["mnist", "digits", "mine"])
def test_a_path_stays_a_path_whatever_its_name(tmp_path, stem):
    path = save(tmp_path / f"{stem}.npz")
    training = trained(tmp_path / "m", str(path))
    assert training.dataset["name"] == stem
    assert open_model(tmp_path / "m").data == str(path)


@pytest.mark.parametrize(("said", "found"), [("digits", "digits"), ("auto", "digits")])
def test_a_name_stays_a_name_and_auto_becomes_what_it_was(
    tmp_path, monkeypatch, no_network, said, found
):
    for name in ("EDGEAE_MNIST", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    dataset = data.load("digits")
    named = {"name": "digits", "sha256": dataset.sha256, "data": said}
    assert trained(tmp_path / "m", "digits", dataset=named).data == found


def test_a_relative_path_holds_from_any_folder(tmp_path, monkeypatch):
    save(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    training = trained(tmp_path / "m", "mine.npz")
    assert training.data == str(tmp_path / "mine.npz")
    for said in ("mine.npz", str(tmp_path / "mine.npz")):
        assert current(tmp_path / "m", settings("simple"), said) is not None
    (tmp_path / "mine.npz").rename(tmp_path / "moved.npz")
    # the same images, but the next command would look for them where they were
    assert current(tmp_path / "m", settings("simple"), "moved.npz") is None


@pytest.mark.parametrize("stem", ["mnist", "digits", "tiny"])
def test_verify_loads_what_the_model_was_trained_on(tiny_bundle, tmp_path, monkeypatch, stem):
    monkeypatch.setenv("EDGEAE_MNIST", str(tmp_path / "nowhere"))
    bundle = tiny_bundle()
    path = (bundle.root.parent / "tiny.npz").rename(tmp_path / f"{stem}.npz")
    bundle.manifest.dataset["name"] = stem
    trained(bundle.root.parent, str(path))
    ((sha256, *_),) = originals_of([bundle], None, print)
    assert sha256 == data.load(str(path)).sha256


def test_a_model_trained_again_on_other_images_does_not_decide(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    trained(bundle.root.parent, str(save(tmp_path / "other.npz")))
    with pytest.raises(BadInput, match=r"--data PATH\.npz names it"):
        originals_of([bundle], None, print)


# The folder and the project


def test_a_renamed_folder_is_refused_and_a_link_is_not(tmp_path):
    trained(tmp_path / "simple", str(save(tmp_path / "mine.npz")))
    (tmp_path / "link").symlink_to("simple")
    assert open_model(tmp_path / "link").model == "simple"
    (tmp_path / "simple").rename(tmp_path / "mine")
    with pytest.raises(BadInput) as caught:
        open_model(tmp_path / "mine")
    line = str(caught.value)
    assert "'mine'" in line and "'simple'" in line and "--name mine" in line
    (tmp_path / "simple").symlink_to("mine")
    assert open_model(tmp_path / "simple").model == "simple"


def test_a_folder_may_be_named_from_within(tmp_path, monkeypatch):
    trained(tmp_path / "simple", str(save(tmp_path / "mine.npz")))
    monkeypatch.chdir(tmp_path / "simple")
    assert open_model(Path()).model == "simple"


def test_a_missing_folder_of_recipes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="nothing-like-it"):
        project.folders("nothing-like-it")
    (tmp_path / "nothing-like-it").mkdir()
    assert project.folders("nothing-like-it") == [tmp_path / "nothing-like-it"]


# Importing TensorFlow


@pytest.mark.parametrize(("error", "shown"), [("KeyboardInterrupt", False), ("ImportError", True)])
def test_tensorflow_is_heard_only_when_it_fails(tmp_path, error, shown):
    (tmp_path / "tensorflow.py").write_text(
        f"import os\nos.write(2, b'a screenful of log')\nraise {error}\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", "import edgeae.originals.legacy_keras"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert error in result.stderr
    assert ("a screenful" in result.stderr) == shown


@pytest.mark.tensorflow
@pytest.mark.system
def test_own_data_called_mnist_goes_the_whole_way(tmp_path):
    save(tmp_path / "mnist.npz")
    options = ("--code=4", "--epochs=1", "--data=mnist.npz", "--name=realm")
    odd = {"EDGEAE_MNIST": str(tmp_path / "nowhere"), "TF_USE_LEGACY_KERAS": "0"}
    result = edgeae("train", "simple", *options, cwd=tmp_path, **odd)
    assert result.returncode == 0, result.stderr
    dataset = json.loads((tmp_path / "build/realm/train.json").read_text())["dataset"]
    assert dataset["data"] == str(tmp_path / "mnist.npz") and dataset["name"] == "mnist"
    again = edgeae_here("train", "simple", *options, cwd=tmp_path, **odd)
    assert "up to date" in again.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    build = f"--build={tmp_path / 'build'}"
    result = edgeae_warm("export", "realm", "--recipe=float32", build, cwd=elsewhere, **odd)
    assert result.returncode == 0, result.stderr
