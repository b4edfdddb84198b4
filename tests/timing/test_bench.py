import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import odd_runtimes
import pytest
import tiny
from tampering import add_onnx, corrupt, replace_golden, swap_rows

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.verified_artifact import open_program
from edgeae.errors import BadInput, OutOfTolerance
from edgeae.runtimes import Device, load
from edgeae.system import children
from edgeae.timing import bench as stage
from edgeae.timing import worker
from edgeae.timing.bench import bench, probe
from edgeae.timing.conditions import Conditions, reasons
from edgeae.timing.measurement import StoppingRule
from edgeae.timing.results import Result, append, read_results
from edgeae.timing.suite import Job, Suite, expand

LITERT = ("litert-xnnpack", "litert-builtin", "litert-reference")
SECONDS = 0.05


def time_all(bundles: list[Bundle], results: Path, *runtimes: str, part="autoencoder", say=None):
    suite = Suite("s", parts=(part,), runtimes=runtimes or ("*",))
    return list(bench(expand(suite, bundles), SECONDS, results, say or (lambda line: None)))


@pytest.fixture(scope="module")
def timed(tmp_path_factory) -> tuple[list[Result], list[str], Path, Bundle]:
    """One real bench: a float and an int8 bundle in engines, one of which is absent."""
    folder = tmp_path_factory.mktemp("timed")
    engines = (*LITERT, "onnxruntime-cpu", "null")
    floats = add_onnx(tiny.write_bundle(folder / "tiny" / "float32", "float32"))
    integers = tiny.write_bundle(folder / "tiny" / "int8", "int8")
    results, said = folder / "results.jsonl", []
    with odd_runtimes.known(folder):
        rows = time_all([floats], results, *engines, "odd-absent", say=said.append)
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


@pytest.mark.cold
def test_memory_is_the_workers_own_peak(tiny_bundle, tmp_path):
    ballast = np.ones(30_000_000)  # 240 MB that a worker must not be charged for
    (row,) = time_all([tiny_bundle()], tmp_path / "r.jsonl", "litert-xnnpack")
    assert 0 < row.rss_peak_bytes < 150_000_000
    del ballast


def test_an_absent_runtime_is_one_row_with_the_remedy(timed):
    rows, said, _, _ = timed
    absent = [row for row in rows if row.error]
    assert [row.runtime for row in absent] == ["odd-absent"]
    assert all(row.code == 3 and row.samples_ns == () for row in absent)
    assert absent[0].error == "no such board is connected; plug one in"
    assert said == [f"odd-absent: {absent[0].error}"]


def test_a_cold_start_is_made_of_its_parts(timed):
    for row in timed[0]:
        if not row.error:
            assert row.import_ns > 0 and row.import_ns + row.load_ns + row.first_ns < row.start_ns
            assert row.start_ns < 60_000_000_000


class Mine:
    """A runtime that remembers when it was first asked; its session is itself."""

    answers, note, first_ns = True, "", 0

    def version(self) -> str:
        return "1"

    def device(self) -> Device:
        return Device("mine")

    def open(self, program: object, threads: int, batch: int) -> "Mine":
        return self

    open_fixed = open

    def run(self, x: np.ndarray) -> np.ndarray:
        self.first_ns = self.first_ns or time.monotonic_ns()
        return x

    def close(self) -> None:
        pass


def test_answers_are_checked_after_the_first_was_timed(monkeypatch):
    mine, checked_ns, program = Mine(), [], tiny.program("encoder", "int8")

    def check(*arguments: object) -> None:
        checked_ns.append(time.monotonic_ns())
        time.sleep(0.2)  # must not count as a cold start

    monkeypatch.setattr(worker, "load", lambda name: mine)
    monkeypatch.setattr(worker, "check_finite", check)
    monkeypatch.setattr(worker, "program_of", lambda job: program)
    spawned_ns = time.monotonic_ns()
    job = {"runtime": "mine", "golden": None, "batch": 1, "threads": 1, "spawned_ns": spawned_ns}
    (row,) = worker.work({**job, "patience": asdict(StoppingRule(max_ns=1, warm_up_ns=1))})
    assert mine.first_ns - spawned_ns <= row["start_ns"] <= checked_ns[0] - spawned_ns


def test_the_fixed_cost_stands_beside_each_latency(timed):
    for row in timed[0]:
        if not row.error:
            assert len(row.fixed_samples_ns) >= len(row.samples_ns) // 3
            fixed = statistics.median(row.fixed_samples_ns) / row.fixed_block
            assert 0 < fixed < 300 * statistics.median(row.samples_ns) / row.block  # in one unit


def test_a_row_tells_how_it_was_measured(timed):
    for row in timed[0]:
        if not row.error:
            assert row.warm_up_ns > 0 and row.warmed_up in (True, False)
            assert row.resolution_ns >= 1 and row.clock_ns > 0 and row.loop_ns > 0
            # the clock's share of a block
            assert row.clock_ns < 0.01 * statistics.median(row.samples_ns)
            before, after = (Conditions(**row.conditions[key]) for key in ("before", "after"))
            assert before.at_s < after.at_s
            assert row.unstable == reasons(before, after, row.samples_ns, 0.01, row.warmed_up)


def test_rows_of_one_bench_share_session_and_seed(timed):
    rows = timed[0]
    for recipe in ("float32", "int8"):
        own = [row for row in rows if row.recipe == recipe]
        assert len({(row.session, row.seed) for row in own}) == 1 and own[0].session
    assert len({row.session for row in rows}) == 2


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
    assert numbers == list(range(len(numbers))) and len(numbers) >= 5


def order(jobs: list[Job], rounds: int, seed: int) -> list[tuple[int, str]]:
    return [(number, job.runtime) for number, job in stage.in_rounds(jobs, rounds, seed)]


def test_each_round_has_every_job_in_an_order_of_its_own(tiny_bundle):
    jobs = expand(Suite("s"), [tiny_bundle()])
    found = list(stage.in_rounds(jobs, 4, seed=7))
    rounds = [[job for number, job in found if number == place] for place in range(4)]
    assert [number for number, _ in found] == sorted(number for number, _ in found)
    for done in rounds:
        assert len(done) == len(jobs) and all(job in done for job in jobs)
    assert len({tuple(map(id, done)) for done in rounds}) == 4


def test_the_order_can_be_had_again_from_its_seed(tiny_bundle):
    jobs = expand(Suite("s"), [tiny_bundle()])
    assert order(jobs, 3, seed=7) == order(jobs, 3, seed=7) != order(jobs, 3, seed=8)
    # more rounds leave the earlier ones as they were
    assert order(jobs, 5, seed=7)[: 3 * len(jobs)] == order(jobs, 3, seed=7)


def test_rounds_are_fresh_processes_whose_rows_say_which(tiny_bundle, tmp_path):
    jobs = expand(Suite("s", parts=("encoder",), runtimes=("null",)), [tiny_bundle()])
    results = tmp_path / "r.jsonl"
    rows = list(bench(jobs, SECONDS, results, print, rounds=3, seed=11))
    assert [(row.round, row.process, row.seed) for row in rows] == [
        (0, 0, 11),
        (1, 1, 11),
        (2, 2, 11),
    ]
    assert len({row.session for row in rows}) == 1 and read_results(results) == rows


def test_a_drawn_seed_is_recorded(tiny_bundle, tmp_path):
    jobs = expand(Suite("s", parts=("encoder",), runtimes=("null",)), [tiny_bundle()])
    seeds = [
        row.seed for _ in range(2) for row in bench(jobs, SECONDS, tmp_path / "r.jsonl", print)
    ]
    assert all(seed is not None and seed >= 0 for seed in seeds) and len(set(seeds)) == 2


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


@pytest.mark.parametrize("batch", [3, 64, 100])
@pytest.mark.parametrize("flavour", ["float32", "int8"])
def test_every_example_of_a_batch_is_checked(batch, flavour, tiny_bundle, tmp_path):
    bundle = tiny_bundle(flavour)
    suite = Suite("s", parts=("autoencoder",), runtimes=("litert-reference",), batch=(batch,))
    (row,) = bench(expand(suite, [bundle]), SECONDS, tmp_path / "r.jsonl", print)
    assert row.error is None and row.batch == batch and row.samples_ns
    wrong = swap_rows(bundle, "autoencoder")
    (row,) = bench(expand(suite, [wrong]), SECONDS, tmp_path / "r.jsonl", print)
    assert row.code == 1 and row.error.startswith("wrong answer on the golden vectors")


@pytest.mark.parametrize("place", [0, 4, 7])
def test_one_wrong_answer_in_a_batch_is_enough(place, tiny_bundle):
    bundle = tiny_bundle("float32")
    program = open_program(bundle.root, "encoder", "tflite")
    session = load("litert-reference").open(program, 1, 8)
    inputs = worker.golden_inputs(program, bundle)
    whole = np.concatenate([session.run(chunk) for chunk in np.split(inputs, 8)])
    worker.check_golden(session, program, bundle, inputs, "litert-reference", 8)

    def spoilt(x: np.ndarray) -> np.ndarray:
        answer = session.run(x)
        if np.array_equal(answer, whole[-8:]):
            answer[place] += 1
        return answer

    wrong = types.SimpleNamespace(run=spoilt)
    with pytest.raises(OutOfTolerance, match="wrong answer on the golden vectors"):
        worker.check_golden(wrong, program, bundle, inputs, "litert-reference", 8)


def test_a_larger_batch_takes_longer(tiny_bundle, tmp_path):
    suite = Suite("s", parts=("autoencoder",), runtimes=("litert-reference",), batch=(1, 256))
    rows = bench(expand(suite, [tiny_bundle()]), SECONDS, tmp_path / "r.jsonl", print)
    p50 = {row.batch: statistics.median(row.samples_ns) / row.block for row in rows}
    assert p50[256] > 5 * p50[1]


@dataclass
class Answering:
    """A session that gives these answers, whatever it is asked."""

    answers: np.ndarray
    note: str = ""

    def run(self, x: np.ndarray) -> np.ndarray:
        return self.answers

    def close(self) -> None:
        pass


def test_too_few_answers_to_a_batch_are_wrong():
    program = tiny.program("encoder", "float32")
    with pytest.raises(OutOfTolerance, match="a call of 8 examples gave 1 answers"):
        worker.check_finite(
            Answering(np.zeros((1, 4), np.float32)), program, np.zeros((8, 16), np.float32), 8
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bare_file_that_answers_nonsense_is_not_timed(bad):
    program = tiny.program("encoder", "float32")
    answers = np.zeros((4, 4), np.float32)
    answers[3, 3] = bad
    with pytest.raises(OutOfTolerance, match="NaN or infinity on random inputs"):
        worker.check_finite(Answering(answers), program, np.zeros((8, 16), np.float32), 4)
    worker.check_finite(
        Answering(np.zeros((4, 4), np.float32)), program, np.zeros((8, 16), np.float32), 4
    )


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("float32", 0, 1), ("float16", 0, 1), ("int8", -128, 127), ("uint8", 0, 255), ("int64", 0, 1)],
)
def test_random_inputs_are_of_the_inputs_type_and_always_the_same(dtype, low, high):
    artifact = tiny.program("encoder").artifact
    spec = replace(artifact.input, shape=(1, 30, 30), dtype=dtype)
    inputs = worker.seeded_inputs(replace(artifact, inputs=(spec,)), 20)
    assert inputs.shape == (20, 30, 30) and inputs.dtype == np.dtype(dtype)
    assert inputs.min() >= low and inputs.max() <= high and len(np.unique(inputs)) > 1
    if dtype in ("int8", "uint8"):
        assert (inputs.min(), inputs.max()) == (low, high)
    again = worker.seeded_inputs(replace(artifact, inputs=(spec,)), 20)
    assert np.array_equal(inputs, again)


def test_an_input_that_is_no_number_is_refused():
    artifact = tiny.program("encoder").artifact
    spec = replace(artifact.input, dtype="bool")
    with pytest.raises(BadInput, match="input is bool: allowed are"):
        worker.seeded_inputs(replace(artifact, inputs=(spec,)))


def bare(folder: Path, name: str, content: bytes) -> list[Job]:
    (folder / name).write_bytes(content)
    suite = Suite("s", artifacts=(str(folder / name),), models=(), runtimes=LITERT[1:2])
    return expand(suite, [])


def test_a_bare_file_is_timed_without_golden_vectors(tmp_path):
    content = tiny.program("autoencoder", "int8").content
    (row,) = bench(bare(tmp_path, "a.tflite", content), SECONDS, tmp_path / "r.jsonl", print)
    assert (row.recipe, row.part, row.error) == ("file", "model", None)
    assert row.model == str(tmp_path / "a.tflite")  # two files of one name are two models
    assert row.samples_ns and row.fixed_samples_ns and row.bytes == len(content)


def test_a_bare_file_that_changes_meanwhile_is_not_timed(tmp_path):
    jobs = bare(tmp_path, "a.tflite", tiny.program("autoencoder", "int8").content)
    (tmp_path / "a.tflite").write_bytes(tiny.program("autoencoder", "float32").content)
    row = only(list(bench(jobs, SECONDS, tmp_path / "r.jsonl", print)))
    assert row.code == 4 and row.error == f"{tmp_path / 'a.tflite'}: changed since this bench began"


def test_a_batch_that_a_runtime_refuses_is_a_row_and_the_others_still_run(
    odd, tiny_bundle, tmp_path
):
    suite = Suite("s", parts=("encoder",), runtimes=("odd-one-only",), batch=(1, 8))
    rows = bench(expand(suite, [tiny_bundle()]), SECONDS, tmp_path / "r.jsonl", print)
    found = {row.batch: row for row in rows}
    assert found[1].error is None and found[1].samples_ns
    assert found[8].code == 2 and found[8].error.endswith("takes one example a call")


def test_a_batch_built_into_an_onnx_file_is_told(tiny_bundle, tmp_path):
    bundle = add_onnx(tiny_bundle("float32"))
    suite = Suite("s", parts=("encoder",), runtimes=("onnxruntime-cpu",), batch=(8,))
    (row,) = bench(expand(suite, [bundle]), SECONDS, tmp_path / "r.jsonl", print)
    assert row.error is None and row.batch == 8  # its batch is free


def test_a_software_device_is_marked(odd, tiny_bundle, tmp_path):
    names = ("odd-software", "litert-reference")
    found = {row.runtime: row for row in time_all([tiny_bundle()], tmp_path / "r.jsonl", *names)}
    assert found["odd-software"].software and not found["litert-reference"].software
    assert found["odd-software"].device == "nothing"


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
        return run(module, job, timeout_s=1 if job["runtime"] == "odd-hang" else timeout_s)

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
        "software": True,
        "start_ns": 3,
        "import_ns": 4,
        "load_ns": 5,
        "first_ns": 6,
        "block": 7,
        "samples_ns": [30, 10, 20],
        "settled": True,
        "fixed_block": 9,
        "fixed_samples_ns": [3, 1],
        "unstable": ["because"],
        "rss_peak_bytes": 8,
        "note": "n",
    }
    given_s = []

    def spy(module, job, *, timeout_s):
        given_s.append(timeout_s)
        return [{"version": "1", "device": "d"}] if module.endswith("runtimes.child") else [answer]

    monkeypatch.setattr(children, "run", spy)
    jobs = expand(Suite("s", parts=("encoder",), runtimes=("null",)), [tiny_bundle()])
    (row,) = bench(jobs, 500.0, tmp_path / "r.jsonl", lambda line: None)
    table = asdict(row)
    tuples = {"samples_ns": (30, 10, 20), "fixed_samples_ns": (3, 1), "unstable": ("because",)}
    assert {key: table[key] for key in answer} == {**answer, **tuples}
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


#: A row as the first schema had it, written out: nothing here follows from the code.
OLD = (
    '{"model": "deep", "recipe": "int8", "part": "encoder", "format": "tflite", "flavour": "int8",'
    ' "artifact_sha256": "ab", "bytes": 5, "runtime": "null", "threads": 1, "machine": {},'
    ' "commit": null, "runtime_version": "0.1.0", "device": "cpu", "batch": 1, "process": 3,'
    ' "load_ns": 10, "first_ns": 20, "block": 30, "samples_ns": [300, 301], "settled": true,'
    ' "rss_peak_bytes": 40, "error": null, "code": 0, "note": ""}'
)


def test_rows_of_the_first_schema_are_still_read(tmp_path):
    results = tmp_path / "results.jsonl"
    results.write_text(f"{OLD}\n")
    append(results, ROW)
    old, new = read_results(results)
    assert new == ROW and new.schema == 4
    assert (old.schema, old.process, old.samples_ns) == (1, 3, (300, 301))
    assert (old.session, old.software, old.fixed_samples_ns, old.start_ns) == ("", False, (), None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"software": True}, "software"),  # not in that schema
        ({"schema": 5}, "schema = 5: this edgeae reads schema 1 and 2 and 3 and 4"),
        ({"schema": 2}, "missing or unknown"),
        ({"schema": 3}, "missing or unknown"),
        ({"schema": 4}, "missing or unknown"),
        ({"schema": []}, "schema = []: this edgeae reads schema 1 and 2 and 3 and 4"),
    ],
)
def test_rows_of_no_known_schema_are_refused(change, said, tmp_path):
    results = tmp_path / "results.jsonl"
    results.write_text(json.dumps(json.loads(OLD) | change) + "\n")
    with pytest.raises(BadInput, match=r"results\.jsonl:1: not a results row") as caught:
        read_results(results)
    assert said in str(caught.value)


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
        pytest.param(lambda line: line.replace(b'{"cpu": "\\u00e9"}', b'"m"'), id="machine"),
        pytest.param(lambda line: line.replace(b'"threads": 1', b'"threads": null'), id="null"),
        pytest.param(lambda line: line.replace(b'"block": null', b'"block": "many"'), id="text"),
        pytest.param(
            lambda line: line.replace(b'"samples_ns": []', b'"samples_ns": [null]'), id="item"
        ),
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
        with pytest.raises(OSError, match="File too large") as caught:
            append(results, ROW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.filename == str(results)
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
        [*command, *(f"--runtime={name}" for name in LITERT), "--build", str(tmp_path / "build")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as parent:
        while not results.exists() or results.read_bytes().count(b"\n") < 2:
            assert parent.poll() is None
            time.sleep(0.02)
        parent.send_signal(signal.SIGKILL)
    assert len(read_results(results)) >= 2
