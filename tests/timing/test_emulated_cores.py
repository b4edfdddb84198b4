"""A bench and a gate on cores that QEMU emulates: it and the compilers must be installed."""

import pytest

from edgeae.gate.budget import Budget
from edgeae.gate.run import Plan, run_gate
from edgeae.gate.sides import Pair, sides
from edgeae.gate.synthetic import dense
from edgeae.timing.bench import bench
from edgeae.timing.suite import Suite, expand

pytestmark = pytest.mark.system


def test_a_bench_measures_a_bundle_on_two_cores(tiny_bundle, tmp_path):
    suite = Suite("s", parts=("encoder",), runtimes=("c-cortex-m4", "c-rv32"), rounds=2)
    jobs = [job for job in expand(suite, [tiny_bundle("int8")]) if job.recipe != "original"]
    rows = list(bench(jobs, 1.0, tmp_path / "results.jsonl", lambda line: None, rounds=2))
    assert [row.error for row in rows] == [None, None]
    for row in rows:
        assert row.instructions > 100 and row.data_bytes == 0 and row.software
        assert row.flash_bytes == row.code_bytes + row.constants_bytes
        assert row.ram_bytes == row.arena_bytes + row.stack_bytes


@pytest.mark.parametrize(("widths", "verdict"), [((64, 32, 16), "pass"), ((64, 40, 16), "fail")])
def test_a_gate_on_a_core_is_exact(widths, verdict, tmp_path):
    for name, shape in (("old", (64, 32, 16)), ("new", widths)):
        (tmp_path / f"{name}.tflite").write_bytes(dense(shape, description=name))
    new, old = (sides(tmp_path / f"{name}.tflite")[0] for name in ("new", "old"))
    plan = Plan((Pair(new, old, "c-cortex-m4"),), Budget())
    (finding,) = run_gate(plan, say=lambda line: None).findings
    assert finding.verdict == verdict
    values = [figure.value for figure in finding.figures]
    assert (values == [1.0, 1.0, 1.0]) == (verdict == "pass")
