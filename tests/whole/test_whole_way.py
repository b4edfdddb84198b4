"""The whole way with TensorFlow, small: train on digits, export, verify, export again."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgeae_cli import ROOT, edgeae, edgeae_forked, edgeae_here, edgeae_warm
from fake_exports import Project
from family_models import build_all
from processes import children_of, is_gone_soon

from edgeae import data, recipe
from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.formats.tflite import graph as tflite
from edgeae.formats.tflite import graph_statistics
from edgeae.metrics.quantization import dequantize, quantize
from edgeae.system import atomic

pytestmark = pytest.mark.tensorflow

TRAIN = ("train", "deep", "--hidden", "24", "--code", "8", "--epochs", "1", "--data", "digits")
PRUNED = """
quantization = "int8"
formats = ["tflite", "onnx"]
representative = 50
[prune]
sparsity = 0.5
steps = 100
learning_rate = 3e-3
[tolerance]
added_loss = 0.1
share_over_1lsb = 0.05
builtin_share_over_1lsb = 0.05
max_lsb = 64
"""
#: Of floats, of integers, and fine-tuned. `make demo` exports and verifies what `export/` ships.
EXPORTED = ("float32", "int8", "p50-int8")
#: What differs from `int8` in the types of its edges alone.
EDGES = ("int8-uint8", "int8-float32")


def lines(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: a small model under a recipe of each kind."""
    place = tmp_path_factory.mktemp("project")
    (place / "export").mkdir()
    for name in ("float32", "int8"):
        shutil.copy(ROOT / "export" / f"{name}.toml", place / "export")
    (place / "export" / "p50-int8.toml").write_text(PRUNED)
    trained = edgeae_forked(*TRAIN, cwd=place)
    assert trained.returncode == 0, lines(trained)
    exported = edgeae_warm(
        "export", "deep-c8", *(f"--recipe={name}" for name in EXPORTED), cwd=place
    )
    assert exported.returncode == 0, lines(exported)
    return place


@pytest.fixture
def int8(project: Path) -> Bundle:
    return open_bundle(project / "build/deep-c8/int8")


def test_every_kind_of_recipe_verifies(project: Path) -> None:
    manifests = {path: path.read_bytes() for path in project.glob("build/*/*/manifest.json")}
    assert len(manifests) == len(EXPORTED)
    engines = ("litert-xnnpack", "litert-builtin", "litert-reference", "onnxruntime-cpu")
    # C takes a compiler longest, and `make demo` proves it
    findings = verified(project, EXPORTED, *(f"--runtime={name}" for name in engines))
    assert {row["recipe"] for row in findings} == set(EXPORTED)
    for found in findings:
        assert {row["verdict"] for row in found["rows"]} <= {"pass", "unavailable"}
        assert all(item["max_lsb"] in (0, None) for item in found["composition"])
        assert all(item["max_abs"] == 0 for item in found["composition"])
        assert {row["dataset"] for row in findings} == {"digits"}
    assert all(path.read_bytes() == content for path, content in manifests.items())


def verified(project: Path, recipes: Sequence[str], *words: str) -> list[dict[str, Any]]:
    bundles = (f"build/deep-c8/{name}" for name in recipes)
    result = edgeae_warm("verify", *bundles, *words, "--json", cwd=project)
    assert result.returncode == 0, lines(result)
    return list(json.loads(result.stdout))


def test_the_original_and_its_exports_detect_alike(project: Path) -> None:
    """By flags alone: the threshold is of the validation rows, the false alarms of the test."""
    asked = ("--runtime", "litert-reference", "--false-alarms", "0.05", "--json")
    result = edgeae_warm("detect", "build/deep-c8/int8", *asked, cwd=project)
    assert result.returncode == 0, lines(result)
    found = json.loads(result.stdout)
    assert found["threshold_rows"]["about"] == "validation rows of digits"
    assert (found["rank"]["n"], found["test_rows"]["normal"], found["warnings"]) == (149, 300, [])
    original, (int8,) = found["original"], found["sides"]
    assert (original["name"], original["runtime"]) == ("original", "tensorflow-cpu")
    assert int8["threshold"] == pytest.approx(original["threshold"], rel=0.02)
    assert int8["flips"]["n"] == 300
    assert int8["flips"]["to_alarm"] + int8["flips"]["to_quiet"] <= 5


def test_a_manifest_holds_the_recipe_that_it_was_made_under(project: Path) -> None:
    found = [open_bundle(path.parent).manifest for path in project.glob("build/*/*/manifest.json")]
    assert len(found) == len(EXPORTED)
    for item in found:
        said = {"name": item.recipe, "tolerance": asdict(item.tolerance), **item.settings}
        assert recipe.from_table(said).sha256 == item.recipe_sha256
    (pruned,) = (item for item in found if item.recipe == "p50-int8")
    assert pruned.settings["steps"] == ["prune"] and pruned.settings["prune"]["sparsity"] == 0.5


@pytest.mark.system
def test_the_same_seed_gives_the_same_weights_and_the_same_bundle(project: Path) -> None:
    other = project / "again"
    other.mkdir()
    shutil.copytree(project / "export", other / "export")
    trained = edgeae_forked(*TRAIN, cwd=other)
    assert trained.returncode == 0, lines(trained)
    first, second = (
        json.loads((place / "build/deep-c8/train.json").read_text()) for place in (project, other)
    )
    assert first["weights_sha256"] == second["weights_sha256"]
    # fine-tuned, converted, as ONNX: all of an export but floats as ONNX (test_onnx_forms.py)
    exported = edgeae("export", "--recipe=p50-int8", cwd=other)
    assert exported.returncode == 0, lines(exported)
    place, again = (root / "build/deep-c8/p50-int8" for root in (project, other))
    names = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    assert len(names) == 13 + (place / "verify.json").exists()
    for name in names:
        if name.name != "verify.json":
            assert (again / name).read_bytes() == (place / name).read_bytes(), name


def test_another_seed_is_another_training(project: Path, tmp_path: Path) -> None:
    """It would start TensorFlow; that it gives other weights, test_families.py knows."""
    (tmp_path / "tensorflow.py").write_text("raise ImportError('it is started')")
    place = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    other = edgeae(*TRAIN, "--seed", "1", cwd=project, **place)
    assert other.returncode != 0 and "it is started" in other.stderr


def test_nothing_to_do_imports_no_tensorflow_and_changes_nothing(project: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in project.glob("build/**/*.tflite")}
    for command in ((*TRAIN, "--seed=0"), ("export", "--recipe=int8", "--recipe=p50-int8")):
        result = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "edgeae", *command],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert result.returncode == 0
        assert "up to date" in result.stderr
        assert " tensorflow" not in result.stderr
    assert {path: path.stat().st_mtime_ns for path in project.glob("build/**/*.tflite")} == before


def test_pruned_tensors_hold_their_zeros(project: Path) -> None:
    bundle = open_bundle(project / "build/deep-c8/p50-int8")
    graph = tflite.read(bundle.read(bundle.artifact("autoencoder")), "autoencoder")
    weights = [
        tensor for tensor in graph.tensors if tensor.data is not None and tensor.data.ndim == 2
    ]
    assert len(weights) == 4
    for tensor in weights:
        assert np.mean(tensor.data == 0) >= 0.499
    loss = bundle.manifest.loss
    assert loss.control is not None and loss.control_ratio == loss.exported / loss.control
    assert bundle.artifact("autoencoder").sparsity == graph_statistics.sparsity(graph)


def test_a_pixel_becomes_int8_by_subtracting_128(int8: Bundle) -> None:
    affine = int8.artifact("encoder").input.affine
    assert affine is not None
    assert affine.zero_point == -128 and affine.scale == float(np.float32(1 / 255))
    pixels = np.arange(256, dtype=np.uint8)
    real = pixels.astype(np.float32) * np.float32(1 / 255)
    assert (quantize(real, affine) == pixels.astype(int) - 128).all()


def test_int8_artifacts_are_integer_inside_and_share_one_code(int8: Bundle) -> None:
    for part in ("encoder", "decoder", "autoencoder"):
        graph = tflite.read(int8.read(int8.artifact(part)), part)
        assert graph_statistics.float_operators(graph) == []
        assert "DENSIFY" not in {operator.name for operator in graph.operators}
        assert all(dtype != "float32" for dtype in (tensor.dtype for tensor in graph.tensors))
    code = int8.manifest.code
    for spec in (int8.artifact("encoder").output, int8.artifact("decoder").input):
        assert (spec.name, spec.scale, spec.zero_point) == ("code", code.scale, code.zero_point)


def test_signatures_name_the_edges(project: Path) -> None:
    for path in project.glob("build/deep-c8/*/*.tflite"):
        from ai_edge_litert.interpreter import Interpreter

        (signature,) = Interpreter(model_path=str(path)).get_signature_list().values()
        source, target = {
            "encoder": ("image", "code"),
            "decoder": ("code", "reconstruction"),
            "autoencoder": ("image", "reconstruction"),
        }[path.stem]
        assert signature == {"inputs": [source], "outputs": [target]}


@pytest.mark.system
def test_edges_of_other_types_carry_the_same_integers(project: Path, int8: Bundle) -> None:
    for io in ("uint8", "float32"):
        text = (ROOT / "export" / "int8.toml").read_text()
        (project / "export" / f"int8-{io}.toml").write_text(f'io = "{io}"\n{text}')
    build_all(project, ["deep-c8"], EDGES)
    whole = int8.golden("autoencoder")
    shifted = open_bundle(project / "build/deep-c8/int8-uint8").golden("autoencoder")
    assert shifted.dtype == np.uint8
    assert (shifted.astype(int) - 128 == whole).all()
    real = open_bundle(project / "build/deep-c8/int8-float32").golden("autoencoder")
    affine = int8.artifact("autoencoder").output.affine
    assert affine is not None and real.dtype == np.float32
    np.testing.assert_array_equal(real, dequantize(whole, affine))


def test_onnx_files_keep_names_batch_and_scales(project: Path, int8: Bundle) -> None:
    import onnx

    float_model = onnx.load(project / "build/deep-c8/float32/autoencoder.onnx")
    (value,) = float_model.graph.input
    assert value.name == "image"
    assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    encoder = onnx.load(project / "build/deep-c8/int8/encoder.onnx")
    scales = {
        float(onnx.numpy_helper.to_array(item).ravel()[0])
        for item in encoder.graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT and not item.dims
    }
    assert {int8.manifest.code.scale, int8.artifact("encoder").input.scale} <= scales


def test_two_exports_into_one_folder_at_once(project: Path) -> None:
    folder = project / "build/deep-c8"
    before = hashlib.sha256((folder / "int8/manifest.json").read_bytes()).hexdigest()
    with atomic.lock(folder / ".bundles/int8.lock", "the test"):
        result = edgeae_here("export", "--recipe=int8", "--force", cwd=project)
    assert result.returncode == 2
    assert f"being written by another edgeae (process {os.getpid()})" in result.stderr
    assert hashlib.sha256((folder / "int8/manifest.json").read_bytes()).hexdigest() == before


@pytest.mark.ways
def test_an_interrupted_export_leaves_the_earlier_bundle(project: Path) -> None:
    """With TensorFlow at work; what takes none is in `test_matrix.py`."""
    folder = project / "build/deep-c8"
    before = (folder / "p50-int8/manifest.json").read_bytes()
    for end in (signal.SIGINT, signal.SIGKILL):
        rest, children = interrupted(project, end)
        if end == signal.SIGINT:
            assert "interrupted" in rest and "Traceback" not in rest
        assert (folder / "p50-int8/manifest.json").read_bytes() == before
        assert children and all(map(is_gone_soon, children))  # none goes on
        with atomic.lock(folder / ".bundles/p50-int8.lock", "the test"):
            pass
    # and the next export clears what was abandoned
    assert len(list((folder / ".bundles").glob("p50-int8@*.part"))) == 1
    again = edgeae_warm("export", "--recipe=p50-int8", "--force", cwd=project)
    assert again.returncode == 0, lines(again)
    assert len(list((folder / ".bundles").glob("p50-int8@*.part"))) == 0
    assert (folder / "p50-int8/manifest.json").read_bytes() == before


def interrupted(project: Path, end: signal.Signals) -> tuple[str, list[int]]:
    """End an export while it fine-tunes; return the rest of what it said, and its children."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgeae", "export", "--recipe=p50-int8", "--force"],
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        assert running.stderr is not None
        assert any("prune" in line for line in running.stderr)
        children = list(children_of(running.pid))
        running.send_signal(end)
        rest = running.stderr.read()
        assert running.wait(30) == (130 if end == signal.SIGINT else -signal.SIGKILL)
    return rest, children


def test_a_full_disk_leaves_the_earlier_bundle(project: Path, tmp_path: Path) -> None:
    folder = project / "build/deep-c8"
    before = (folder / "float32/manifest.json").read_bytes()
    # every Python process of this export finds the disk full half way through the bundle
    (tmp_path / "sitecustomize.py").write_text(
        "import errno\n"
        "from edgeae.system import atomic\n"
        "write = atomic.write_bytes\n"
        "def full(path, content):\n"
        "    if path.name == 'decoder.tflite':\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "    write(path, content)\n"
        "atomic.write_bytes = full\n"
    )
    result = edgeae_warm(
        "export", "--recipe=float32", "--force", cwd=project, PYTHONPATH=f"{tmp_path}:{ROOT}"
    )
    assert result.returncode == 2, lines(result)
    assert "no room left to write" in result.stderr
    assert "Traceback" not in result.stderr
    assert (folder / "float32/manifest.json").read_bytes() == before
    assert not list((folder / ".bundles").glob("float32@*.part"))


def test_a_replaced_model_is_refused(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "build/deep-c8"
    copy.mkdir(parents=True)
    for name in ("model.keras", "train.json"):
        shutil.copy(project / "build/deep-c8" / name, copy)
    content = bytearray((copy / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.keras").write_bytes(content)
    result = edgeae_warm("export", "--recipe=float32", cwd=tmp_path)
    assert result.returncode == 4
    assert "model.keras: its hash differs from" in result.stderr


def test_a_dataset_that_changed_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def save(offset: float) -> dict[str, object]:
        images = rng.random((60, 4, 4), dtype=np.float32) * 0.5 + offset
        np.savez(tmp_path / "mine.npz", x_train=images[:40], x_test=images[40:])
        sha256 = data.load(str(tmp_path / "mine.npz")).sha256
        return {"name": "mine", "sha256": sha256, "data": "mine.npz", "train": 36}

    Project(tmp_path).model("simple-c4", dataset=save(0.0))
    save(0.1)
    result = edgeae_warm("export", "simple-c4", "--recipe=float32", cwd=tmp_path)
    assert result.returncode == 2
    assert "was trained on" in result.stderr
