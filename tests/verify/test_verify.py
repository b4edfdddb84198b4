import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from original_models import NumpyOriginals, check
from snapshots import snapshot
from tampering import add_onnx, corrupt, replace_golden, rewrite, swap_rows

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.artifacts.manifest import TensorSpec
from edgeae.errors import (
    BadInput,
    EdgeaeError,
    ManifestMismatch,
    NotMeasured,
    RuntimeCrashed,
    RuntimeUnavailable,
)
from edgeae.metrics.tolerance import Tolerance
from edgeae.runtimes.answers import COMPOSED, ask
from edgeae.verify.rows import Yardstick, compose, losses, parity
from edgeae.verify.run import Findings, verify_all
from edgeae.verify.subject import Originals
from edgeae.verify.table import render

LITERT = ["litert-xnnpack", "litert-builtin", "litert-reference"]
PARTS = ["encoder", "decoder", "autoencoder"]


def originals(n: int = 200) -> Originals:
    pixels = tiny.images(n, seed=21).reshape(n, tiny.PIXELS)
    return NumpyOriginals(pixels.astype(np.float32) * np.float32(1 / 255))


def verdicts(findings: Findings) -> dict[str, str]:
    return {f"{row.part} {row.runtime}": row.verdict for row in findings.rows}


@pytest.mark.parametrize(
    ("flavour", "io"), [("float32", None), ("int8", "int8"), ("int8", "uint8"), ("int8", "float32")]
)
def test_a_sound_bundle_passes_on_its_golden_vectors(flavour, io, tiny_bundle):
    bundle = tiny_bundle(flavour, io=io)
    manifest = (bundle.root / "manifest.json").read_bytes()
    findings = check(bundle, *LITERT)
    assert verdicts(findings) == {f"{part} {name}": "pass" for part in PARTS for name in LITERT}
    assert findings.codes == () and findings.breaches == []
    for row in findings.rows:
        assert (row.reference, row.n) == ("golden", 64)
        assert row.format == "tflite" and row.flavour == flavour and row.runtime_version
        # int8 is judged in LSB, also behind a float edge
        assert (row.max_lsb is None) == (row.share_over_1lsb is None) == (flavour == "float32")
        assert (row.loss is None) == (row.part == "encoder")
    loss = bundle.manifest.loss
    whole = {row.runtime: row for row in findings.rows if row.part == "autoencoder"}
    reference = whole["litert-reference"]
    assert reference.loss == pytest.approx(loss.exported, rel=1e-6)
    assert reference.added_loss == pytest.approx(loss.added, abs=1e-8)
    assert reference.loss_ratio == pytest.approx(loss.ratio, rel=1e-5)
    assert (bundle.root / "manifest.json").read_bytes() == manifest


def test_what_was_found_is_written_beside_the_manifest(tiny_bundle):
    bundle = tiny_bundle()
    findings = check(bundle, "litert-reference")
    written = json.loads((bundle.root / "verify.json").read_text())
    assert written == json.loads(json.dumps(findings.to_json()))
    assert [(row["part"], row["verdict"]) for row in written["rows"]] == [
        (part, "pass") for part in PARTS
    ]
    assert written["schema"] == 1 and written["dataset"] == "tiny"
    assert written["manifest_sha256"] == bundle.sha256
    assert not list(bundle.root.glob(".*"))


def test_encoder_and_decoder_together_are_the_autoencoder(tiny_bundle):
    findings = check(add_onnx(tiny_bundle("float32")), *LITERT, "onnxruntime-cpu")
    found = {(item.format, item.runtime): item for item in findings.compositions}
    assert set(found) == {("tflite", name) for name in LITERT} | {("onnx", "onnxruntime-cpu")}
    for item in found.values():
        assert (item.verdict, item.n, item.max_lsb) == ("pass", 64, None)
        assert item.max_abs <= 1e-5
    findings = check(tiny_bundle("int8"), "litert-reference")
    assert [(item.max_lsb, item.verdict) for item in findings.compositions] == [(0, "pass")]


@pytest.mark.parametrize("flavour", ["float32", "int8"])
def test_two_swapped_rows_of_the_decoder_fail_by_name(flavour, tiny_bundle):
    bundle = swap_rows(tiny_bundle(flavour), "decoder")
    findings = check(bundle, "litert-reference")
    assert verdicts(findings) == {
        "encoder litert-reference": "pass",
        "decoder litert-reference": "fail",
        "autoencoder litert-reference": "pass",
    }
    assert findings.codes == (1,)
    figure = "max_abs" if flavour == "float32" else "max_lsb"
    start = f"{bundle.root}/decoder.tflite on litert-reference: "
    named = [line for line in findings.breaches if line.startswith(start)]
    assert any(line.removeprefix(start).split(" ")[0] == figure for line in named)
    assert all(" > " in line and "\n" not in line for line in findings.breaches)
    # its decoder is no longer what is inside the whole
    (item,) = findings.compositions
    assert item.verdict == "fail"
    assert f"{bundle.root}/*.tflite on litert-reference: composition: {figure}" in "\n".join(
        findings.breaches
    )
    assert "out of tolerance" in render([findings])


def test_a_float_edge_is_judged_in_lsb(tiny_bundle):
    bundle = swap_rows(tiny_bundle("int8", io="float32"), "decoder")
    (row,) = [row for row in check(bundle, "litert-reference").rows if row.part == "decoder"]
    assert row.verdict == "fail" and row.max_lsb > 1
    assert row.max_abs == pytest.approx(row.max_lsb / 256)


def test_nan_fails_and_is_no_number_in_json(odd, tiny_bundle):
    for bundle in (tiny_bundle("float32"), tiny_bundle("int8", io="float32")):
        findings = check(bundle, "odd-nan")
        assert set(verdicts(findings).values()) == {"fail"} and findings.codes == (1,)
        for row in findings.rows:
            assert row.reasons == ("output holds NaN or infinity",) and row.max_abs is None
        assert findings.compositions[0].verdict == "fail"
        text = (bundle.root / "verify.json").read_text()
        assert "NaN" not in text.replace("holds NaN", "") and "Infinity" not in text


def test_the_reference_is_held_to_the_golden_vectors(tiny_bundle):
    """Against itself it would pass whatever it answers."""
    sound = check(tiny_bundle(), "litert-reference", "litert-xnnpack", against=originals())
    assert set(verdicts(sound).values()) == {"pass"}
    n = {row.runtime: (row.reference, row.n) for row in sound.rows}
    assert n == {"litert-reference": ("golden", 64), "litert-xnnpack": ("litert-reference", 200)}
    bundle = tiny_bundle(recipe="swapped", tolerance=Tolerance(max_lsb=1, added_loss=1.0))
    for part in ("decoder", "autoencoder"):
        bundle = swap_rows(bundle, part)
    found = verdicts(check(bundle, "litert-reference", "litert-xnnpack", against=originals()))
    assert found["autoencoder litert-xnnpack"] == "pass"  # it does what the reference does
    assert found["autoencoder litert-reference"] == found["decoder litert-reference"] == "fail"


def test_floats_are_compared_with_the_original(tiny_bundle):
    findings = check(tiny_bundle("float32"), "litert-xnnpack", against=originals())
    assert {(row.reference, row.n, row.verdict) for row in findings.rows} == {
        ("tensorflow-cpu", 200, "pass")
    }
    swapped = swap_rows(tiny_bundle("float32", recipe="swapped"), "autoencoder")
    found = verdicts(check(swapped, "litert-xnnpack", against=originals()))
    assert [part for part in PARTS if found[f"{part} litert-xnnpack"] == "fail"] == ["autoencoder"]


def test_a_lossy_export_fails_though_it_is_its_own_reference(tiny_bundle):
    class Sharp(NumpyOriginals):
        def of(self, bundle: Bundle) -> dict[str, np.ndarray]:
            return super().of(bundle) | {"autoencoder": self.images + np.float32(1e-3)}

    findings = check(tiny_bundle(), "litert-reference", against=Sharp(originals().images))
    lossy = {row.part: row for row in findings.rows}
    assert lossy["encoder"].verdict == "pass"
    for part in ("decoder", "autoencoder"):
        (reason,) = lossy[part].reasons
        assert reason == f"added_loss {lossy[part].added_loss:.2e} > 3.00e-04"
    assert findings.codes == (1,)


def with_dataset(bundle: Bundle, **figures: float) -> Bundle:
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["dataset"] |= figures
    return rewrite(bundle.root, table)


def test_what_the_mean_loses_is_the_measure_and_not_the_range_of_the_values(tiny_bundle):
    """One wide column among narrow ones let anything pass."""

    class Sharp(NumpyOriginals):
        def of(self, bundle: Bundle) -> dict[str, np.ndarray]:
            return super().of(bundle) | {"autoencoder": self.images + np.float32(1e-3)}

    def found(name: str, **figures: float) -> tuple[str, ...]:
        bundle = with_dataset(tiny_bundle(recipe=name), **figures)
        *_, whole = check(bundle, "litert-reference", against=Sharp(originals().images)).rows
        return whole.reasons

    assert found("older", span=1210.0) == ()  # a manifest that does not tell: as before
    (reason,) = found("wide", span=1210.0, mean_loss=0.067)
    assert reason.startswith("added_loss ") and reason.endswith(" > 3.00e-04")
    (reason,) = found("narrow", span=1210.0, mean_loss=0.0067)
    assert reason.endswith(" > 3.00e-05")
    assert found("much to lose", span=1.0, mean_loss=67.0) == ()
    (reason,) = found("all alike", span=1210.0, mean_loss=0.0)
    assert reason.endswith(" > 3.00e-04")


def test_the_worst_percent_is_measured_alike(tiny_bundle):
    bundle = tiny_bundle(tolerance=Tolerance(added_loss=1.0, added_p99=1e-3, max_lsb=1))
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["loss"]["p99"]["float32"] -= 0.01
    table["dataset"] |= {"n": 64, "span": 100.0, "mean_loss": 0.067}
    bundle = rewrite(bundle.root, table)
    pixels = tiny.images(64).reshape(64, tiny.PIXELS).astype(np.float32) * np.float32(1 / 255)
    *_, whole = check(bundle, "litert-reference", against=NumpyOriginals(pixels)).rows
    (reason,) = whole.reasons
    assert reason.startswith("added_p99 ") and reason.endswith(" > 1.00e-03")
    assert not check(with_dataset(bundle, mean_loss=6.7), "litert-reference").codes


def test_a_missing_original_says_what_needs_none(tiny_bundle):
    with pytest.raises(NotMeasured, match=r"model\.keras.*--golden"):
        check(tiny_bundle(), "litert-reference", against=Originals(np.zeros((3, 16), np.float32)))


def test_an_absent_runtime_is_a_row(odd, tiny_bundle):
    findings = check(tiny_bundle(), "litert-reference", "odd-absent", "odd-found-absent")
    found = {row.runtime: row for row in findings.rows if row.verdict == "unavailable"}
    assert found["odd-absent"].reasons == ("no such board is connected; plug one in",)
    assert found["odd-found-absent"].reasons == ("the board's library does not load; install it",)
    assert findings.codes == () and findings.breaches == []


def test_a_crash_in_one_part_leaves_the_answers_of_the_others(odd, tiny_bundle):
    bundle = tiny_bundle("float32")
    images = bundle.golden("image")
    answers = ask(bundle.root, "odd-crash-decoder", "tflite", images, bundle.golden("code"))
    assert set(answers.outputs) == {"encoder", "autoencoder"}
    assert answers.outputs["encoder"].shape == (64, 4)
    assert answers.outputs["autoencoder"].shape == (64, 16)
    assert set(answers.errors) == {"decoder", COMPOSED}
    for error in answers.errors.values():
        assert isinstance(error, RuntimeCrashed) and "SIGSEGV" in str(error)
    assert (answers.version, answers.device) == ("0.0", "nothing")


def test_a_crash_is_laid_at_the_door_of_the_part_that_crashed(odd, tiny_bundle):
    bundle = tiny_bundle("float32")
    images = bundle.golden("image")
    answers = ask(bundle.root, "odd-crash-encoder", "tflite", images, bundle.golden("code"))
    assert set(answers.outputs) == {"autoencoder", "decoder"}
    assert isinstance(answers.errors["encoder"], RuntimeCrashed)
    assert str(answers.errors[COMPOSED]) == "no input: the part that makes encoder failed"


def test_a_crash_is_a_verdict_of_its_own(odd, tiny_bundle):
    findings = check(tiny_bundle("float32"), "odd-crash-decoder", "litert-builtin")
    found = verdicts(findings)
    assert found["decoder odd-crash-decoder"] == "crashed"
    assert found["encoder odd-crash-decoder"] == "fail"  # zeros are no answer
    assert {found[f"{part} litert-builtin"] for part in PARTS} == {"pass"}
    assert set(findings.codes) == {1, 5}


def test_answers_are_the_runtimes_and_composed_is_fed_with_its_own_codes(tiny_bundle):
    bundle = tiny_bundle("float32")
    images, codes = bundle.golden("image"), np.zeros((64, 4), np.float32)
    answers = ask(bundle.root, "litert-builtin", "tflite", images, codes)
    known = tiny.forward(images)
    for name, expected in {
        "encoder": known["code"],
        "autoencoder": known["reconstruction"],
        COMPOSED: known["reconstruction"],
        "decoder": np.tile(tiny.weights()["reconstruction"][1], (64, 1)),
    }.items():
        np.testing.assert_allclose(answers.outputs[name], expected, atol=1e-5)
    without = ask(bundle.root, "litert-builtin", "tflite", images, None)
    assert set(without.outputs) == {"encoder", "autoencoder", COMPOSED} and not without.errors


def test_an_unavailable_runtime_has_no_answers(odd, tiny_bundle):
    bundle = tiny_bundle()
    for name in ("odd-absent", "odd-found-absent"):
        with pytest.raises(RuntimeUnavailable) as caught:
            ask(bundle.root, name, "tflite", bundle.golden("image"), None)
        assert caught.value.remedy


def test_an_artifact_that_the_manifest_does_not_know_fails(tiny_bundle):
    bundle = tiny_bundle()
    corrupt(bundle.root / "encoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"encoder\.tflite: sha256"):
        check(bundle, "litert-reference")


@pytest.mark.parametrize("place", ["scale", "zero_point"])
def test_a_manifest_that_misdescribes_an_edge_is_refused(tiny_bundle, place):
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    (decoder,) = [
        item
        for item in table["artifacts"]
        if (item["part"], item["format"]) == ("decoder", "tflite")
    ]
    decoder["inputs"][0][place] += 1
    (bundle.root / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(ManifestMismatch, match="its manifest has"):
        check(open_bundle(bundle.root), "litert-reference")


@pytest.mark.parametrize("place", ["scale", "zero_point"])
def test_a_code_that_is_not_the_artifacts_is_refused(tiny_bundle, place):
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["code"][place] += 1
    (bundle.root / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(ManifestMismatch, match="code: has"):
        check(open_bundle(bundle.root), "litert-reference")


def test_golden_vectors_that_the_manifest_does_not_know_are_refused(tiny_bundle):
    bundle = tiny_bundle()
    corrupt(bundle.root / "golden" / "autoencoder.npy")
    with pytest.raises(ManifestMismatch, match=r"golden/autoencoder\.npy"):
        check(bundle, "litert-reference")


def test_floats_must_reproduce_their_own_export_whatever_the_recipe_allows(tiny_bundle):
    bundle = tiny_bundle("float32", tolerance=Tolerance(max_abs=0.5, added_loss=0.5))
    golden = bundle.golden("decoder").copy()
    golden[5, 2] += 0.01
    bundle = replace_golden(bundle, "decoder", golden)
    (_, row, _) = check(bundle, "litert-reference").rows
    assert (row.part, row.verdict) == ("decoder", "fail")
    assert row.reasons == ("golden: max_abs 0.01 > 0.0001",)


def test_other_golden_vectors_fail(tiny_bundle):
    bundle = tiny_bundle()
    golden = bundle.golden("encoder").copy()
    golden[5, 2] += 2
    bundle = replace_golden(bundle, "encoder", golden)
    (row, *_) = check(bundle, "litert-reference").rows
    assert (row.part, row.verdict, row.max_lsb) == ("encoder", "fail", 2)
    assert row.share_over_1lsb == 1 / golden.size


@pytest.mark.parametrize("name", ["litert-xnpack", "LITERT-XNNPACK"])
def test_an_unknown_runtime_offers_the_nearest(name, tiny_bundle):
    bundle = tiny_bundle()
    with pytest.raises(BadInput, match="unknown runtime"):
        check(bundle, name)
    with pytest.raises(BadInput, match="litert-xnnpack"):
        list(verify_all([bundle], None, [name], jobs=1, say=lambda line: None))


@pytest.mark.parametrize("name", ["onnxruntime-cpu", "null"])
def test_a_runtime_that_verifies_nothing_of_the_bundle_is_refused(name, tiny_bundle):
    bundle = tiny_bundle()
    with pytest.raises(BadInput, match=f"--runtime {name}"):
        check(bundle, name)


def test_one_broken_bundle_does_not_stop_the_others(tiny_bundle):
    sound, broken = tiny_bundle(), tiny_bundle(recipe="broken")
    corrupt(broken.root / "golden" / "image.npy")
    said = []
    outcomes = list(
        verify_all([broken, sound], None, ["litert-reference"], jobs=2, say=said.append)
    )
    found = {type(outcome): outcome for outcome in outcomes}
    assert isinstance(found.pop(ManifestMismatch), EdgeaeError)
    (findings,) = found.values()
    assert findings.bundle.name == "tiny/int8" and findings.codes == ()
    assert "verify tiny/int8: tflite on litert-reference" in said


INT8 = TensorSpec("reconstruction", (1, 2), "int8", 0.5, -128)
FLOAT_EDGE = replace(INT8, dtype="float32")
FLOAT = TensorSpec("reconstruction", (1, 2), "float32")


def whole(spec: TensorSpec):
    return replace(tiny.program("autoencoder").artifact, outputs=(spec,))


def test_parity_of_integers_counts_steps():
    output = np.array([[-128, 5], [127, 0]], np.int8)
    expected = np.array([[-127, 5], [120, 0]], np.int8)
    found = parity(output, expected, INT8)
    assert (found.max_lsb, found.share_over_1lsb, found.max_abs) == (7, 0.25, 3.5)
    assert found.reference_max == (120 + 128) * 0.5


def test_parity_behind_a_float_edge_counts_the_same_steps():
    output = np.array([[0.0, 66.5], [127.5, 64.0]], np.float32)
    expected = np.array([[0.5, 66.5], [124.0, 64.0]], np.float32)
    found = parity(output, expected, FLOAT_EDGE)
    assert (found.max_lsb, found.share_over_1lsb, found.max_abs) == (7, 0.25, 3.5)
    assert not parity(np.full((2, 2), np.inf, np.float32), expected, FLOAT_EDGE).finite


def test_parity_of_floats_is_absolute():
    expected = np.array([[1.0, -8.0]], np.float32)
    found = parity(np.array([[1.0, -8.25]], np.float32), expected, FLOAT)
    assert (found.max_abs, found.reference_max, found.max_lsb) == (0.25, 8.0, None)


def test_losses_are_of_real_values_against_the_images():
    images = np.array([[0.5, 1.0], [0.0, 0.0]], np.float32)
    output = np.array([[-128, -126], [-128, -128]], np.int8)  # 0 and 1, 0 and 0
    found = losses(whole(INT8), output, images, Yardstick(0.05), Tolerance(added_loss=0.01))
    assert (found.loss, found.loss_ratio) == (0.0625, 1.25)
    assert found.added_loss == pytest.approx(0.0125)
    assert found.breaches == ("added_loss 1.25e-02 > 1.00e-02",)
    found = losses(whole(INT8), output, images, Yardstick(0.05), Tolerance(added_loss=0.0126))
    assert found.breaches == ()
    # of two images' losses, 0.125 and 0, the 99th percentile is 0.99 × 0.125
    found = losses(whole(INT8), output, images, Yardstick(0.05, 0.1), Tolerance(1.0, 0.02))
    assert found.added_p99 == pytest.approx(0.02375)
    assert found.breaches == ("added_p99 2.37e-02 > 2.00e-02",)
    # a better export than the original is no breach
    better = losses(whole(FLOAT), images, images, Yardstick(0.05), Tolerance(added_loss=0.0))
    assert (better.loss, better.added_loss, better.breaches) == (0.0, -0.05, ())


def test_a_code_has_no_loss_and_nan_has_none_either():
    images = np.zeros((1, 2), np.float32)
    encoder = replace(whole(FLOAT), part="encoder")
    nan = np.full((1, 2), np.nan, np.float32)
    for artifact, output in ((encoder, images), (whole(FLOAT), nan)):
        found = losses(artifact, output, images, Yardstick(0.05), Tolerance())
        assert (found.loss, found.added_loss, found.loss_ratio, found.breaches) == (
            None,
            None,
            None,
            (),
        )


def test_composed_integers_must_be_equal():
    output = np.array([[1, 2]], np.int8)
    same = compose(whole(INT8), "r", output, output.copy())
    assert (same.verdict, same.max_lsb, same.max_abs, same.n) == ("pass", 0, 0.0, 1)
    off = compose(whole(INT8), "r", output, output + np.int8(1))
    assert (off.verdict, off.max_lsb, off.reasons) == (
        "fail",
        1,
        ("composition: max_lsb 1 > 0",),
    )


def test_composed_floats_must_be_equal_but_for_rounding():
    output = np.array([[1.0, 2.0]], np.float32)
    assert compose(whole(FLOAT), "r", output, output + np.float32(1e-5)).verdict == "pass"
    off = compose(whole(FLOAT), "r", output, output + np.float32(3e-3))
    assert off.reasons == ("composition: max_abs 0.003 > 2e-05",)
    nan = compose(whole(FLOAT), "r", output * np.nan, output)
    assert (nan.verdict, nan.max_abs) == ("fail", None)


def test_the_text_of_findings(odd, tiny_bundle):
    """A bundle that passes, one whose loss is high, one that nothing opens, and a wrong one."""
    passes = check(tiny_bundle(), "litert-reference", "odd-absent", "odd-found-absent")
    bundle = tiny_bundle(recipe="lossy")
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["loss"]["float32"] /= 2
    lossy = check(rewrite(bundle.root, table), "litert-reference")
    closed = check(tiny_bundle(recipe="closed"), "odd-absent")
    wrong = check(swap_rows(tiny_bundle(recipe="wrong"), "decoder"), "litert-reference")
    assert closed.codes == (3,)
    groups = [passes], [passes, lossy], [passes, closed], [passes, lossy, closed, wrong]
    texts = [render(group) for group in groups]
    snapshot("\n\n".join(texts) + "\n", "verify.txt")
    for group, text in zip(groups, texts, strict=True):
        rows = [line for line in text.splitlines() if line.startswith("tiny/")]
        shown = [row for item in group for row in item.rows if row.verdict != "unavailable"]
        composed = [found for item in group for found in item.compositions]
        assert len(rows) == len(set(rows)) == len(shown) + len(composed)


def test_nothing_is_left_in_the_temporary_folder(tiny_bundle, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    check(tiny_bundle(), "litert-reference")
    assert list(Path(scratch).iterdir()) == []
