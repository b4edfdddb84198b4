"""What `edgeae verify` and the gate make of detect.json."""

import hashlib
import json
from dataclasses import asdict

import pytest
from edgeae_cli import edgeae_warm
from tampering import rewrite

from edgeae.artifacts.bundle import Bundle
from edgeae.detect.limits import judged, limits_of
from edgeae.detect.result import DETECT, Detection, Flips, Histogram, Rows, Side
from edgeae.errors import BadInput
from edgeae.gate.budget import from_table
from edgeae.gate.exact import exact_figures
from edgeae.gate.sides import Pair, sides
from edgeae.metrics.detection import Estimate, rank
from edgeae.metrics.tolerance import DetectionLimits
from edgeae.recipe.schema import Recipe
from edgeae.recipe.table import from_table as recipe_of
from edgeae.recipe.table import with_defaults

ALL = {"min_auc": 0.9, "max_auc_drop": 0.005, "max_flips": 0.01}


def side(runtime: str = "litert-xnnpack", **figures: object) -> Side:
    known = {
        "threshold": 0.1,
        "histogram": Histogram((0.1, 0.2), (1,), (1,)),
        "auc": Estimate(0.95, 0.92, 0.97),
        "auc_drop": Estimate(0.004, 0.001, 0.007),
        "flips": Flips(1, 2, 300),
    }
    return Side("autoencoder.tflite", "autoencoder", "tflite", "int8", runtime, **known | figures)


def write(bundle: Bundle, *found: Side) -> Bundle:
    rows = Rows("tiny", "rows of tiny", "0" * 64, 200, 0)
    detection = Detection(
        1,
        "tiny",
        "int8",
        bundle.sha256,
        "mse",
        0.01,
        rank(200, 0.01),
        (0, 5),
        rows,
        rows,
        None,
        None,
        "y",
        "0",
        None,
        Side("original", "", "", "float32", "tensorflow-cpu", verdict="unavailable", reason="none"),
        found,
        (),
    )
    (bundle.root / DETECT).write_text(json.dumps(detection.to_json()))
    return bundle


def verdicts(bundle: Bundle, runtime: str = "litert-xnnpack", **limits: float) -> dict[str, str]:
    found = judged(bundle, "autoencoder", "tflite", runtime, DetectionLimits(**limits or ALL))
    return {item.quantity: item.verdict for item in found}


def test_figures_within_their_limits_pass(tiny_bundle):
    bundle = write(tiny_bundle(), side())
    assert verdicts(bundle) == {"AUC": "pass", "AUC drop": "pass", "flips": "pass"}
    assert verdicts(bundle, max_flips=0.01) == {"flips": "pass"}  # 3 of 300 are 1 %
    assert verdicts(bundle, min_auc=0.95) == {"AUC": "pass"}


def test_each_limit_fails_by_itself(tiny_bundle):
    bundle = write(tiny_bundle(), side())
    limits = DetectionLimits(0.951, 0.003, 0.009)
    found = judged(bundle, "autoencoder", "tflite", "litert-xnnpack", limits)
    assert [item.verdict for item in found] == ["fail"] * 3
    assert [item.reason for item in found] == [
        "AUC 0.9500 [0.9200, 0.9700], budget 0.951",
        "AUC drop 0.0040 [0.0010, 0.0070], budget 0.003",
        "flips 3 of 300 rows, budget 0.9 %",
    ]


def test_what_was_not_measured_is_missing(tiny_bundle):
    bundle = tiny_bundle()
    missing = {"AUC": "missing", "AUC drop": "missing", "flips": "missing"}
    assert verdicts(bundle) == missing
    write(bundle, side(auc=None, auc_drop=None, flips=None))
    assert verdicts(bundle) == missing
    write(bundle, side(auc_drop=None, flips=None))  # without an original
    assert verdicts(bundle) == missing | {"AUC": "pass"}
    assert verdicts(bundle, "litert-builtin") == missing
    write(bundle, side(verdict="unavailable", reason="no engine"))
    assert verdicts(bundle) == missing
    write(bundle, side(verdict="fail", reason="3 rows have a score of NaN"))
    assert set(verdicts(bundle).values()) == {"fail"}


def limited(bundle: Bundle, **limits: float) -> Bundle:
    table = json.loads((bundle.root / "manifest.json").read_text())
    return rewrite(bundle.root, table | {"settings": {"detection": limits}})


def test_a_recipes_limits_are_judged_by_verify(tiny_bundle):
    bundle = limited(tiny_bundle(), **ALL)
    (absent,) = limits_of(bundle)
    assert absent.code == 3 and "nothing is measured; run `edgeae detect`" in absent.line
    write(bundle, side(), side("litert-builtin", auc=Estimate(0.5, 0.4, 0.6)))
    (missed,) = limits_of(bundle)
    assert missed.code == 1
    assert missed.line == (
        f"{bundle.root}: autoencoder.tflite on litert-builtin: "
        "AUC 0.5000 [0.4000, 0.6000], budget 0.9"
    )
    assert limits_of(tiny_bundle(recipe="free")) == []


def test_verify_ends_with_the_limits_exit_code(tiny_bundle, tmp_path):
    bundle = limited(tiny_bundle(), min_auc=0.99)
    command = ("verify", "--golden", "--runtime", "litert-xnnpack", str(bundle.root))
    assert edgeae_warm(*command, cwd=tmp_path).returncode == 3
    write(bundle, side())
    done = edgeae_warm(*command, cwd=tmp_path)
    assert done.returncode == 1 and "budget 0.99" in done.stderr
    write(bundle, side(auc=Estimate(0.995, 0.99, 1.0)))
    assert edgeae_warm(*command, cwd=tmp_path).returncode == 0


def test_limits_in_a_foreign_manifest_are_checked(tiny_bundle):
    bundle = limited(tiny_bundle(), min_auc=7.0)
    with pytest.raises(BadInput, match=r"manifest\.json: settings\.detection\.min_auc = 7\.0"):
        limits_of(bundle)


def figures(bundle: Bundle, file: str, runtime: str = "litert-xnnpack", **budget: float) -> dict:
    (candidate,) = sides(bundle.root / file)
    pair = Pair(candidate, candidate, runtime)
    found = exact_figures(pair, from_table(budget))
    return {item.quantity: item for item in found}


def test_the_gate_judges_the_autoencoder(tiny_bundle):
    bundle = write(tiny_bundle(), side())
    found = figures(bundle, "autoencoder.tflite", min_auc=0.99, max_flips=0.05)
    assert {key: item.verdict for key, item in found.items()} == {"AUC": "fail", "flips": "pass"}
    assert (found["AUC"].value, found["AUC"].limit) == (0.95, 0.99)
    assert found["flips"].value == pytest.approx(0.01)
    assert figures(bundle, "encoder.tflite", min_auc=0.99) == {}
    (bundle.root / DETECT).unlink()
    assert figures(bundle, "autoencoder.tflite", min_auc=0.9)["AUC"].verdict == "missing"


def test_the_gate_judges_no_bare_file(tiny_bundle, tmp_path):
    bare = tmp_path / "bare.tflite"
    bare.write_bytes((tiny_bundle().root / "autoencoder.tflite").read_bytes())
    (candidate,) = sides(bare)
    (found,) = exact_figures(Pair(candidate, candidate, "litert-xnnpack"), from_table(ALL))
    assert found.verdict == "missing" and "only bundles" in found.reason


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_limits_outside_0_to_1_are_refused(key, value):
    with pytest.raises(BadInput, match=f"{key} = {value}: allowed is 0 to 1"):
        from_table({key: value})
    with pytest.raises(BadInput, match=f"{key} = {value}: allowed is 0 to 1"):
        DetectionLimits(**{key: value})


def test_a_recipe_without_limits_has_the_hash_that_it_had():
    table = with_defaults({"name": "int8", "quantization": "int8"})
    plain = recipe_of(table)
    limited = recipe_of(table | {"detection": {"min_auc": 0.9}})
    assert plain.sha256 != limited.sha256
    assert plain.sha256 == hash_before(plain)


def hash_before(plan: Recipe) -> str:
    """The hash in manifests that exist, by the keys that older versions knew."""
    content = asdict(plan)
    for key in ("name", "description", "ranges", "detection"):
        del content[key]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
