"""The figures on MNIST's 10,000 test images, with the demo's training budget.

Run by `make acceptance`, with `EDGEAE_MNIST` set.
"""

import json
import os
from pathlib import Path

import pytest
from edgeae_cli import ROOT, edgeae

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert os.environ.get("EDGEAE_MNIST"), (
        "set EDGEAE_MNIST to mnist.npz or the folder of IDX files"
    )
    place = tmp_path_factory.mktemp("acceptance")
    (place / "export").symlink_to(ROOT / "export")
    (place / "bench").symlink_to(ROOT / "bench")
    for family in ("simple", "deep"):
        assert edgeae("train", family, "--data", "mnist", cwd=place).returncode == 0
    exported = edgeae("export", cwd=place)
    assert exported.returncode == 0, exported.stderr
    verified = edgeae("verify", cwd=place)
    assert verified.returncode == 0, verified.stderr
    return place / "build"


def manifest(build: Path, model: str, recipe: str) -> dict:
    return json.loads((build / model / recipe / "manifest.json").read_text())


def autoencoder(told: dict) -> dict:
    """Return what a manifest tells of `autoencoder.tflite`."""
    kind = ("autoencoder", "tflite")
    (whole,) = (item for item in told["artifacts"] if (item["part"], item["format"]) == kind)
    return whole


def rows(build: Path, model: str, recipe: str, **wanted: str) -> list[dict]:
    found = json.loads((build / model / recipe / "verify.json").read_text())["rows"]
    return [row for row in found if all(row[key] == value for key, value in wanted.items())]


@pytest.mark.parametrize(("model", "limit"), [("simple", 0.0105), ("deep", 0.0055)])
def test_training_reaches_its_loss(build: Path, model: str, limit: float) -> None:
    training = json.loads((build / model / "train.json").read_text())
    assert training["dataset"]["test"] == 10_000
    assert training["losses"]["test"] <= limit


@pytest.mark.parametrize("recipe", ["int8", "int8-per-tensor", "p60-int8"])
@pytest.mark.parametrize("model", ["simple", "deep"])
def test_composition_is_exact(build: Path, model: str, recipe: str) -> None:
    found = json.loads((build / model / recipe / "verify.json").read_text())["composition"]
    assert len(found) == 5  # three LiteRT runtimes, onnxruntime and C
    assert all(item["max_lsb"] == 0 and item["n"] == 10_000 for item in found)


@pytest.mark.parametrize("model", ["simple", "deep"])
def test_float32_parity(build: Path, model: str) -> None:
    # max |Δ| ≤ 1e-5 × max(1, max |reference|); reconstructions lie in [0, 1]
    code = manifest(build, model, "float32")["code"]
    largest = max(1.0, abs(code["min"]), abs(code["max"]))
    found = [row for row in rows(build, model, "float32") if row["verdict"] != "unavailable"]
    assert len(found) == 15
    for row in found:
        limit = 1e-5 * (largest if row["part"] == "encoder" else 1.0)
        assert row["n"] == 10_000 and row["max_abs"] <= limit


@pytest.mark.parametrize("recipe", ["int8", "int8-per-tensor", "p60-int8"])
@pytest.mark.parametrize("model", ["simple", "deep"])
def test_the_c_has_the_bits_of_the_reference_kernels(build: Path, model: str, recipe: str) -> None:
    found = rows(build, model, recipe, runtime="c-host")
    assert len(found) == 3
    for row in found:
        assert (row["max_lsb"], row["n"], row["reference"]) == (0, 10_000, "litert-reference")


@pytest.mark.parametrize("model", ["simple", "deep"])
def test_qdq_onnx_against_the_reference_kernels(build: Path, model: str) -> None:
    found = rows(build, model, "int8", runtime="onnxruntime-cpu")
    assert len(found) == 3
    assert all(row["share_over_1lsb"] <= 0.001 and row["n"] == 10_000 for row in found)


@pytest.mark.parametrize("model", ["simple", "deep"])
def test_float16_costs_nothing(build: Path, model: str) -> None:
    assert manifest(build, model, "float16")["loss"]["ratio"] <= 1.001


@pytest.mark.parametrize(("model", "limit"), [("simple", 1e-4), ("deep", 1e-4)])
def test_int8_adds_little_loss(build: Path, model: str, limit: float) -> None:
    assert manifest(build, model, "int8")["loss"]["added"] <= limit


@pytest.mark.parametrize("model", ["simple", "deep"])
def test_pruning_reports_ratio_sparsity_and_gzip(build: Path, model: str) -> None:
    found = manifest(build, model, "p60-int8")
    whole = autoencoder(found)
    assert found["loss"]["control"] > 0
    assert len(whole["sparsity"]) == {"simple": 2, "deep": 6}[model]
    # 60 % over both large kernels, which are of one size; what is small stays whole, and only what
    # is less than half a step of its integers is 0
    *small, second, first = sorted(whole["sparsity"].values())
    assert (first + second) / 2 >= 0.6 and second >= 0.4
    assert all(share < 0.1 for share in small)
    plain = manifest(build, model, "int8")["artifacts"]
    gzip = {(item["part"], item["format"]): item["gzip_bytes"] for item in plain}
    assert whole["gzip_bytes"] < 0.85 * gzip["autoencoder", "tflite"]


@pytest.mark.ways  # a minute each, which CI does not have
@pytest.mark.parametrize(
    ("recipe", "times", "limit"),
    [("p56-c64-float16", 8, 1.02), ("p74-c32-float16", 12, 1.10)],
)
def test_so_many_times_fewer_bytes_cost_so_much_of_the_controls_loss(
    build: Path, recipe: str, times: int, limit: float
) -> None:
    exported = edgeae("export", "deep", "-r", recipe, cwd=build.parent)
    assert exported.returncode == 0, exported.stderr
    verified = edgeae("verify", f"build/deep/{recipe}", cwd=build.parent)
    assert verified.returncode == 0, verified.stdout
    loss = manifest(build, "deep", recipe)["loss"]
    assert loss["exported"] <= limit * loss["control"]
    told = [autoencoder(manifest(build, "deep", name)) for name in ("float32", recipe)]
    original, small = (sum(item["packed"].values()) for item in told)
    assert original >= times * small


def test_the_demo_suite_times_every_runtime_or_says_why_not(build: Path) -> None:
    result = edgeae("bench", "--suite", "demo", "--seconds", "0.05", "--json", cwd=build.parent)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)["rows"]
    from edgeae.runtimes import RUNTIMES

    assert {row["runtime"] for row in found} == {
        name for name, entry in RUNTIMES.items() if not entry.named_only
    }
    for row in found:
        assert row["samples_ns"] or ("install" in row["error"])
    xnnpack = [row for row in found if row["runtime"] == "litert-xnnpack"]
    assert all(row["rss_peak_bytes"] < 150e6 for row in xnnpack)
