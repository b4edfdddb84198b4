"""`edgeae import` of ONNX files: a bundle as they are, and beside it an original where possible."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx_operators
import pytest
import tiny
from edgeae_cli import edgeae_here

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.model import open_model
from edgeae.importing.bare import original
from edgeae.importing.keras import flat_model

FILES = Path(__file__).parent / "pytorch"
LACKING = "tensorflow is not installed"
DATA = ("--data", "tiny.npz")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tiny.dataset_file(tmp_path)
    for part in ("encoder", "decoder", "autoencoder"):
        (tmp_path / f"{part}.onnx").write_bytes(tiny.onnx_model(part))
    return tmp_path


@pytest.fixture
def rebuilt(monkeypatch):
    """No TensorFlow: what the child would build is noted, and its report made up."""
    jobs = []

    def call(job, rows, images, out):
        jobs.append(job | {"x": np.load(rows), "arrays": dict(np.load(job["weights"]))})
        out.write_bytes(b"an original")
        losses = {"validation": 0.09, "test": 0.09}
        return {
            "parameters": 252,
            "macs": 240,
            "activations": 40,
            "weights_sha256": "ab" * 32,
            "losses": losses,
        }

    monkeypatch.setattr(flat_model, "rebuilt", call)
    monkeypatch.setattr(original, "missing", lambda: "")
    monkeypatch.setattr("edgeae.importing.onnx.run.versions", lambda names: {})
    return jobs


def imported(place: Path, *arguments: str):
    return edgeae_here("import", *arguments, *DATA, "--name", "mine", cwd=place)


def training(place: Path) -> dict:
    return json.loads((place / "build/mine/train.json").read_text())


def test_an_original_lies_beside_the_bundle_as_is(place, rebuilt):
    done = imported(place, "autoencoder.onnx")
    assert done.returncode == 0, done.stderr
    folder = place / "build/mine"
    model, bundle = open_model(folder), open_bundle(folder / "as-is")
    assert model.form == "keras" and (folder / "model.keras").read_bytes() == b"an original"
    assert model.as_is_sha256 == bundle.manifest.weights_sha256 != model.weights_sha256
    assert "code: code, 4 values" in done.stdout
    (job,) = rebuilt
    np.testing.assert_array_equal(job["arrays"]["outputs"], bundle.golden("reconstruction"))
    np.testing.assert_array_equal(job["x"], bundle.golden("image").reshape(len(job["x"]), -1))


def test_the_bundle_is_that_of_an_import_as_is(place, rebuilt):
    imported(place, "autoencoder.onnx")
    first = open_bundle(place / "build/mine/as-is")
    kept = {file.name: file.read_bytes() for file in first.root.rglob("*") if file.is_file()}
    imported(place, "autoencoder.onnx", "--as-is", "--force")
    second = open_bundle(place / "build/mine/as-is").root
    assert kept == {file.name: file.read_bytes() for file in second.rglob("*") if file.is_file()}
    assert open_model(place / "build/mine").form == "as-is"
    assert not (place / "build/mine/model.keras").exists()


def test_the_same_import_is_up_to_date_and_a_changed_file_is_not(place, rebuilt):
    assert imported(place, "autoencoder.onnx").returncode == 0
    assert "up to date" in imported(place, "autoencoder.onnx").stderr
    assert len(rebuilt) == 1
    path = place / "autoencoder.onnx"
    model = onnx.ModelProto.FromString(path.read_bytes())
    model.producer_name = "another"
    path.write_bytes(model.SerializeToString())
    assert "up to date" not in imported(place, "autoencoder.onnx").stderr
    assert "up to date" not in imported(place, "autoencoder.onnx", "--force").stderr
    assert len(rebuilt) == 3


def test_a_damaged_bundle_beside_the_original_is_made_again(place, rebuilt):
    imported(place, "autoencoder.onnx")
    (place / "build/mine/as-is/autoencoder.onnx").write_bytes(b"damaged")
    assert "up to date" not in imported(place, "autoencoder.onnx").stderr
    assert len(rebuilt) == 2


def test_without_tensorflow_one_line_says_what_would_bring_the_original(
    place, monkeypatch, rebuilt
):
    monkeypatch.setattr(original, "missing", lambda: LACKING)
    done = imported(place, "autoencoder.onnx")
    assert done.returncode == 0 and training(place)["form"] == "as-is"
    (line,) = [item for item in done.stderr.splitlines() if LACKING in item]
    assert "pip install 'edgeae[host]' brings an original" in line
    assert "up to date" in imported(place, "autoencoder.onnx").stderr
    monkeypatch.setattr(original, "missing", lambda: "")
    assert "up to date" not in imported(place, "autoencoder.onnx").stderr
    assert training(place)["form"] == "keras"


def test_only_as_is_stays_so_until_asked_otherwise(place, rebuilt):
    assert imported(place, "autoencoder.onnx", "--as-is").returncode == 0
    assert "up to date" in imported(place, "autoencoder.onnx", "--as-is").stderr
    assert not rebuilt and training(place)["form"] == "as-is"
    export = edgeae_here("export", "mine", "--recipe", "int8", cwd=place)
    assert export.returncode == 2 and "`edgeae import` without --as-is" in export.stderr
    assert imported(place, "autoencoder.onnx").returncode == 0
    assert len(rebuilt) == 1


def test_an_encoder_alone_is_as_is(place, rebuilt):
    done = imported(place, "encoder.onnx")
    assert done.returncode == 0 and not rebuilt
    assert "without an original: an encoder alone has no reconstruction" in done.stderr
    assert "up to date" in imported(place, "encoder.onnx").stderr


def test_a_reconstruction_of_another_shape_is_said_to_be_one(place, rebuilt):
    text = "a = Flatten(x) b = Gemm(a, w) y = Gemm(b, v)"
    model = onnx_operators.case(text, (4, 4), w=(16, 4), v=(4, 16))
    (place / "net.onnx").write_bytes(model.SerializeToString())
    done = imported(place, "net.onnx")
    assert done.returncode == 0 and not rebuilt
    assert "it takes 4×4 and gives 16; an autoencoder gives the shape" in done.stderr


def test_a_pair_is_one_original(place, rebuilt):
    done = imported(place, "encoder.onnx", "decoder.onnx")
    assert done.returncode == 0, done.stderr
    assert "code: encoder.code, 4 values (the encoder's output" in done.stdout
    (job,) = rebuilt
    assert [layer["name"] for layer in job["layers"]][-1].startswith("decoder.")
    assert open_bundle(place / "build/mine/as-is").parts == ("encoder", "decoder")


def test_every_command_takes_both(place, rebuilt):
    imported(place, "autoencoder.onnx")
    for command in (("verify", "--golden", "build"), ("report",)):
        done = edgeae_here(*command, cwd=place)
        assert done.returncode == 0, (command, done.stderr)
    summary = json.loads((place / "build/report/summary.json").read_text())
    (model,) = summary["models"]
    assert not model["retrained"] and model["float32_loss"] == 0.09


def test_as_is_is_for_bare_files(place):
    (place / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    done = imported(place, "net.h5", "--as-is")
    assert done.returncode == 2 and "--as-is: allowed are .tflite and .onnx" in done.stderr


def _with(place: Path, text: str, **constants: object) -> str:
    model = onnx_operators.case(text, (16,), **constants)
    (place / "net.onnx").write_bytes(model.SerializeToString())
    return "net.onnx"


def _two_outputs(place: Path) -> str:
    model = onnx_operators.case("y = Relu(x)", (16,))
    model.graph.node.append(onnx.helper.make_node("Neg", ["x"], ["z"]))
    model.graph.output.append(model.graph.output[0])
    model.graph.output[1].name = "z"
    (place / "net.onnx").write_bytes(model.SerializeToString())
    return "net.onnx"


def _free_size(place: Path) -> str:
    model = onnx_operators.case("y = Relu(x)", (1, 4, 4))
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[2].dim_param = "height"
    (place / "net.onnx").write_bytes(model.SerializeToString())
    return "net.onnx"


def _branch(place: Path) -> str:
    model = onnx.ModelProto.FromString(tiny.onnx_model())
    edge = onnx.helper.make_tensor_value_info("chosen", onnx.TensorProto.FLOAT, ["batch", 16])
    inner = onnx.helper.make_node("Identity", ["reconstruction"], ["chosen"])
    body = onnx.helper.make_graph([inner], "branch", [], [edge])
    model.graph.initializer.append(onnx.helper.make_tensor("t", onnx.TensorProto.BOOL, [], [True]))
    model.graph.node.append(
        onnx.helper.make_node("If", ["t"], ["out"], "choice", then_branch=body, else_branch=body)
    )
    model.graph.output[0].name = "out"
    (place / "net.onnx").write_bytes(model.SerializeToString())
    return "net.onnx"


WRONG = {
    "an operator outside the list": (
        lambda f: _with(f, "a = MatMul(x, w) b = Sin(a) y = MatMul(b, v)", w=(16, 4), v=(4, 16)),
        ("operator Sin (node 'b')", "allowed are Add, ", "--as-is imports the file as it is"),
    ),
    "control flow": (_branch, ("operator If (node 'choice'): control flow", "--as-is")),
    "no bottleneck": (
        lambda f: _with(f, "a = Relu(x) b = Tanh(a) y = Neg(b)"),
        ("no bottleneck", "--code-layer takes", "--as-is"),
    ),
    "two outputs": (_two_outputs, ("the model has 2 outputs; allowed is one output",)),
    "a free size": (_free_size, ("input 'x' has the shape n×1×height×4", "then fixed sizes")),
    "a layer that is not there": (
        lambda f: ("autoencoder.onnx", "--code-layer", "hiden"),
        ("'hiden'; did you mean 'hidden'?",),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_become_an_original_is_one_line(case, place, rebuilt):
    make, words = WRONG[case]
    arguments = make(place)
    arguments = (arguments,) if isinstance(arguments, str) else arguments
    done = imported(place, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("edgeae: ")
    for word in words:
        assert word in line
    assert not rebuilt and not list(place.rglob("train.json"))
    assert not list(place.rglob("manifest.json"))


def test_weights_beside_the_file_are_in_the_bundle(place, rebuilt):
    for name in ("linear-external.onnx", "linear-external.onnx.data"):
        shutil.copy(FILES / name, place)
    np.save(place / "rows.npy", np.random.default_rng(0).uniform(0, 1, (80, 64)).astype("f4"))
    asked = ("import", "linear-external.onnx", "--data", "rows.npy", "--name", "mine")
    done = edgeae_here(*asked, "--allow-worse-than-mean", cwd=place)
    assert done.returncode == 0, done.stderr
    assert onnx.load(place / "build/mine/as-is/autoencoder.onnx").graph.initializer
    assert "up to date" in edgeae_here(*asked, "--allow-worse-than-mean", cwd=place).stderr
    (place / "linear-external.onnx.data").unlink()
    gone = edgeae_here(*asked, "--allow-worse-than-mean", "--force", cwd=place)
    assert gone.returncode == 2 and "it has to lie beside the model" in gone.stderr
