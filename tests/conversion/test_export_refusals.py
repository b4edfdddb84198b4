"""What no export can make is refused in one line, with exit code 2, and nothing is written.

Not a byte, not a lock and not a date changes in a project that has a finished bundle already. The
same on trained models: `test_family_ways.py`.
"""

import hashlib
from pathlib import Path

import keras_files
import pytest
from fake_exports import Project
from folder_state import folder_state

STEPS = "prune, cluster, qat, in this order, each once"
NARROW = "it has no 4-bit weights; allowed are models of Dense and Conv2D layers"
#: Content of export/mine.toml → what is said after the file's name; the whole line.
RECIPES = {
    'extends = "p60-int8"\n[prune]\nsparsity = 1.2': (
        "prune.sparsity = 1.2: allowed is above 0 and below 1"
    ),
    'extends = "qat-int8"\nsteps = ["qat", "prune"]\n[prune]\nsparsity = 0.5': (
        f"steps = ['qat', 'prune']: allowed is {STEPS}"
    ),
    'extends = "c16-int8"\nsteps = ["cluster", "prune"]\n[prune]\nsparsity = 0.5': (
        f"steps = ['cluster', 'prune']: allowed is {STEPS}"
    ),
    'extends = "c16-int8"\nsteps = ["cluster", "cluster"]': (
        f"steps = ['cluster', 'cluster']: allowed is {STEPS}"
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One for all refusals, as none of them leaves a trace; it has a bundle already."""
    project = Project(tmp_path_factory.mktemp("refusals"), "deep")
    assert project.run("deep", "-r", "int8").returncode == 0
    project.log.unlink()
    return project


def written(project: Project, text: str) -> Path:
    path = project.place / "export" / "mine.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def refused(project: Project, *arguments: str) -> str:
    before = folder_state(project.build)
    assert "deep/int8" in before
    done = project.run(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert folder_state(project.build) == before and project.logged() == []
    return line.removeprefix("edgeae: ")


@pytest.mark.parametrize("text", RECIPES)
def test_a_wrong_recipe(project, text):
    assert refused(project, "-r", "int8", "-r", str(written(project, text))) == (
        f"{project.place}/export/mine.toml: {RECIPES[text]}"
    )


def test_a_misspelt_key(project):
    written(project, 'extends = "p60-int8"\n[prune]\nsparcity = 0.5')
    line = refused(project, "deep", "-r", "float32", "-r", "mine")
    start = f"{project.place}/export/mine.toml: unknown key 'prune.sparcity'; did you mean"
    assert (
        line.startswith(f"{start} 'prune.sparsity'? (there are: prune.") and "prune.steps" in line
    )


@pytest.mark.parametrize("plan", ["qat-int8", "p80-pqat-int8"])
def test_fine_tuning_without_training_data(project, plan):
    rows = {"name": "rows", "sha256": "e" * 64, "data": "rows.npy", "train": 0}
    project.model("rows", family="imported", dataset=rows)
    told = f"recipe {plan} fine-tunes and needs training data; import again with --train-data"
    assert refused(project, "rows", "-r", plan) == f"build/rows/{plan}: {told}"


def convolutional(project: Project, name: str, *kinds: str) -> None:
    """Write a model whose file holds layers of these classes."""
    layers = [keras_files.layer("InputLayer", "image", version=2)]
    for number, kind in enumerate(kinds):
        before = layers[-1]["config"]["name"]
        layers.append(keras_files.layer(kind, f"layer_{number}", before, version=2))
    net = keras_files.functional(layers, ["image"], [layers[-1]["config"]["name"]])
    path = project.build / name / "model.keras"
    project.model(name)
    content = keras_files.keras(path, net, version=2).read_bytes()
    project.model(name, file_sha256=hashlib.sha256(content).hexdigest())
    path.write_bytes(content)  # `model` writes one of its own


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("Conv2D", "Dense", "Conv2DTranspose"), "Conv2DTranspose 'layer_2'"),
        (("DepthwiseConv2D", "Conv2D"), "DepthwiseConv2D 'layer_0'"),
        (("Dense", "SeparableConv2D", "Conv2DTranspose"), "SeparableConv2D 'layer_1'"),
    ],
)
def test_4_bit_weights_of_layers_that_have_none(project, kinds, told):
    convolutional(project, "conv", *kinds)
    line = f"build/conv/int4: quantization = 'int4': {told}: {NARROW}"
    assert refused(project, "conv", "-r", "int4") == line
    setting = "build/conv/float32.quantization-int4.formats-tflite: quantization = 'int4'"
    options = ("--set", "quantization=int4", "--set", 'formats=["tflite"]')
    assert refused(project, "conv", "-r", "float32", *options).startswith(setting)


def test_elsewhere_the_converter_judges_and_a_matrix_leaves_out_what_nobody_named(tmp_path):
    project = Project(tmp_path, "deep")  # whose file is no archive at all
    convolutional(project, "plain", "Conv2D", "Dense", "UpSampling2D", "Conv2D")
    convolutional(project, "conv", "Conv2DTranspose")
    project.matrix('[[cells]]\nrecipes = ["int4"]')
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert project.bundles() == {"deep/int4", "plain/int4"}
    assert "build/conv/int4: left out: quantization = 'int4': Conv2DTranspose" in done.stderr


@pytest.mark.parametrize("step", ["prune", "cluster"])
def test_settings_of_a_layer_that_the_model_does_not_have(project, step):
    base = {"prune": "p60-int8", "cluster": "c16-int8"}[step]
    written(project, f'extends = "{base}"\n[{step}.layers]\ncodes = 0')
    convolutional(project, "layered", "Dense", "Dense")
    line = refused(project, "layered", "-r", "mine")
    told = f"unknown {step}.layers: layer 'codes' (there are: layer_0, layer_1)"
    assert line == f"build/layered/mine: {told}"
