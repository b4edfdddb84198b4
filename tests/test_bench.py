import json
import os
import resource
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from tampering import add_onnx, corrupt, replace_golden, swap_rows

from edgeae import children
from edgeae.bundle import Bundle
from edgeae.errors import BadInput
from edgeae.timing import bench as stage
from edgeae.timing.bench import Result, append, bench, probe, read_results
from edgeae.timing.suite import Suite, expand

LITERT = ("litert-xnnpack", "litert-builtin", "litert-reference")
SECONDS = 0.05


def time_all(bundles: list[Bundle], results: Path, *runtimes: str, part="autoencoder", say=None):
    suite = Suite("s", parts=(part,), runtimes=runtimes or ("*",))
    return list(bench(expand(suite, bundles), SECONDS, results, say or (lambda line: None)))


@pytest.fixture(scope="module")
def timed(tmp_path_factory) -> tuple[list[Result], list[str], Path, Bundle]:
    """One real bench: a float and an int8 bundle in everything that opens them."""
    folder = tmp_path_factory.mktemp("timed")
    floats = add_onnx(tiny.write_bundle(folder / "tiny" / "float32", "float32"))
    integers = tiny.write_bundle(folder / "tiny" / "int8", "int8")
    results, said = folder / "results.jsonl", []
    rows = time_all([floats], results, say=said.append)
    rows += time_all([integers], results, "litert-xnnpack", "litert-reference", "null")
    return rows, said, results, floats


def test_every_job_gives_one_whole_row(timed):
    rows, _, _, _ = timed
    found = [(row.recipe, row.format, row.runtime) for row in rows if not row.error]
    assert sorted(found) == sorted(
        [("float32", "tflite", name) for name in (*LITERT, "null")]
        + [("float32", "onnx", "onnxruntime-cpu")]
        + [("int8", "tflite", name) for name in ("litert-xnnpack", "litert-reference", "null")]
    )
    for row in rows:
        if not row.error:
            assert row.part == "autoencoder" and row.model == "tiny" and row.threads == 1
            assert row.code == 0 and row.runtime_version and row.device
            assert row.load_ns > 0 and row.first_ns > 0 and row.block >= 1
            assert row.machine["cores"] == os.cpu_count()


def test_samples_are_blocks_of_the_promised_length(timed):
    for row in timed[0]:
        if not row.error:
            # 0.2 to 0.4 ms on a quiet machine; the fastest block is what neighbours disturb least
            assert len(row.samples_ns) >= 2
            assert 10_000 < min(row.samples_ns) < 800_000


def test_nothing_is_faster_than_doing_nothing(timed):
    for recipe in ("float32", "int8"):
        timed_ones = [row for row in timed[0] if row.recipe == recipe and row.block]
        p50 = {row.runtime: statistics.median(row.samples_ns) / row.block for row in timed_ones}
        nothing = p50.pop("null")
        assert 0 < nothing < min(p50.values())


def test_a_row_tells_which_bytes_were_timed(timed):
    rows, _, _, floats = timed
    for row in rows:
        if row.recipe == "float32":
            content = (floats.root / f"autoencoder.{row.format}").read_bytes()
            assert row.bytes == len(content)
            assert row.artifact_sha256 == floats.artifact("autoencoder", row.format).sha256


def test_memory_is_the_workers_own_peak(tiny_bundle, tmp_path):
    ballast = np.ones(30_000_000)  # 240 MB that a worker must not be charged for
    (row,) = time_all([tiny_bundle()], tmp_path / "r.jsonl", "litert-xnnpack")
    assert 0 < row.rss_peak_bytes < 150_000_000
    del ballast


def test_an_absent_runtime_is_one_row_with_the_remedy(timed):
    rows, said, _, _ = timed
    absent = [row for row in rows if row.error]
    assert [row.runtime for row in absent] == ["onnxruntime-cuda"]
    assert absent[0].code == 3 and absent[0].samples_ns == ()
    assert "CUDAExecutionProvider" in absent[0].error and "pip install" in absent[0].error
    assert said == [f"onnxruntime-cuda: {absent[0].error}"]


def test_results_are_json_lines_that_read_back_equal(timed):
    rows, _, results, _ = timed
    assert read_results(results) == rows
    lines = results.read_text().splitlines()
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        table = json.loads(line)
        assert table.keys() == {item.name for item in fields(Result)}
        assert table["samples_ns"] == list(row.samples_ns)


def test_processes_are_numbered(timed):
    numbers = [row.process for row in timed[0] if not row.error and row.recipe == "float32"]
    assert numbers == list(range(5))


def only(rows: list[Result]) -> Result:
    (row,) = rows
    assert row.samples_ns == () and row.error and "\n" not in row.error
    return row


@pytest.mark.parametrize("flavour", ["float32", "int8"])
def test_a_wrong_answer_is_not_timed(flavour, tiny_bundle, tmp_path):
    bundle = swap_rows(tiny_bundle(flavour), "autoencoder")
    row = only(time_all([bundle], tmp_path / "r.jsonl", "litert-xnnpack"))
    assert row.code == 1
    figure = "max_abs" if flavour == "float32" else "max_lsb"
    assert row.error.startswith("wrong answer on the golden vectors") and figure in row.error
    assert read_results(tmp_path / "r.jsonl") == [row]


def test_the_golden_vectors_of_other_images_are_noticed(tiny_bundle, tmp_path):
    other = tiny.images(64, seed=99).reshape(64, 16).astype(np.float32) / np.float32(255)
    bundle = replace_golden(tiny_bundle("float32"), "image", other)
    row = only(time_all([bundle], tmp_path / "r.jsonl", "litert-reference"))
    assert row.code == 1 and "max_abs" in row.error


def test_a_decoder_is_checked_on_the_golden_codes(tiny_bundle, tmp_path):
    bundle = swap_rows(tiny_bundle("int8"), "decoder")
    row = only(time_all([bundle], tmp_path / "r.jsonl", "litert-reference", part="decoder"))
    assert row.code == 1


def test_bytes_that_the_manifest_does_not_know_are_not_timed(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    corrupt(bundle.root / "autoencoder.tflite")
    row = only(time_all([bundle], tmp_path / "r.jsonl", "litert-reference"))
    assert row.code == 4 and str(bundle.root / "autoencoder.tflite") in row.error


def test_a_crash_and_an_absence_are_rows_and_the_others_still_run(odd, tiny_bundle, tmp_path):
    names = ("litert-reference", "null", "odd-absent", "odd-crash", "odd-found-absent", "odd-nan")
    bundle = tiny_bundle("float32")
    found = {row.runtime: row for row in time_all([bundle], tmp_path / "r.jsonl", *names)}
    assert set(found) == set(names)
    assert {name: row.code for name, row in found.items()} == {
        "litert-reference": 0,
        "null": 0,
        "odd-absent": 3,
        "odd-crash": 5,
        "odd-found-absent": 3,
        "odd-nan": 1,
    }
    assert found["odd-crash"].error == "crashed with SIGSEGV"
    assert found["odd-absent"].error == "no such board is connected; plug one in"
    assert found["odd-nan"].error.endswith("NaN or infinity")
    assert {name for name, row in found.items() if row.samples_ns} == {"litert-reference", "null"}
    assert sorted(read_results(tmp_path / "r.jsonl"), key=lambda row: row.runtime) == [
        found[name] for name in names
    ]


def test_a_hang_is_a_row_and_the_others_still_run(odd, tiny_bundle, tmp_path, monkeypatch):
    run = children.run

    def impatient(module, job, *, timeout_s):
        return run(module, job, timeout_s=4 if job["runtime"] == "odd-hang" else timeout_s)

    monkeypatch.setattr(children, "run", impatient)
    rows = time_all([tiny_bundle("float32")], tmp_path / "r.jsonl", "odd-hang", "null")
    found = {row.runtime: row for row in rows}
    assert found["odd-hang"].code == 5 and found["odd-hang"].error.startswith("hung")
    assert found["null"].samples_ns


def test_a_row_is_what_the_worker_said_and_it_had_time_to_say_it(
    tiny_bundle, tmp_path, monkeypatch
):
    answer = {
        "runtime_version": "1",
        "device": "d",
        "load_ns": 5,
        "first_ns": 6,
        "block": 7,
        "samples_ns": [30, 10, 20],
        "settled": True,
        "rss_peak_bytes": 8,
        "note": "n",
    }
    given_s = []

    def spy(module, job, *, timeout_s):
        given_s.append(timeout_s)
        return [{"version": "1", "device": "d"}] if module.endswith("verify.child") else [answer]

    monkeypatch.setattr(stage.children, "run", spy)
    jobs = expand(Suite("s", parts=("encoder",), runtimes=("null",)), [tiny_bundle()])
    (row,) = bench(jobs, 500.0, tmp_path / "r.jsonl", lambda line: None)
    table = asdict(row)
    assert {key: table[key] for key in answer} == {**answer, "samples_ns": (30, 10, 20)}
    assert given_s[-1] > 500


def test_a_probe_tells_the_version_or_what_it_takes(odd):
    import importlib.metadata

    assert probe("litert-xnnpack")["version"] == importlib.metadata.version("ai-edge-litert")
    assert probe("odd-absent") == {
        "error": "no such board is connected; plug one in",
        "code": 3,
    }


ROW = Result("m", "r", "encoder", "tflite", "int8", "0" * 64, 1, "null", 1, {"cpu": "é"}, None)


def test_no_file_is_no_rows(tmp_path):
    assert read_results(tmp_path / "results.jsonl") == []


def test_rows_are_appended_in_their_order(tmp_path):
    results = tmp_path / "new" / "results.jsonl"
    rows = [replace(ROW, process=number, samples_ns=(number, 2)) for number in range(5)]
    for row in rows:
        append(results, row)
    assert read_results(results) == rows


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda line: line[: len(line) // 2], id="cut short"),
        pytest.param(lambda line: b"\xff" + line[1:], id="not text"),
        pytest.param(lambda line: b"", id="empty"),
        pytest.param(lambda line: b"[]", id="a list"),
        pytest.param(lambda line: b"7", id="a number"),
        pytest.param(lambda line: line.replace(b'"block"', b'"blocks"'), id="another key"),
        pytest.param(lambda line: line.replace(b'"samples_ns": []', b'"samples_ns": 3'), id="type"),
    ],
)
def test_a_damaged_line_is_named(damage: Callable[[bytes], bytes], tmp_path):
    results = tmp_path / "results.jsonl"
    line = json.dumps(asdict(ROW)).encode()
    results.write_bytes(b"\n".join([line, damage(line), line, b""]))
    with pytest.raises(BadInput) as caught:
        read_results(results)
    assert str(caught.value).startswith(f"{results}:2: not a results row")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_a_torn_last_line_is_no_row_and_the_next_append_cuts_it(share, tmp_path):
    results = tmp_path / "results.jsonl"
    for whole in ([], [ROW, ROW]):
        line = json.dumps(asdict(ROW)).encode()
        results.write_bytes((line + b"\n") * len(whole) + line[: int(len(line) * share)])
        assert read_results(results) == whole
        append(results, replace(ROW, process=7))
        assert read_results(results) == [*whole, replace(ROW, process=7)]
        assert results.read_bytes().count(b"\n") == len(whole) + 1


def test_a_line_is_written_whole_or_not_at_all(tmp_path):
    results = tmp_path / "results.jsonl"
    append(results, ROW)
    before = results.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            append(results, ROW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert results.read_bytes() == before
    append(results, ROW)
    assert read_results(results) == [ROW, ROW]


def test_two_benches_do_not_mix_their_lines(tmp_path):
    program = (
        "import sys; from pathlib import Path; from edgeae.timing.bench import Result, append\n"
        "row = Result('m', 'r', '', '', '', '', 1, sys.argv[2], 1, {}, None,"
        " samples_ns=tuple(range(20_000)))\n"
        "for _ in range(10): append(Path(sys.argv[1]), row)"
    )
    results = tmp_path / "results.jsonl"
    writers = [
        subprocess.Popen([sys.executable, "-c", program, results, name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert sorted(row.runtime for row in read_results(results)) == ["a"] * 10 + ["b"] * 10


def test_a_bench_that_is_killed_leaves_whole_rows(tiny_bundle, tmp_path):
    bundle = tiny_bundle("float32")
    results = tmp_path / "build" / "results.jsonl"
    command = [sys.executable, "-m", "edgeae", "bench", str(bundle.root), "--seconds", "0.05"]
    with subprocess.Popen(
        [*command, "--build", str(tmp_path / "build")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as parent:
        while not results.exists() or results.read_bytes().count(b"\n") < 2:
            assert parent.poll() is None
        parent.send_signal(signal.SIGKILL)
    assert len(read_results(results)) >= 2
