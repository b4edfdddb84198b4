"""Pairs on emulated cores, with figures that no core measured."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeae.errors import NotMeasured, OutOfTolerance, RuntimeUnavailable
from edgeae.gate import on_core
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Finding, Outcome
from edgeae.gate.judging import needs_timing
from edgeae.gate.run import Plan, plan_pair, plan_suite, run_gate
from edgeae.gate.sides import Pair, sides
from edgeae.gate.synthetic import dense

CORE = "c-cortex-m4"
BASELINE = {"instructions": 50_000, "flash_bytes": 120_000, "ram_bytes": 400}
ALL = ("instructions", "flash", "ram")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    for name in ("new", "old"):
        content = dense((64, 32, 16), description=name)
        (tmp_path / f"{name}.tflite").write_bytes(content)
    return Pair(*(sides(tmp_path / f"{name}.tflite")[0] for name in ("new", "old")), CORE)


@pytest.fixture
def measured(monkeypatch) -> Callable[..., list[dict]]:
    """Replace workers: figures of the candidate, or an error for a side; return the jobs."""

    def fake(candidate: object = BASELINE, baseline: object = BASELINE) -> list[dict]:
        jobs: list[dict] = []

        def run(module: str, job: dict, *, timeout_s: float) -> list[dict]:
            jobs.append(job)
            answer = candidate if "new" in job["root"] + job["artifact"]["path"] else baseline
            if isinstance(answer, Exception):
                raise answer
            return [answer]

        monkeypatch.setattr(on_core.children, "run", run)
        return jobs

    return fake


def run(pair: Pair, budget: Budget | None = None) -> Outcome:
    return run_gate(Plan((pair,), budget or Budget(exact=ALL)), say=lambda line: None)


def only(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, "pass", ""),
        ({"instructions": 50_001}, "fail", "instructions 50,001, baseline 50,000: ratio 1.000"),
        ({"flash_bytes": 132_000}, "fail", "flash 132,000, baseline 120,000: ratio 1.100"),
        ({"ram_bytes": 401}, "fail", "ram 401, baseline 400"),
        ({"ram_bytes": 300}, "pass", "a saving; record it"),
    ],
)
def test_figures_of_a_core_are_compared_exactly(change, verdict, said, pair, measured):
    jobs = measured(BASELINE | change)
    finding = only(run(pair))
    assert finding.verdict == verdict and finding.processes == 0
    assert said in " ".join(figure.reason for figure in finding.figures)
    assert [figure.quantity for figure in finding.figures] == [f"{name} ratio" for name in ALL]
    assert [Path(job["artifact"]["path"]).stem for job in jobs] == ["old", "new"]  # once each
    assert {job["runtime"] for job in jobs} == {CORE}


def test_the_allowed_growth_is_the_budgets(pair, measured):
    measured(BASELINE | {"instructions": 50_400})
    assert run(pair, Budget(exact=ALL, exact_growth=1.01)).code == 0
    assert run(pair, Budget(exact=ALL, exact_growth=1.005)).code == 1


def test_a_core_is_judged_by_its_three_figures_without_a_budget(pair, measured):
    measured(BASELINE | {"flash_bytes": 120_004})
    outcome = run(pair, Budget())
    assert outcome.code == 1 and len(only(outcome).figures) == 3


def test_a_core_is_never_timed(pair):
    assert not needs_timing(pair, Budget(max_p50_us=1.0))


def test_the_same_bytes_are_run_once(pair, measured):
    jobs = measured()
    same = Pair(pair.baseline, pair.baseline, CORE)
    assert run(same).verdict == "pass" and len(jobs) == 1


def test_flash_is_not_known_of_an_engine_on_the_host(pair):
    same = Pair(pair.baseline, pair.baseline, "litert-xnnpack")
    outcome = run(same, Budget(exact=("flash",)))
    assert outcome.code == 3 and "only emulated cores have it" in only(outcome).lines[0]


def test_a_wrong_answer_fails_and_one_of_the_baseline_is_missing(pair, measured):
    wrong = OutOfTolerance("wrong answer on the golden vectors: max_lsb 3 > 0")
    measured(wrong)
    outcome = run(pair)
    assert outcome.code == 1 and "wrong answer" in only(outcome).lines[0]
    measured(baseline=wrong)
    outcome = run(pair)
    assert outcome.code == 3 and "baseline " in only(outcome).lines[0]


def test_what_does_not_fit_any_more_is_missing(pair, measured):
    measured(NotMeasured("cortex-m4: does not fit: 12 bytes too many for 4,194,304 bytes of flash"))
    outcome = run(pair)
    assert outcome.code == 3 and "does not fit: 12 bytes too many" in only(outcome).lines[0]
    assert only(outcome).figures[0].quantity == "instructions ratio"


def test_both_sides_run_the_golden_inputs_of_the_bundle(tiny_bundle, measured, tmp_path):
    jobs = measured()
    new = tiny_bundle("int8", model="new")
    path = tmp_path / "old.tflite"
    path.write_bytes((new.root / "encoder.tflite").read_bytes() + b"\0\0\0\0")
    pair = Pair(sides(new.root / "encoder.tflite")[0], sides(path)[0], CORE)
    run(pair)
    assert [job["inputs"] for job in jobs] == [(str(new.root), "encoder")] * 2
    assert [job["golden"] for job in jobs] == [None, str(new.root)]


def absent(name: str) -> dict:
    error = RuntimeUnavailable("qemu-system-arm is not installed", "apt install qemu-system-arm")
    return {"error": str(error), "code": 3}


def test_a_missing_emulator_is_missing_with_the_command(pair, monkeypatch):
    monkeypatch.setattr("edgeae.gate.run.probe", absent)
    old = pair.baseline.path
    with plan_pair(old, str(old), Budget(), runtimes=[CORE], batch=(1, 8)) as plan:
        outcome = run_gate(plan, say=lambda line: None)
    assert (outcome.verdict, outcome.code) == ("missing", 3)
    assert "apt install qemu-system-arm" in only(outcome).lines[0]


def test_a_core_in_a_suite_is_not_left_out(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgeae.gate.run.probe", absent)
    (tmp_path / "bench").mkdir()
    text = f'artifacts = ["old.tflite"]\nbaseline = "old.tflite"\nruntimes = ["{CORE}"]\n'
    (tmp_path / "bench" / "mcu.toml").write_text(text)
    with plan_suite("mcu") as plan:
        outcome = run_gate(plan, say=lambda line: None)
    assert (outcome.verdict, outcome.code) == ("missing", 3)
