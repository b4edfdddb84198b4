"""The stage on hand-made bundles: rows, sides, the file, and what ends in one line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_warm
from snapshots import snapshot
from tampering import add_onnx, corrupt, rewrite

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.artifacts.publish import building
from edgeae.detect import answers
from edgeae.detect.result import DETECT, Detection, read_detection
from edgeae.detect.rows import Asked
from edgeae.detect.run import detect
from edgeae.detect.table import render
from edgeae.errors import BadInput, ManifestMismatch

RUNTIMES = ["litert-reference", "litert-xnnpack"]


def noise(n: int, seed: int) -> np.ndarray:
    """Rows that the model has never seen the like of."""
    return np.random.default_rng(seed).integers(0, 256, (n, 4, 4)).astype(np.uint8)


@pytest.fixture
def rows(tmp_path) -> dict[str, str]:
    """Files: 200 normal rows, and 150 normal with 50 anomalous ones, labelled 0 and 3."""
    test = np.concatenate([tiny.images(150, seed=32), noise(50, 33)])
    labels = np.repeat([0, 3], [150, 50])
    np.savez(tmp_path / "normal.npz", x=tiny.images(200, seed=31))
    np.savez(tmp_path / "test.npz", x=test, y=labels)
    return {"data": str(tmp_path / "normal.npz"), "test": str(tmp_path / "test.npz")}


@pytest.fixture
def pair(tiny_bundle) -> Bundle:
    """An int8 bundle with a float32 one of the same weights beside it."""
    tiny_bundle("float32")
    return tiny_bundle("int8")


def run(bundle: Bundle, *runtimes: str, **asked: object) -> Detection:
    return detect(bundle, Asked(**asked), list(runtimes) or RUNTIMES, lambda line: None)


def known_errors(stored: np.ndarray) -> np.ndarray:
    """The float model's squared errors, by numpy alone."""
    real = stored.reshape(len(stored), 16).astype(np.float32) * np.float32(1 / 255)
    return (tiny.forward(real)["reconstruction"] - real) ** 2


def known_scores(stored: np.ndarray) -> np.ndarray:
    return known_errors(stored).mean(axis=1)


def test_the_figures_are_those_of_numpy(pair, rows):
    found = run(pair, **rows, label="y", false_alarms=0.05)
    assert (found.rank.n, found.rank.k) == (200, 10)
    calm = np.sort(known_scores(tiny.images(200, seed=31)))
    normal = known_scores(tiny.images(150, seed=32))
    anomalous = known_scores(noise(50, 33))
    original = found.original
    assert original.name == "float32/autoencoder.tflite" and original.verdict == "measured"
    assert original.threshold == pytest.approx(calm[-10], rel=1e-4)
    alarms = np.count_nonzero(normal > calm[-10])
    caught = np.count_nonzero(anomalous > calm[-10])
    assert (original.false_alarms.count, original.false_alarms.n) == (alarms, 150)
    assert (original.recall.count, original.recall.n) == (caught, 50)
    assert (original.precision.count, original.precision.n) == (caught, caught + alarms)
    above = (anomalous[:, None] > normal[None, :]).mean()
    assert original.auc.value == pytest.approx(above, abs=1e-9)
    assert original.auc_drop is original.flips is None
    assert [side.runtime for side in found.sides] == ["litert-xnnpack", "litert-reference"]
    for side in found.sides:
        assert side.verdict == "measured" and side.name == "autoencoder.tflite"
        assert side.auc_drop.value == pytest.approx(original.auc.value - side.auc.value)
        assert side.flips.n == 200 and sum(side.histogram.normal) == 150
        assert sum(side.histogram.anomalous) == 50
    assert found.test_rows.normal == 150 and found.test_rows.anomalous == 50
    assert found.codes == []


def test_flips_are_counted_in_both_directions(pair, rows):
    found = run(pair, "litert-reference", **rows, label="y", false_alarms=0.05)
    (side,) = found.sides
    stored = np.concatenate([tiny.images(150, seed=32), noise(50, 33)])
    before = known_scores(stored) > found.original.threshold
    content = (pair.root / "autoencoder.tflite").read_bytes()
    steps = (stored.reshape(200, 16).astype(int) - 128).astype(np.int8)
    answer = tiny.run(content, steps, tiny.RESOLVERS["litert-reference"])
    scale, zero = tiny.QUANTIZED["reconstruction"]
    real = stored.reshape(200, 16) / 255
    scores = np.mean(((answer.astype(float) - zero) * scale - real) ** 2, axis=1)
    for flips, level in (
        (side.flips, side.threshold),
        (side.flips_at_original, found.original.threshold),
    ):
        after = scores > level
        assert flips.to_alarm == np.count_nonzero(after & ~before)
        assert flips.to_quiet == np.count_nonzero(before & ~after)


def test_the_threshold_of_the_generated_c_sums_integers(pair, rows):
    (side,) = run(pair, "litert-reference", **rows, false_alarms=0.05).sides
    stored = tiny.images(200, seed=31)
    steps = (stored.reshape(200, 16).astype(int) - 128).astype(np.int8)
    content = (pair.root / "autoencoder.tflite").read_bytes()
    answer = tiny.run(content, steps, tiny.RESOLVERS["litert-reference"])
    sums = np.sort(np.sum((answer.astype(int) - steps.astype(int)) ** 2, axis=1))
    assert side.score_threshold == sums[-10]


def test_the_own_datasets_validation_rows_are_the_default(pair):
    own = str(pair.root.parent / "tiny.npz")
    found = run(pair, data=own, false_alarms=0.1)
    assert found.threshold_rows.about == "validation rows of tiny" and found.rank.n == 10
    assert found.test_rows.about == "test rows of tiny" and found.test_rows.n == 64
    assert found.label is found.original.auc is None
    assert (found.data, found.test) == (own, None)


def test_without_a_test_the_thresholds_rows_are_compared(pair, rows):
    found = run(pair, data=rows["data"])
    assert found.test_rows is found.predicted is None
    for side in found.sides:
        assert side.flips.n == 200 and side.false_alarms is side.auc is None
        assert sum(side.histogram.normal) == 200


def test_standardized_scores_have_a_deviation_for_each_column(pair, rows):
    found = run(pair, **rows, label="y", score="standardized")
    assert all(side.score_threshold is None for side in found.sides)
    errors = known_errors(tiny.images(200, seed=31))
    assert found.original.deviations == pytest.approx(np.sqrt(errors.mean(axis=0)), rel=1e-4)
    measure = errors.mean(axis=0)
    normal, anomalous = (
        (known_errors(stored) / measure).mean(axis=1)
        for stored in (tiny.images(150, seed=32), noise(50, 33))
    )
    above = (anomalous[:, None] > normal[None, :]).mean()
    assert found.original.auc.value == pytest.approx(above, abs=1e-3)


def test_the_file_is_read_as_it_was_written(pair, rows):
    found = run(pair, **rows, label="y", false_alarms=0.05)
    written = json.loads((pair.root / DETECT).read_text())
    assert written == found.to_json() and read_detection(pair) == found
    assert written["schema"] == 1 and written["manifest_sha256"] == pair.sha256


def test_another_export_has_no_figures(pair, rows):
    run(pair, **rows)
    table = json.loads((pair.root / "manifest.json").read_text())
    table["tools"] = {"ai-edge-litert": "9.9"}
    assert read_detection(rewrite(pair.root, table)) is None


def test_a_changed_file_has_no_figures(pair, rows):
    run(pair, **rows)
    corrupt(pair.root / "encoder.tflite")
    assert read_detection(pair) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("rank", {"n": 1}),
        ("sides", [{"name": "x"}]),
        ("false_alarms", "1 %"),
        ("score", "max"),
        ("unheard", 1),
    ],
)
def test_a_damaged_file_is_one_line(pair, rows, key, value):
    run(pair, **rows)
    path = pair.root / DETECT
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(BadInput) as caught:
        read_detection(pair)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; `edgeae detect` writes it again")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 0}', '{"schema": "1"}'])
def test_a_file_that_is_no_json_is_one_line(pair, text):
    (pair.root / DETECT).write_text(text)
    with pytest.raises(BadInput) as caught:
        read_detection(pair)
    assert DETECT in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"threshold": None}, r"autoencoder\.tflite: threshold or histogram is null"),
        ({"roc": [[0, 2]]}, "roc: allowed"),
        ({"flips": {"to_alarm": 0, "to_quiet": 0, "n": 0}}, r"flips\.n = 0"),
        ({"histogram": {"edges": [1, 2], "normal": [1, 1], "anomalous": [0]}}, "normal: allowed"),
        ({"histogram": {"edges": [2, 1], "normal": [1], "anomalous": [0]}}, "edges: allowed"),
        ({"histogram": {"edges": [0, 1], "normal": [1], "anomalous": [0]}}, "edges: allowed"),
    ],
)
def test_figures_that_are_not_possible_are_one_line(pair, rows, changed, told):
    found = run(pair, "litert-reference", **rows).to_json()
    found["sides"][0] |= changed
    (pair.root / DETECT).write_text(json.dumps(found))
    with pytest.raises(BadInput, match=rf"damaged: (sides\[0\]\.)?(histogram\.)?{told}"):
        read_detection(pair)


def test_without_an_original_its_row_says_why(tiny_bundle, rows):
    found = run(tiny_bundle(), **rows, label="y")
    assert found.original.verdict == "unavailable"
    assert "model.keras" in found.original.reason and "float32" in found.original.reason
    for side in found.sides:
        assert side.auc is not None and side.flips is side.auc_drop is None
    assert found.codes == []
    assert found.original.reason in render(found)


def test_a_float_bundle_of_other_weights_is_no_original(pair, rows):
    other = pair.root.parent / "float32"
    table = json.loads((other / "manifest.json").read_text())
    rewrite(other, table | {"weights_sha256": "0" * 64})
    assert run(pair, **rows).original.verdict == "unavailable"


def test_keras_is_the_original_where_it_is(pair, rows, monkeypatch):
    class Known(answers.Originals):
        def of(self, bundle: Bundle) -> dict[str, np.ndarray]:
            flat = self.images.reshape(-1, 16)
            return {"autoencoder": tiny.forward(flat)["reconstruction"].astype(np.float32)}

    monkeypatch.setattr(answers, "Originals", Known)
    found = run(pair, **rows)
    assert (found.original.name, found.original.runtime) == ("original", "tensorflow-cpu")


def test_both_formats_are_judged(tiny_bundle, rows):
    found = run(add_onnx(tiny_bundle("float32")), "litert-xnnpack", "onnxruntime-cpu", **rows)
    assert [side.name for side in found.sides] == ["autoencoder.tflite", "autoencoder.onnx"]
    for side in found.sides:
        assert (side.flips.to_alarm, side.flips.to_quiet) == (0, 0)


def test_absent_crashed_and_nan_runtimes_are_rows(odd, tiny_bundle, rows):
    bundle = tiny_bundle("float32")
    names = ("odd-absent", "odd-crash", "odd-nan", "odd-software", "litert-reference")
    found = run(bundle, *names, **rows)
    verdicts = {side.runtime: side.verdict for side in found.sides}
    assert verdicts == {
        "odd-absent": "unavailable",
        "odd-crash": "crashed",
        "odd-nan": "fail",
        "odd-software": "unavailable",
        "litert-reference": "measured",
    }
    reasons = {side.runtime: side.reason for side in found.sides}
    assert "NaN" in reasons["odd-nan"] and "SIGSEGV" in reasons["odd-crash"]
    assert sorted(found.codes) == [1, 3, 5]
    assert read_detection(bundle) == found


def test_halves_without_a_whole_are_judged_together(tiny_bundle, rows):
    bundle = without(tiny_bundle("float32"), "autoencoder")
    (side,) = run(bundle, "litert-reference", **rows).sides
    assert side.name == "encoder.tflite + decoder.tflite" and side.part == "decoder"
    assert side.threshold == pytest.approx(
        np.sort(known_scores(tiny.images(200, seed=31)))[-2], rel=1e-4
    )


def test_an_encoder_alone_is_refused(tiny_bundle, rows):
    bundle = without(tiny_bundle("float32"), "autoencoder", "decoder")
    with pytest.raises(BadInput, match="needs a reconstruction; the bundle has only encoder"):
        run(bundle, **rows)


def without(bundle: Bundle, *parts: str) -> Bundle:
    """The bundle as imported files without some parts."""
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["artifacts"] = [item for item in table["artifacts"] if item["part"] not in parts]
    table["recipe"] = "as-is"
    if "decoder" in parts:
        table["loss"] = table["code"] = None
    for name in (*parts, *(["reconstruction"] if "decoder" in parts else [])):
        del table["golden"]["sha256"][name]
    return rewrite(bundle.root, table)


def test_a_tampered_bundle_is_not_judged(pair, rows):
    corrupt(pair.root / "decoder.tflite")
    with pytest.raises(ManifestMismatch):
        run(pair, **rows)


def test_a_bundle_that_is_replaced_meanwhile_keeps_its_own_file(tiny_bundle, rows, tmp_path):
    source = tiny_bundle().root
    model = tmp_path / "published" / "tiny"
    publish(model, source)
    lines: list[str] = []

    def say(line: str) -> None:
        if line.startswith("detect tiny/int8: tflite"):
            publish(model, source)
        lines.append(line)

    detect(open_bundle(model / "int8"), Asked(**rows), ["litert-reference"], say)
    assert "a newer export replaced the bundle; detect again" in lines[-1]
    assert not (model / "int8" / DETECT).exists()


def publish(model: Path, source: Path) -> None:
    with building(model, "int8") as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)


def test_too_few_rows_are_refused_before_anything_runs(pair, rows, monkeypatch):
    monkeypatch.setattr("edgeae.detect.run.by_original", None)
    with pytest.raises(BadInput, match=r"200 normal rows are too few .* 999 rows or more"):
        run(pair, **rows, false_alarms=0.001)
    assert not (pair.root / DETECT).exists()


def test_the_table(pair, rows):
    found = run(pair, **rows, label="y", false_alarms=0.05)
    # the figures depend on the processor's last digits: the layout does not
    figures = replace(
        found,
        original=steady(found.original),
        sides=tuple(map(steady, found.sides)),
    )
    snapshot(render(figures) + "\n", "detect.txt")


def test_false_alarms_that_were_not_predicted_are_told(pair, rows, tmp_path):
    np.savez(tmp_path / "other.npz", x=noise(150, 34))
    found = run(pair, "litert-reference", data=rows["data"], test=str(tmp_path / "other.npz"))
    for side in (found.original, *found.sides):
        alarms = side.false_alarms.count
        told = f"{side.name} on {side.runtime}: {alarms:,} false alarms are not among the predicted"
        assert (told in render(found)) == (alarms > found.predicted[1])


def steady(side: object) -> object:
    return replace(side, threshold=round(side.threshold, 3))


def test_the_command_prints_the_table_and_writes_the_file(pair, rows, tmp_path):
    arguments = ("--data", rows["data"], "--test", rows["test"], "--label", "y")
    base = ("detect", str(pair.root), *arguments, "--runtime", "litert-reference")
    done = edgeae_warm(*base, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "float32/autoencoder.tflite" in done.stdout and "AUC drop" in done.stdout
    done = edgeae_warm(*base, "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == json.loads((pair.root / DETECT).read_text())
