"""Emulated cores in a bench, with figures that no core measured."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from result_rows import MACHINE

from edgeae.codegen.emulation.build import Flash
from edgeae.codegen.emulation.emulator import Emulated
from edgeae.errors import OutOfTolerance
from edgeae.runtimes import load
from edgeae.timing import emulated_worker
from edgeae.timing.bench import in_rounds
from edgeae.timing.emulated import core_name, is_emulated
from edgeae.timing.pooled import pool_all
from edgeae.timing.results import Result, append, read_results
from edgeae.timing.suite import Suite, expand
from edgeae.timing.table import render

CORE = "c-cortex-m4"
FLASH = Flash(code=1_200, constants=110_000, data=8, bss=40, symbols={})
EXACT = {
    "instructions": 46_051,
    "inputs": 16,
    "flash_bytes": 111_208,
    "ram_bytes": 192 + 48 + 500,
    "code_bytes": 1_200,
    "constants_bytes": 110_000,
    "arena_bytes": 192,
    "data_bytes": 48,
    "stack_bytes": 500,
}
#: Keys of boards, new in the fourth schema.
COUNTED = ("ticks", "tick", "tick_hz")
ROW = Result(
    *("deep", "int8", "encoder", "tflite", "int8", "0" * 64, 9, CORE, 1, MACHINE, None),
    **EXACT,
)


def emulated(outputs: np.ndarray) -> Emulated:
    return Emulated("cortex-m4", outputs, 46_051, FLASH, 192, 500)


def test_an_emulated_core_is_told_from_other_runtimes():
    assert is_emulated(CORE) and is_emulated("c-rv32")
    assert not any(map(is_emulated, ("c-host", "litert-xnnpack", "no such runtime")))
    assert core_name(CORE) == "cortex-m4"


def test_figures_add_up_to_flash_and_ram():
    assert emulated_worker.exact(emulated(np.zeros((16, 4), np.int8))) == EXACT


@pytest.fixture
def core(monkeypatch):
    """Answer each input by the golden answer, or by it plus `off`."""
    state = SimpleNamespace(off=0, inputs=None, expected=None)

    def figures(program, name, inputs):
        state.inputs = inputs
        return emulated(state.expected[: len(inputs)] + np.asarray(state.off, np.int8))

    monkeypatch.setattr(emulated_worker, "figures", figures)
    monkeypatch.setattr(type(load(CORE)), "version", lambda self: "gcc 1, qemu 2")
    return state


def test_a_core_runs_the_first_golden_inputs_and_its_answers_are_checked(tiny_bundle, core):
    bundle = tiny_bundle("int8")
    core.expected = bundle.golden("encoder")
    place = str(bundle.root)
    job = {"root": place, "golden": place, "part": "encoder", "format": "tflite", "runtime": CORE}
    (row,) = emulated_worker.work(job)
    n = min(16, len(core.expected))
    assert row["instructions"] == 46_051 and row["inputs"] == n == len(core.inputs)
    assert row["runtime_version"] == "gcc 1, qemu 2" and row["software"]
    core.off = 9
    with pytest.raises(OutOfTolerance, match="wrong answer on the golden vectors"):
        list(emulated_worker.work(job))


def test_a_core_runs_another_bundles_inputs_for_the_gate(tiny_bundle, core):
    bundle, other = tiny_bundle("int8", model="mine"), tiny_bundle("float32", model="other")
    core.expected = np.zeros((16, 4), np.int8)
    artifact = json.loads(json.dumps(asdict(bundle.artifact("decoder", "tflite"))))
    job = {"golden": None, "artifact": artifact}
    job |= {"root": str(bundle.root), "part": "decoder", "format": "tflite", "runtime": CORE}
    (row,) = emulated_worker.work(job | {"inputs": [str(other.root), "decoder"]})
    assert core.inputs.dtype == np.int8  # the other's codes, quantized for this decoder
    assert row["inputs"] == len(core.inputs)
    (row,) = emulated_worker.work(job | {"inputs": None})
    assert len(core.inputs) == 16


def test_rows_of_cores_are_read_and_have_no_latency(tmp_path):
    results = tmp_path / "results.jsonl"
    append(results, ROW)
    assert read_results(results) == [ROW] and ROW.measured
    assert pool_all([ROW]) == []


def test_rows_of_the_second_and_the_third_schema_are_still_read(tmp_path):
    results = tmp_path / "results.jsonl"
    third = {key: value for key, value in asdict(ROW).items() if key not in COUNTED}
    second = {key: value for key, value in third.items() if key not in EXACT}
    tables = (second | {"schema": 2}, third | {"schema": 3})
    results.write_text("".join(json.dumps(table) + "\n" for table in tables))
    old, new = read_results(results)
    assert old.schema == 2 and old.instructions is None and not old.measured
    assert new == replace(ROW, schema=3) and new.measured and new.ticks == ()


def test_the_table_shows_counts_and_bytes_beside_no_times():
    old = replace(ROW, instructions=50_000)
    text = render([old, ROW])
    header, line, method = text.split("\n")[1:]
    assert header.split() == [
        *("model/recipe", "part", "runtime", "inputs", "instructions", "flash", "code"),
        *("constants", "RAM", "arena", "data", "stack"),
    ]
    assert line.split("  ")[0] == "deep/int8" and "46,051  111,208 B  1,200 B" in line
    assert line.endswith("740 B  192 B  48 B  500 B")
    assert method.startswith("Instructions are exact") and "p50" not in text


def test_what_a_core_cannot_take_is_a_line():
    wrong = "cortex-m0: does not fit: 12 bytes too many for 262,144 bytes of flash"
    refused = replace(ROW, instructions=None, runtime="c-cortex-m0", error=wrong, code=3)
    text = render([ROW, refused])
    assert text.split("\n")[-1] == f"deep/int8 encoder.tflite on c-cortex-m0: {wrong}"


def test_a_core_runs_once_whatever_the_threads_batches_and_rounds(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tiny.program("encoder", "int8").content)
    suite = Suite(
        "s", artifacts=(str(path),), models=(), runtimes=(CORE,), threads=(1, 2), batch=(1, 8)
    )
    jobs = expand(suite, [])
    assert [(job.runtime, job.threads, job.batch) for job in jobs] == [(CORE, 1, 1)]
    assert len(list(in_rounds(jobs, 5, 1))) == 1
    assert expand(replace(suite, runtimes=("litert-*", "c-cortex*")), []) != jobs
