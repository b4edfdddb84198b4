import base64
import hashlib
import html
import html.parser
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import tampering
from original_models import originals
from read_pages import Reader, in_a_browser, rows_of, words
from result_rows import MACHINE, PASSED, timed, verified
from snapshots import snapshot

from edgeae import __version__
from edgeae import recipe as recipes
from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.families.command import train_command
from edgeae.plotting import png
from edgeae.plotting.axes import linear_ticks, log_ticks
from edgeae.plotting.labels import is_free, place
from edgeae.report import figures
from edgeae.report.write import write as write_report
from edgeae.summary.exports import row_verdict
from edgeae.timing.results import Result, append
from edgeae.timing.suite import Suite, expand
from edgeae.verify.rows import Row

Build = Callable[..., Bundle]
FAILED = replace(PASSED, verdict="fail", reasons=("max_lsb 3 > 1",))
ABSENT = Row(
    "*",
    "onnx",
    "qdq",
    "onnxruntime-cuda",
    verdict="unavailable",
    reasons=("no GPU here; pip install a <b>GPU</b>",),
)


LABELS: dict[str, list[float | None]] = {
    "10": [0.02, None, 0.03],
    "9": [0.04, None, 0.05],
    "2": [0.01, None, 0.01],
}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tmp_path / "build"


def told(
    bundle: Bundle,
    packed: int | None = None,
    ratio: float | None = None,
    control: float | None = None,
    labels: dict[str, list[float | None]] | None = None,
) -> Bundle:
    """Rewrite a manifest: packed bytes of the autoencoder, loss ÷ its yardstick, and labels."""
    table = json.loads((bundle.root / "manifest.json").read_text())
    for artifact in table["artifacts"]:
        if packed is not None and artifact["part"] == "autoencoder":
            artifact["packed"] = {"weights": packed - 30, "biases": 20, "scales": 10, "tables": 0}
            artifact["causes"] = {"weights": 224, "biases": 112, "quantization": 96, "graph": 11}
            artifact["nonzero_macs"] = 77
    loss = table["loss"]
    if control is not None:
        loss |= {"control": control}
        loss["p99"] |= {"control": control * 3}
    if ratio is not None:
        yardstick = loss["float32"] if loss["control"] is None else loss["control"]
        loss |= {"exported": yardstick * ratio}
        loss["p99"] |= {"exported": (loss["p99"]["control"] or loss["p99"]["float32"]) * ratio * 2}
    if labels is not None:
        loss |= {"labels": labels}
    return tampering.rewrite(bundle.root, table)


def absent(runtime: str, reason: str) -> Result:
    return Result("", "", "", "", "", "", 0, runtime, 0, MACHINE, None, error=reason, code=3)


def write(build: Path, out: Path) -> dict:
    return write_report(build, out, train_command)


def report(build: Path) -> tuple[str, str, dict]:
    summary = write(build, build / "report")
    folder = build / "report"
    assert json.loads((folder / "summary.json").read_text()) == summary
    return (folder / "index.html").read_text(), (folder / "summary.md").read_text(), summary


def decode(content: bytes) -> np.ndarray:
    """Read a PNG of 8 bits whose rows are not filtered: (height, width, channels)."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", content, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks.append((kind, body))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, rest) == (8, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, {0: 1, 4: 2}[colour])


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 3, 2), (28, 298, 2)])
def test_png_decodes(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(decode(png.encode(pixels)).reshape(shape), pixels)


def test_page_loads_nothing(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED)
    append(build / "results.jsonl", timed(bundle))
    text, _, _ = report(build)
    found = Reader(text)
    assert not re.search(r"url\(|@import", text)
    for tag, attributes in found.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (tag, address)
    policy = [a["content"] for tag, a in found.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_ids_are_unique_and_known(build: Path, tiny_bundle: Build) -> None:
    for recipe in ("int8", "float32"):
        append(build / "results.jsonl", timed(tiny_bundle(recipe)))
    found = Reader(report(build)[0])
    identities = [a["id"] for _, a in found.tags if "id" in a]
    assert len(identities) == len(set(identities))
    for _, attributes in found.tags:
        wanted = (attributes.get("aria-labelledby") or "").split()
        wanted += (
            [(attributes.get("href") or "")[1:]] if attributes.get("href", "")[:1] == "#" else []
        )
        assert set(wanted) <= set(identities)


def test_figures_are_those_of_the_files(build: Path, tiny_bundle: Build) -> None:
    bundle, original = told(tiny_bundle("int8"), 250), told(tiny_bundle("float32"), 1_001)
    verified(bundle, PASSED)
    verified(original, replace(PASSED, flavour="float32", max_lsb=None, share_over_1lsb=None))
    append(build / "results.jsonl", timed(bundle))
    text, markdown, summary = report(build)
    loss = bundle.manifest.loss
    size, whole = (item.artifact("autoencoder").bytes for item in (bundle, original))
    for shown in (words(text), markdown):
        for figure in (
            *(f"{loss.float32:.6f}", f"{loss.exported:.6f}", f"{loss.ratio:.4f}", f"{size:,}"),
            *("All 2 exports verified.", bundle.manifest.weights_sha256[:12]),
        ):
            assert figure in shown, figure
    (timing,) = summary["latency"]["timings"]
    assert (timing["p50_ns"], timing["p90_ns"]) == (15_000, 19_000)
    assert timing["p99_ns"] == pytest.approx(19_900)
    # 95 % of 11 samples: the second to the tenth, 110 to 190 µs
    assert timing["interval"] == pytest.approx((190 - 110) / 2 / 150)
    (int8,) = (item for item in summary["exports"] if item["recipe"] == "int8")
    assert int8["loss"] == asdict(loss)
    assert (int8["smaller"], int8["packed_smaller"]) == (whole / size, 1_001 / 250)
    assert summary["schema"] == 10


def known(bundle: Bundle, ratio: float, packed: int, control: float | None = None) -> Bundle:
    """Give a bundle figures that depend on no version of a library."""
    table = json.loads((told(bundle, packed).root / "manifest.json").read_text())
    for artifact in table["artifacts"]:
        artifact["gzip_bytes"] = 1_000
    reference = control or 0.064
    worst = {
        "float32": 0.128,
        "control": control and 2 * control,
        "exported": 3 * ratio * reference,
    }
    table["loss"] |= {"float32": 0.064, "control": control, "exported": ratio * reference}
    table["loss"] |= {"added": (ratio - 1) * reference, "p99": worst, "labels": LABELS}
    table["weights_sha256"] = "5" * 64
    if control is not None:
        table["settings"] = recipes.to_table(recipes.find(bundle.manifest.recipe))
        with_control = {key: [a, 0.02, b] for key, (a, _, b) in LABELS.items()}
        table["loss"] |= {"labels": with_control}
    return tampering.rewrite(bundle.root, table)


def readable(text: str) -> str:
    """Return what a page says, without plots and hashes: a line for each paragraph or table row."""

    def line(row: re.Match[str]) -> str:
        ((*cells,),) = rows_of(row[0])
        return "| " + " | ".join(map(html.escape, cells))

    text = re.sub(r"<svg.*?</svg>", "", text, flags=re.S)
    text = Reader(re.sub(r"<tr.*?</tr>", line, text, flags=re.S)).text
    text = re.sub(r"\b[0-9a-f]{12}\b", "(hash)", text.replace(__version__, "(version)"))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def check_tables(markdown: str) -> None:
    """Check that each table has rows, each of as many cells as its header."""
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.M)
    assert tables
    for rows in (item.splitlines() for item in tables):
        assert len(rows) > 2 and len({row.count("|") for row in rows}) == 1
        assert len(set(rows)) == len(rows)


def test_a_whole_report(build: Path, tiny_bundle: Build) -> None:
    float32 = known(tiny_bundle("float32"), 1.0, 4_000)
    int8 = known(tiny_bundle("int8"), 1.75, 2_000)
    tuned = known(tiny_bundle(recipe="p60-int8"), 1.0625, 1_000, control=0.08)
    verified(float32, replace(PASSED, flavour="float32", max_lsb=None, share_over_1lsb=None))
    verified(int8, PASSED, ABSENT)
    verified(tuned, FAILED, composition="fail")
    fixed = timed(int8, fixed_block=100, fixed_samples_ns=(130_000, 140_000, 120_000))
    for row in (
        replace(fixed, start_ns=412_000_000, import_ns=78_000_000),
        timed(float32, batch=64, threads=2, block=5, unstable=("drift of +4.1%", "preempted")),
        timed(float32, runtime="litert-gpu", device="SwiftShader 5", software=True, block=4),
        timed(int8, machine={**MACHINE, "cpu": "Slow 1"}, settled=False, block=2),
        timed(tuned, samples_ns=(), block=None, error="worker hung <for> 120 s", code=5),
        timed(tuned, artifact_sha256="f" * 64),
        absent("tensorflow-gpu", "TensorFlow sees no GPU"),
    ):
        append(build / "results.jsonl", row)
    text, markdown, summary = report(build)
    snapshot(markdown, "report.md")
    snapshot(readable(text), "report.txt")
    assert summary["verdict"]["failed"] == ["tiny/p60-int8"]
    check_tables(markdown)


def test_two_reports_of_equal_inputs_are_equal(
    build: Path, tiny_bundle: Build, tmp_path: Path
) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED, ABSENT)
    append(build / "results.jsonl", timed(bundle))
    shutil.copytree(build, tmp_path / "elsewhere")
    write(build, tmp_path / "first")
    write(tmp_path / "elsewhere", tmp_path / "second")
    for name in ("index.html", "summary.md", "summary.json"):
        first, second = ((tmp_path / out / name).read_bytes() for out in ("first", "second"))
        assert first == second
        assert str(tmp_path).encode() not in first


def test_nothing_verified_and_nothing_measured(build: Path, tiny_bundle: Build) -> None:
    tiny_bundle()
    text, markdown, summary = report(build)
    assert summary["verdict"]["verdict"] == "missing"
    assert summary["verdict"]["missing"] == ["tiny/int8"]
    assert "1 export not verified yet: run edgeae verify" in words(text)
    assert "not measured: run edgeae bench" in words(text)
    assert "run `edgeae verify`" in markdown and "run `edgeae bench`" in markdown


def test_one_of_two_is_not_verified(build: Path, tiny_bundle: Build) -> None:
    verified(tiny_bundle("int8"), PASSED)
    tiny_bundle("float32")
    text, _, summary = report(build)
    assert summary["verdict"]["sentence"] == (
        "1 of 2 exports not verified yet: tiny/float32. The others are."
    )
    assert "not verified: run edgeae verify" in words(text)


def test_findings_about_another_export_do_not_count(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED)
    path = bundle.root / "verify.json"
    path.write_text(path.read_text().replace(bundle.sha256, "0" * 64))
    assert report(build)[2]["verdict"]["verdict"] == "missing"


def test_a_verdict_is_on_the_manifest_as_it_was_written(build: Path, tiny_bundle: Build) -> None:
    """Also where an older edgeae wrote it, without the keys that came later."""
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    later = [table.pop("settings"), *(item.pop("causes") for item in table["artifacts"])]
    assert later == [{}] * 4
    bundle = tampering.rewrite(bundle.root, table)
    content = (bundle.root / "manifest.json").read_bytes()
    assert bundle.sha256 == hashlib.sha256(content).hexdigest()
    verified(bundle, PASSED)
    assert report(build)[2]["verdict"]["verdict"] == "pass"
    (bundle.root / "manifest.json").write_bytes(content + b"\n")
    assert report(build)[2]["verdict"]["verdict"] == "missing"


@pytest.mark.parametrize("scope", [{"golden_only": True}, {"runtimes": ["litert-xnnpack"]}])
def test_a_check_of_a_part_is_no_verdict(build: Path, tiny_bundle: Build, scope: dict) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED)
    path = bundle.root / "verify.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | scope))
    assert report(build)[2]["verdict"]["verdict"] == "missing"


def test_a_file_that_changed_since_is_not_verified(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED)
    content = bytearray((bundle.root / "decoder.tflite").read_bytes())
    content[-1] ^= 1
    (bundle.root / "decoder.tflite").write_bytes(content)
    assert report(build)[2]["verdict"]["verdict"] == "missing"


@pytest.mark.parametrize("what", ["part", "composition", "crash"])
def test_a_failure_is_open_and_named(build: Path, tiny_bundle: Build, what: str) -> None:
    verified(tiny_bundle("float32"), PASSED)
    row = {"part": FAILED, "crash": replace(FAILED, verdict="crashed")}.get(what, PASSED)
    composition = "fail" if what == "composition" else "pass"
    verified(tiny_bundle("int8"), row, composition=composition)
    text, markdown, summary = report(build)
    reason = "max_lsb 9 > 0" if what == "composition" else "max_lsb 3 > 1"
    assert summary["verdict"]["verdict"] == "fail"
    assert summary["verdict"]["failed"] == ["tiny/int8"]
    for shown in (words(text), markdown.replace("\\", "")):
        assert "1 of 2 exports outside tolerance: tiny/int8." in shown
    opened = text[text.index("<details open>") :]
    assert reason.replace(">", "&gt;") in opened[: opened.index("</details>")]
    assert "✗ fail" in markdown


def test_unavailable_runtimes_fail_nothing(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    verified(bundle, PASSED, ABSENT)
    append(build / "results.jsonl", timed(bundle))
    append(build / "results.jsonl", absent("tensorflow-gpu", "TensorFlow sees no GPU"))
    _, _, summary = report(build)
    assert [item["runtime"] for item in summary["absent"]] == ["tensorflow-gpu", "onnxruntime-cuda"]
    assert summary["verdict"]["verdict"] == "pass"


def test_no_runtime_at_all_verifies_nothing(build: Path, tiny_bundle: Build) -> None:
    verified(tiny_bundle(), ABSENT)
    assert report(build)[2]["verdict"]["verdict"] == "missing"


def test_a_runtime_that_came_back_is_not_absent(build: Path, tiny_bundle: Build) -> None:
    append(build / "results.jsonl", absent("litert-xnnpack", "not installed"))
    append(build / "results.jsonl", timed(tiny_bundle()))
    assert report(build)[2]["absent"] == []


def test_stale_rows_are_left_out_and_counted(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    stale = timed(bundle, artifact_sha256="f" * 64, samples_ns=(777_000_000,) * 20)
    for row in (stale, replace(stale, recipe="gone"), timed(bundle)):
        append(build / "results.jsonl", row)
    text, markdown, summary = report(build)
    assert summary["latency"]["stale"] == 2
    for shown in (text, markdown):
        assert "2 rows are left out" in shown
        assert "77.7 ms" not in shown and "15.0 µs" in shown


def test_the_original_is_timed_too(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    originals(bundle, bundle.manifest.weights_sha256)
    path = bundle.root.parent / "train.json"
    dataset = {"dataset": {**bundle.manifest.dataset, "data": "tiny.npz"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | dataset))
    jobs = expand(Suite("s", parts=("autoencoder",), runtimes=("tensorflow-cpu",)), [bundle])
    (keras,) = (job for job in jobs if job.artifact.format == "keras")
    row = timed(
        bundle,
        recipe=keras.recipe,
        format="keras",
        flavour="float32",
        artifact_sha256=keras.artifact.sha256,
        bytes=keras.artifact.bytes,
        runtime=keras.runtime,
    )
    append(build / "results.jsonl", row)
    text, markdown, summary = report(build)
    assert summary["latency"]["stale"] == 0
    (timing,) = summary["latency"]["timings"]
    assert (timing["recipe"], timing["format"]) == ("original", "keras")
    for shown in (words(text), markdown):
        assert "original" in shown and "15.0 µs" in shown


def test_the_latest_row_counts(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle, samples_ns=(5_000_000,) * 20))
    append(build / "results.jsonl", timed(bundle, machine={**MACHINE, "load_average": 1.5}))
    append(build / "results.jsonl", timed(bundle, threads=2, settled=False))
    _, _, summary = report(build)
    timings = summary["latency"]["timings"]
    assert [(item["threads"], item["p50_ns"]) for item in timings] == [(1, 15_000), (2, 15_000)]
    assert len(summary["latency"]["machines"]) == 1
    assert "unsettled" in words((build / "report" / "index.html").read_text())


def test_the_processes_of_one_bench_are_pooled(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle, session="old", samples_ns=(9_000_000,) * 9))
    for number, ns in enumerate((120_000, 180_000, 140_000)):
        row = timed(bundle, session="new", round=number, samples_ns=(ns,) * 9, load_ns=ns)
        append(build / "results.jsonl", replace(row, start_ns=number * 10**6 + 10**8))
    broken = timed(bundle, session="new", samples_ns=(), error="crashed with SIGSEGV", code=5)
    append(build / "results.jsonl", broken)
    text, _, summary = report(build)
    (timing,) = summary["latency"]["timings"]
    assert (timing["p50_ns"], timing["processes"], timing["blocks"]) == (14_000, 3, 27)
    # three processes cannot reach 95 %, and they disagree
    assert timing["interval"] is None and not timing["settled"]
    assert "medians are up to 50.0% apart" in text
    assert (timing["load_ns"], timing["start_ns"]) == (140_000, 101_000_000)
    assert "14.0 µs" in text and "crashed with SIGSEGV" in text


def test_the_fixed_cost_and_the_cold_start_are_figures(build: Path, tiny_bundle: Build) -> None:
    row = timed(tiny_bundle(), fixed_block=100, fixed_samples_ns=(130_000, 140_000, 120_000))
    append(build / "results.jsonl", replace(row, start_ns=412_000_000, import_ns=78_000_000))
    (timing,) = report(build)[2]["latency"]["timings"]
    assert (timing["fixed_ns"], timing["p50_ns"]) == (1_300, 15_000)
    assert timing["examples_per_s"] == pytest.approx(1e9 / 15_000)
    assert (timing["start_ns"], timing["import_ns"]) == (412_000_000, 78_000_000)


def test_batches_are_told_apart_in_tables_and_plots(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle))
    append(build / "results.jsonl", timed(bundle, batch=64, threads=2))
    text, _, summary = report(build)
    found = [(item["threads"], item["batch"]) for item in summary["latency"]["timings"]]
    assert found == [(1, 1), (2, 64)]
    assert "int8 · litert-xnnpack · 2 threads · batch 64" in text


def test_software_devices_are_in_a_table_of_their_own_and_in_no_plot(
    build: Path, tiny_bundle: Build
) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle))
    emulated = timed(bundle, runtime="litert-gpu", device="SwiftShader 5", software=True)
    append(build / "results.jsonl", emulated)
    text, markdown, _ = report(build)
    assert all("litert-gpu" not in drawing for drawing in re.findall(r"<svg.*?</svg>", text, re.S))
    before, _ = words(text).split("Software devices")
    assert "litert-gpu" not in before[before.index("Latency") :]
    assert "litert-gpu" not in markdown.split("### Software devices")[0]


def test_only_software_devices_still_make_a_page(build: Path, tiny_bundle: Build) -> None:
    append(build / "results.jsonl", timed(tiny_bundle(), device="SwiftShader", software=True))
    text, markdown, _ = report(build)
    assert "on SwiftShader" in text and "on SwiftShader" in markdown
    assert "latency-0-wide" not in text


def test_what_is_unstable_keeps_its_reasons(build: Path, tiny_bundle: Build) -> None:
    reasons = ("drift of +4.1% from the first block to the last", "preempted 900 times in 1.0 s")
    append(build / "results.jsonl", timed(tiny_bundle(), unstable=reasons))
    assert report(build)[2]["latency"]["timings"][0]["unstable"] == list(reasons)


def test_rows_of_bare_files_are_of_no_build(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle))
    append(build / "results.jsonl", timed(bundle, model="mine", recipe="file", part="model"))
    _, _, summary = report(build)
    assert len(summary["latency"]["timings"]) == 1 and summary["latency"]["stale"] == 0


def test_a_clock_of_zeros_does_not_break_the_page(build: Path, tiny_bundle: Build) -> None:
    append(build / "results.jsonl", timed(tiny_bundle(), samples_ns=(0, 0), settled=False))
    text, _, summary = report(build)
    assert summary["latency"]["timings"][0]["interval"] is None and "unsettled" in text


def test_machines_are_kept_apart(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    append(build / "results.jsonl", timed(bundle))
    append(build / "results.jsonl", timed(bundle, machine={**MACHINE, "cpu": "Slow 1"}))
    latency = report(build)[2]["latency"]
    assert [item["machine"] for item in latency["timings"]] == [0, 1]
    assert [item["cpu"] for item in latency["machines"]] == ["Fast 9000", "Slow 1"]


def test_a_worker_that_failed_is_no_timing(build: Path, tiny_bundle: Build) -> None:
    row = timed(tiny_bundle(), samples_ns=(), block=None, error="worker hung", code=5)
    append(build / "results.jsonl", row)
    assert report(build)[2]["latency"]["timings"] == []


def test_steps_are_those_that_the_manifest_holds(build: Path, tiny_bundle: Build) -> None:
    known(tiny_bundle("float32"), 1.0, 4_000)
    known(tiny_bundle(recipe="p60-int8"), 1.0625, 1_000, control=0.08)
    known(tiny_bundle(recipe="int8"), 1.01, 2_000)  # its manifest has no settings
    _, _, summary = report(build)
    assert [item["recipe"] for item in summary["exports"]] == ["float32", "int8", "p60-int8"]
    steps = {item["recipe"]: item["steps"] for item in summary["exports"]}
    assert steps["int8"] == "" and "prune 60" in steps["p60-int8"]


def test_a_caution_is_of_the_export_whose_loss_is_high(build: Path, tiny_bundle: Build) -> None:
    told(tiny_bundle(recipe="p60-int8"), None, 1.75, control=0.08)
    told(tiny_bundle(recipe="int8"), None, 1.25)
    text, markdown, summary = report(build)
    cautions = {item["recipe"]: item["caution"] for item in summary["exports"]}
    assert cautions["int8"] == "" and "1.75 times the control's" in cautions["p60-int8"]
    assert cautions["p60-int8"] in words(text)
    assert "tiny/int8: " not in markdown
    assert summary["models"][0]["caution"] == ""


def test_an_original_that_is_worse_than_the_mean_is_said_at_its_card(
    build: Path, tiny_bundle: Build
) -> None:
    tiny_bundle(mean_loss=0.001)
    text, markdown, summary = report(build)
    wanted = "tiny: the model does worse than the mean of its data: its test MSE"
    assert wanted in words(text[: text.index("<nav")]) and wanted in markdown
    assert "gives 0.001" in summary["models"][0]["caution"]


def test_steps_are_those_of_the_export_whatever_todays_recipe_says(
    build: Path, tiny_bundle: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "mine": recipes.to_table(recipes.find("p60-int8", ["prune.sparsity=0.625"])),
        "gone": recipes.to_table(recipes.find("p80-c16-pcqat-int8")),
        "newer": {"quantization": "int8", "steps": ["distil"]},
    }
    for name, table in settings.items():
        root = tiny_bundle(recipe=name).root
        manifest = json.loads((root / "manifest.json").read_text())
        tampering.rewrite(root, manifest | {"settings": table})
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "mine.toml").write_text('extends = "p80-int8"\n')
    monkeypatch.chdir(tmp_path)
    found = {item["recipe"]: item["steps"] for item in report(build)[2]["exports"]}
    assert found == {
        "mine": "prune 62.5 % → int8 per channel",
        "gone": "prune 80 % → cluster 16 → qat → int8 per channel",
        "newer": "",
    }


def test_where_every_byte_went_is_in_the_page(build: Path, tiny_bundle: Build) -> None:
    told(tiny_bundle(), 1_234)
    told(tiny_bundle("float32"))  # of an older edgeae: it tells of neither
    text, _, summary = report(build)
    found = [row for row in rows_of(text) if row[0] == "autoencoder.tflite"]
    rows = {tuple(row[:2]): row[2:] for row in found if len(row) == 13}
    rows |= {tuple(row[:3]): row[3:] for row in found if len(row) == 6}
    row = rows["autoencoder.tflite", "int8"]
    assert row[1:5] == ["224", "112", "96", "11"]
    assert row[6:] == ["1,234", "1,204", "20", "10", "0"]
    assert rows["autoencoder.tflite", "float32"][6:] == [""] * 5
    assert rows["autoencoder.tflite", "int8", "224"][:2] == ["77", "1.14.0"]
    (old,) = (item for item in summary["exports"] if item["recipe"] == "float32")
    assert old["packed_smaller"] is None and old["files"][2]["packed"] is None


def test_losses_by_label_mark_the_label_that_suffers_most(build: Path, tiny_bundle: Build) -> None:
    told(tiny_bundle("float32"), labels={key: [it[0], None, it[0]] for key, it in LABELS.items()})
    told(tiny_bundle(), labels=LABELS)
    with_control = {key: [a, 0.02, b] for key, (a, _, b) in LABELS.items()}
    told(tiny_bundle(recipe="tuned"), control=0.1, labels=with_control)
    text, markdown, _ = report(build)
    rows = rows_of(text)
    at = rows.index(["", "2", "9", "10"])
    assert rows[at + 1 : at + 5] == [
        ["float32, MSE", "0.010000", "▲ 0.040000", "0.020000"],
        ["float32", "1.0000", "1.0000", "1.0000"],  # no label suffers
        ["int8", "1.0000", "1.2500", "▲ 1.5000"],
        ["tuned", "0.5000", "▲ 2.5000", "1.5000"],  # against the control
    ]
    assert "| 10 (1.5000) |" in markdown and "| 9 (2.5000) |" in markdown


def test_without_labels_there_is_no_table_of_them(build: Path, tiny_bundle: Build) -> None:
    tiny_bundle()
    assert "loss by label" not in report(build)[0]


def test_fronts_are_of_each_models_own_exports(build: Path, tiny_bundle: Build) -> None:
    for recipe, packed, ratio, block in (
        ("a", 900, 1.0, 10),
        ("b", 500, 1.02, 12),
        ("c", 600, 1.1, 25),
        ("d", 100, 1.8, 20),
    ):
        bundle = told(tiny_bundle(recipe=recipe), packed, ratio)
        append(build / "results.jsonl", timed(bundle, block=block))
    # one runtime more, that timed fewer of them
    append(build / "results.jsonl", timed(bundle, runtime="litert-reference"))
    append(build / "results.jsonl", timed(bundle, runtime="null"))
    told(tiny_bundle(model="alone"), 50, 1.0)
    text, markdown, summary = report(build)
    size, latency = summary["fronts"]  # one export makes no front
    assert (size["model"], size["cost"], size["runtime"]) == ("tiny", "packed bytes", "")
    assert [(p["recipe"], p["cost"], p["best"], p["knee"]) for p in size["points"]] == [
        ("d", 100, True, False),
        ("b", 500, True, True),
        ("c", 600, False, False),
        ("a", 900, True, False),
    ]
    assert [p["ratio"] for p in size["points"]] == pytest.approx([1.8, 1.02, 1.1, 1.0])
    assert (latency["part"], latency["runtime"]) == ("autoencoder", "litert-xnnpack")
    assert [(p["recipe"], p["cost"], p["best"]) for p in latency["points"]] == [
        ("c", 6_000, True),
        ("d", 7_500, False),
        ("b", 12_500, True),
        ("a", 15_000, True),
    ]
    assert "the front is d, b (the knee), a" in markdown
    drawings = re.findall(r'<svg[^>]*"front-\d-548-title.*?</svg>', text, re.S)
    assert len(drawings) == 2
    assert "loss against latency of the autoencoder on litert-xnnpack" in words(text)


def test_a_front_against_latency_is_of_one_machine_and_names_it(
    build: Path, tiny_bundle: Build
) -> None:
    box, pi = {**MACHINE, "host": "box"}, {**MACHINE, "host": "pi", "worker": "pi4"}
    for recipe, machines in (("a", (pi, box)), ("b", (box,)), ("c", (pi, box))):
        bundle = told(tiny_bundle(recipe=recipe), 900, 1.0)
        for machine in machines:  # 15 µs here, 150 µs there
            row = timed(bundle, block=10 if machine is box else 1, machine=machine)
            append(build / "results.jsonl", row)
    text, markdown, summary = report(build)
    (front,) = [item for item in summary["fronts"] if item["cost"] == "latency"]
    place = [facts["host"] for facts in summary["latency"]["machines"]].index("box")
    assert front["machine"] == place
    assert [point["cost"] for point in front["points"]] == [15_000] * 3
    told_as = f"loss against latency of the autoencoder on litert-xnnpack, machine {place + 1}"
    assert told_as in words(text) and told_as in markdown
    assert f"machine {2 - place}: pi4 on pi: Fast 9000" in markdown
    for page in (words(text), markdown):
        assert "compare only times of one machine" in page


def test_the_encoder_stands_in_where_no_autoencoder_was_timed(
    build: Path, tiny_bundle: Build
) -> None:
    for recipe in ("a", "b"):
        bundle = tiny_bundle(recipe=recipe)
        sha256 = bundle.artifact("encoder").sha256
        row = timed(bundle, part="encoder", artifact_sha256=sha256)
        append(build / "results.jsonl", row)
    (front,) = report(build)[2]["fronts"]
    assert (front["cost"], front["part"]) == ("latency", "encoder")


def test_the_verdict_names_a_few_and_counts_the_rest(build: Path, tiny_bundle: Build) -> None:
    for number in range(7):
        tiny_bundle(recipe=f"r{number}")
    verified(tiny_bundle(recipe="last"), PASSED)
    sentence = report(build)[2]["verdict"]["sentence"]
    assert "tiny/r3 and 3 more. The others are." in sentence and "r4" not in sentence


def test_markdown_and_json_agree(build: Path, tiny_bundle: Build) -> None:
    for number, recipe in enumerate(("int8", "float32")):
        bundle = tiny_bundle(recipe)
        verified(bundle, PASSED)
        append(build / "results.jsonl", timed(bundle, block=10 + number))
    _, markdown, summary = report(build)
    rows = [line.split(" | ") for line in markdown.splitlines() if line.startswith("| tiny")]
    losses, latencies, cold = rows[:2], rows[2:4], rows[4:]
    assert [row[3] for row in losses] == [
        f"{item['loss']['exported']:.6f}" for item in summary["exports"]
    ]
    assert [row[1] for row in latencies] == [
        item["recipe"] for item in summary["latency"]["timings"]
    ]
    assert [row[:6] for row in cold] == [row[:6] for row in latencies]
    widths = {line.count("|") for line in markdown.splitlines() if line.startswith("|")}
    assert len(widths) == 3  # the ladder, latencies and cold starts


def test_hostile_names_are_text(build: Path, tiny_bundle: Build) -> None:
    name = "<script src=x>|`&\"'" + "w" * 80
    bundle = tiny_bundle(model=name, recipe="<img src=x onerror=y>")
    verified(bundle, FAILED, replace(ABSENT, reasons=("</style><script>z</script>",)))
    append(build / "results.jsonl", timed(bundle))
    append(build / "results.jsonl", absent("<b>", "<script>"))
    text, markdown, _ = report(build)
    found = Reader(text)
    assert "script" not in [tag for tag, _ in found.tags]
    assert all("onerror" not in attributes for _, attributes in found.tags)
    assert name in words(text)
    assert not re.search(r"(?<!\\)<", markdown)


def test_images_are_the_golden_ones(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    found = Reader(report(build)[0])
    strips = [a for tag, a in found.tags if tag == "img"]
    assert len(strips) == 3  # originals, Keras, int8
    assert all(strip["alt"] and "10 test images of tiny" in strip["alt"] for strip in strips)
    for strip, expected in zip(
        strips,
        (
            bundle.golden("image"),
            bundle.golden("reconstruction"),
            (bundle.golden("autoencoder") + 128.0) / 256,
        ),
        strict=True,
    ):
        pixels = decode(base64.b64decode((strip["src"] or "").partition(",")[2]))
        assert pixels.shape == (4, 10 * 4 + 9 * 2, 2)
        for number in range(10):
            tile = pixels[:, number * 6 : number * 6 + 4]
            wanted = np.clip(expected[number].reshape(4, 4), 0, 1) * 255
            assert np.abs(tile[:, :, 0] - wanted).max() <= 0.51
            assert (tile[:, :, 1] == 255).all()


def test_what_is_no_image_is_not_drawn(
    build: Path, tiny_bundle: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_bundle()
    monkeypatch.setattr(Bundle, "golden", lambda self, name: np.zeros((64, 3, 2, 5), np.float32))
    text = report(build)[0]
    assert "An input of 3 × 2 × 5 values is not an image" in text and "<img" not in text


def test_a_changed_golden_vector_is_an_error(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    tampering.corrupt(bundle.root / "golden" / "autoencoder.npy")
    with pytest.raises(ManifestMismatch, match=r"autoencoder\.npy"):
        write(build, build / "report")
    assert not (build / "report").exists()


def test_digits_are_not_passed_off_as_mnist(build: Path, tiny_bundle: Build) -> None:
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["dataset"]["name"] = "digits"
    tampering.rewrite(bundle.root, table)
    text, markdown, _ = report(build)
    assert "digits (scikit-learn’s, not MNIST)" in words(text)
    assert "not MNIST" in markdown


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 2}', '{"schema": 1, "rows": [{"reasons": [], "odd": 1}]}']
)
def test_damaged_findings_are_named(build: Path, tiny_bundle: Build, content: str) -> None:
    bundle = tiny_bundle()
    if content.startswith('{"schema": 1'):
        content = json.dumps(json.loads(content) | {"manifest_sha256": bundle.sha256})
    (bundle.root / "verify.json").write_text(content)
    with pytest.raises(BadInput, match=r"verify\.json"):
        write(build, build / "report")


def test_no_bundle_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="edgeae export"):
        write(tmp_path, tmp_path / "report")


def test_without_jinja2_the_remedy_is_named(
    build: Path, tiny_bundle: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_bundle()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'edgeae\[report\]'"):
        write(build, build / "report")
    assert not (build / "report").exists()


def test_report_needs_no_engine(build: Path, tiny_bundle: Build) -> None:
    tiny_bundle()
    code = (
        "import sys; from pathlib import Path; from edgeae.report.write import write\n"
        "from edgeae.families.command import train_command\n"
        f"write(Path({str(build)!r}), Path({str(build / 'report')!r}), train_command)\n"
        "heavy = {'tensorflow', 'ai_edge_litert', 'onnxruntime', 'onnx', 'sklearn'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (figures.added, 1.44e-4, "+1.4e-4"),
        (figures.added, -3.8e-8, "−3.8e-8"),
        (figures.added, 0.0, "+0.0e0"),
        (figures.share, 0.0, "0 %"),
        (figures.share, 1.3e-7, "< 0.0001 %"),
        (figures.share, 0.0088, "0.88 %"),
        (figures.share, 1.0, "100 %"),
        (figures.real, 0.0, "0"),
        (figures.real, 0.2345, "0.23"),
        (figures.real, 1.53e-5, "1.5e-5"),
        (figures.size, 50_000, "50 kB"),
        (figures.size, 1_000_000, "1 MB"),
        (figures.size, 900, "900 B"),
    ],
)
def test_figures(function: Callable[[float], str], value: float, text: str) -> None:
    assert function(value) == text


def test_the_worst_row_speaks_for_a_group() -> None:
    assert row_verdict(["pass", "fail", "crashed"]) == "crashed"
    assert row_verdict(["unavailable", "pass"]) == "pass"
    assert row_verdict([]) == "missing"


def test_ticks_are_round_and_inside() -> None:
    assert linear_ticks(0.0061, 0.0118) == pytest.approx([0.007, 0.008, 0.009, 0.01, 0.011])
    assert log_ticks(40_000, 1_200_000) == [50_000, 100_000, 200_000, 500_000, 1_000_000]
    for low, high in ((1.0, 1.001), (0.3, 7e8), (5.0, 50.0)):
        assert all(low <= tick <= high for tick in log_ticks(low, high))


def test_labels_cover_nothing() -> None:
    frame = (0.0, 0.0, 300.0, 200.0)
    points = [(100.0 + step, 100.0 + step % 3) for step in range(12)]
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in points]
    for x, y in points:
        box = place(x, y, 60, taken, frame)
        assert box is not None and is_free(box, taken)
        taken.append(box)
    assert place(150, 100, 60, [frame], frame) is None


@pytest.mark.system
def test_a_laptop_scrolls_nothing_sideways(build: Path, tiny_bundle: Build, tmp_path: Path) -> None:
    engines = ("litert-builtin", "litert-reference", "onnxruntime-cpu")
    others = [replace(PASSED, runtime=name, max_lsb=36, share_over_1lsb=3.6e-5) for name in engines]
    tuned = ["p80-c16-pcqat-int8", "p50-c16-pcqat-int8", "c16-cqat-int8", "p80-pqat-int8"]
    tuned += ["p50-pqat-int8", "qat-int8", "p80-int8"]
    for recipe in ("float32", "int8-per-tensor", *tuned):
        flavour = "float32" if recipe == "float32" else "int8"
        bundle = told(tiny_bundle(flavour, recipe=recipe), 123_456, 1.0203, labels=LABELS)
        bundle = large(bundle, recipes.to_table(recipes.find(recipe)))
        verified(bundle, FAILED if recipe == "int8-per-tensor" else PASSED, *others, ABSENT)
        for runtime in ("litert-xnnpack", "litert-reference", "null"):
            odd = timed(bundle, runtime=runtime, settled=False, unstable=("load: " + "w" * 9,) * 12)
            append(build / "results.jsonl", odd)
    text, _, _ = report(build)
    found = in_a_browser(text, tmp_path, 1280)
    assert found["page"] <= 1280 and found["cut"] == []
    assert text.count('class="scroll"') >= 10 and found["wide"] == []


def large(bundle: Bundle, settings: dict) -> Bundle:
    """Rewrite a manifest: figures of a model of two million weights, and the recipe's settings."""
    table = json.loads((bundle.root / "manifest.json").read_text())
    for item in table["artifacts"]:
        item |= {"bytes": 1_892_256, "gzip_bytes": 1_612_869, "macs": 2_110_592}
        item |= {"nonzero_macs": 1_984_433, "sparsity": {"encoder_1/kernel": 0.5}}
        item["causes"] = {"weights": 1_842_368, "biases": 8_960, "quantization": 23_484}
        item["causes"] |= {"graph": 3_344}
        item["packed"] = {"weights": 1_842_368, "biases": 8_960, "scales": 6_000, "tables": 256}
    return tampering.rewrite(bundle.root, table | {"settings": settings})


@pytest.mark.system
def test_a_phone_scrolls_no_page_sideways(build: Path, tiny_bundle: Build, tmp_path: Path) -> None:
    for recipe in ("int8", "float32", "a-recipe-with-a-rather-long-name"):
        flavour = "float32" if recipe == "float32" else "int8"
        bundle = tiny_bundle(flavour, recipe=recipe)
        verified(bundle, FAILED if recipe == "int8" else PASSED, ABSENT)
        for runtime in ("litert-xnnpack", "litert-reference", "null"):
            append(build / "results.jsonl", timed(bundle, runtime=runtime))
    append(build / "results.jsonl", absent("tensorflow-gpu", "needs " + "n" * 90))
    broken = timed(bundle, runtime="litert-builtin", samples_ns=(), error="e" * 90)
    append(build / "results.jsonl", broken)
    text, _, _ = report(build)
    found = on_a_phone(text, tmp_path)
    assert found["page"] <= 390
    assert found["wide"]  # what is too wide scrolls in its own container
    assert found["cut"] == []


def on_a_phone(text: str, tmp_path: Path) -> dict:
    return in_a_browser(text, tmp_path, 390)
