import contextlib
import json
import os
import time
from math import comb
from pathlib import Path

import pytest
from edgeae_cli import edgeae_here
from processes import children_of
from test_gate_verdict import row

from edgeae.gate import judging, selftest, selftest_rows
from edgeae.gate.rows import PairRow
from edgeae.gate.selftest import Scenario, Tally, label, scenarios, table
from edgeae.gate.selftest_page import page
from edgeae.gate.sequential import FEWEST


@pytest.fixture
def faked(monkeypatch):
    """Worker processes that show exactly what was planted, or less; return the pairs they got."""

    def fake(shown: float = 1.0) -> list[tuple[bytes, bytes, float]]:
        seen: list[tuple[bytes, bytes, float]] = []

        def run(pair, number: int, seed: int, *, planted: float = 0.0) -> PairRow:
            contents = pair.candidate.path.read_bytes(), pair.baseline.path.read_bytes()
            seen.append((*contents, planted))
            heavier = 1.1 if pair.candidate.artifact.macs > pair.baseline.artifact.macs else 1.0
            return row(heavier + shown * planted, process=number)

        monkeypatch.setattr(judging, "run_process", run)
        return seen

    return fake


def run(scenario: Scenario) -> Tally:
    *_, tally = selftest.selftest([scenario], seed=1, say=lambda line: None)
    return tally


def test_a_over_a_differs_in_a_string_alone_and_is_timed(faked):
    seen = faked()
    tally = run(Scenario("A/A", 0, 3, least=3))
    assert tally.verdicts == ["pass"] * 3 and tally.is_met and tally.wrong == 0
    assert len(seen) == 3 * FEWEST
    for candidate, baseline, planted in seen:
        assert candidate != baseline and planted == 0
    assert len({candidate for candidate, _, _ in seen}) == 3  # another string each time


def test_a_planted_slow_down_reaches_the_worker_and_is_caught(faked):
    seen = faked()
    tally = run(Scenario("+5 %", 0, 2, 0.05, expected="fail", least=2))
    assert tally.verdicts == ["fail"] * 2 and tally.is_met
    assert {planted for *_, planted in seen} == {0.05}


def test_a_miss_is_counted_and_the_target_not_met(faked):
    faked(shown=0.0)  # a gate that is blind
    tally = run(Scenario("+5 %", 0, 2, 0.05, expected="fail", least=2))
    assert tally.wrong == 2 and not tally.is_met


def test_a_false_alarm_is_counted(monkeypatch):
    def run_process(pair, number, seed, *, planted=0.0):
        return row(1.2, process=number)

    monkeypatch.setattr(judging, "run_process", run_process)
    tally = run(Scenario("A/A", 0, 2))
    assert tally.wrong == 2 and not tally.is_met


def test_a_heavier_model_has_more_macs(faked):
    faked()
    assert run(Scenario("MACs", 0, 1, heavier=True, expected="fail", least=1)).is_met


def test_a_suite_times_what_changed_and_names_the_planted_cell(faked):
    seen = faked()
    quiet = run(Scenario("suite", 0, 1, cells=10, least=1))
    assert quiet.is_met and len(seen) == 10 * FEWEST  # of 12 that may change, all 10
    seen.clear()
    big = run(Scenario("suite", 0, 1, 0.1, cells=20, expected="fail", least=1))
    assert big.named == 1 and big.is_met
    # 12 cells, and the red one twice
    assert len(seen) == 13 * FEWEST
    assert sum(planted > 0 for *_, planted in seen) == 2 * FEWEST


def test_the_whole_plan_is_that_of_the_promise():
    found = {label(item): item for item in scenarios(100)}
    cores = os.cpu_count()
    idle, loaded = found["A/A, idle"], found[f"A/A, {cores} hogs"]
    assert (idle.count, idle.most_wrong, idle.least) == (100, 0, 90)
    assert (loaded.count, loaded.most_wrong) == (100, 1)
    five, seven = found["+5 %, idle"], found[f"+7 %, {cores} hogs"]
    for item in (five, seven):
        assert (item.count, item.least, item.most_wrong, item.expected) == (60, 57, 0, "fail")
    suite = found["suite of 60 cells, one +10 %, idle"]
    assert (suite.count, suite.least, suite.cells) == (10, 9, 60)
    assert found["suite of 60 cells, A/A, idle"].most_wrong == 0


@pytest.mark.parametrize("n", [1, 10, 20, 100, 300])
def test_what_chance_allows_is_the_binomial_distribution(n):
    """The smallest count that more than 99 of 100 runs at the promised rate stay within."""
    rate = selftest.ERROR_RATE
    mass = [comb(n, wrong) * rate**wrong * (1 - rate) ** (n - wrong) for wrong in range(n + 1)]
    allowed = selftest.by_chance(n)
    assert sum(mass[: allowed + 1]) >= 0.99 and sum(mass[:allowed]) < 0.99


def test_at_the_budget_either_verdict_is_wrong_and_as_many_as_chance_allows():
    (scenario,) = (
        item for item in scenarios(100) if item.name == selftest.AT_BUDGET and not item.hogs
    )
    assert (scenario.count, scenario.planted, scenario.expected) == (100, 0.03, None)
    few = ["inconclusive"] * 93
    assert Tally(scenario, [*few, *["fail"] * 7], 0, [1.0] * 100, [24] * 100).is_met
    for wrong in ("fail", "pass"):
        tally = Tally(scenario, [*few[1:], *[wrong] * 8], 0, [1.0] * 100, [24] * 100)
        assert tally.wrong == 8 and not tally.is_met


def test_rows_that_were_kept_are_judged_as_the_gates_were(tmp_path, faked):
    faked()
    path, kept = tmp_path / "rows.jsonl", []
    chosen = Scenario("+10 %", 0, 2, 0.10, expected="fail", least=2)

    def keep(scenario, gate, row):
        kept.append((gate, row))
        selftest_rows.keep(path, scenario, gate, row)

    *_, timed = selftest.selftest([chosen], seed=1, say=lambda line: None, on_row=keep)
    found = selftest_rows.read(path)
    assert [(gate, row) for gate, rows in found["+10 %, idle"].items() for row in rows] == kept
    (judged,) = selftest_rows.tallies(found, [chosen])
    assert (judged.verdicts, judged.processes) == (timed.verdicts, timed.processes)
    # rows beyond the look that decided change nothing
    late = {"+10 %, idle": {0: [*found["+10 %, idle"][0], row(1.0), row(1.0)]}}
    (judged,) = selftest_rows.tallies(late, [chosen])
    assert judged.verdicts == ["fail"] and judged.processes == [FEWEST]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "rows.jsonl:1: not a row of the self-test"),
        ('{"scenario": "A/A, idle", "gate": "x", "row": {}}', "gate = 'x'"),
        ('{"scenario": "A/A, idle", "gate": 0, "row": {"seconds": 1}}', "row.process"),
        ('{"scenario": "odd", "gate": 0, "row": {"process": 0}}', "scenario 'odd'"),
    ],
)
def test_other_rows_are_refused(line, told, tmp_path):
    (tmp_path / "rows.jsonl").write_text(line + "\n")
    done = edgeae_here("selftest", "--judge", "rows.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1


def test_an_unfinished_scenario_has_not_met_its_target():
    scenario = Scenario("A/A", 0, 10, least=1)
    tally = Tally(scenario, ["pass"] * 9, 0, [1.0] * 9, [6] * 9)
    assert not tally.is_met
    tally.verdicts.append("pass")
    assert tally.is_met
    tally.verdicts[0] = "missing"
    assert not tally.is_met


def test_a_gate_that_takes_too_long_has_not_met_its_target():
    scenario = Scenario("A/A", 0, 3, most_s=10)
    assert Tally(scenario, ["pass"] * 3, 0, [9.0, 9.0, 60.0], [6] * 3).is_met
    assert not Tally(scenario, ["pass"] * 3, 0, [9.0, 11.0, 11.0], [6] * 3).is_met
    suite = Scenario("suite", 0, 3, cells=60, most_s=10)
    assert not Tally(suite, ["pass"] * 3, 0, [9.0, 9.0, 60.0], [6] * 3).is_met


def test_the_table_and_the_page_say_what_was_counted():
    tally = Tally(Scenario("A/A", 2, 3, least=3), ["pass", "inconclusive", "fail"])
    tally.seconds, tally.processes = [3.0, 4.0, 9.0], [6, 12, 24]
    header, cells = table([tally])
    found = dict(zip(header, cells, strict=True))
    assert [found[name] for name in ("load", "n", "pass", "inconclusive", "fail", "wrong")] == [
        "2 hogs",
        "3",
        "1",
        "1",
        "1",
        "1",
    ]
    assert found["median s"] == "4.0" and found["longest s"] == "9.0" and found["met"] == "no"
    text = page([tally], 3)
    assert "make selftest-gate N=3" in text and "| A/A | 2 hogs | 3 |" in text


def hogs() -> int:
    """Count the children of this process that run a hog's program."""
    count = 0
    for child in children_of(os.getpid()):
        with contextlib.suppress(OSError):  # it ended meanwhile
            count += selftest._HOG.encode() in Path(f"/proc/{child}/cmdline").read_bytes()
    return count


def test_hogs_burn_while_they_should_and_are_gone_after():
    with selftest._hogs(2):
        while hogs() < 2:
            time.sleep(0.01)  # until both are through `exec`
    assert hogs() == 0


def test_the_command_refuses_an_unknown_scenario(tmp_path: Path):
    done = edgeae_here("selftest", "--only", "nothing", cwd=tmp_path)
    assert done.returncode == 2 and "A/A, idle" in done.stderr


@pytest.mark.system
def test_the_command_runs_writes_its_page_and_prints_json(tmp_path: Path):
    """A real gate; whatever it says, it is counted."""
    done = edgeae_here(
        *("selftest", "-n", "5", "--only", "12 % more MACs, idle", "--json"),
        *("--out", "S.md"),
        cwd=tmp_path,
    )
    assert done.returncode in (0, 1), done.stderr
    (found,) = json.loads(done.stdout)
    assert len(found["verdicts"]) == found["scenario"]["count"] == 1
    assert "pass" not in found["verdicts"]
    assert "| 12 % more MACs | idle | 1 |" in (tmp_path / "S.md").read_text()
