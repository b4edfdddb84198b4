"""The gate proves itself on the machine it runs on: how often it cries wolf, how often it misses.

Every gate here is a real one: fresh processes, files on disk, the whole stage. A/A pairs differ in
a description string alone, so that they compute the same and are timed all the same. A planted
slow-down is busy waiting at the end of each of the candidate's blocks, as a share of what the gate
judges of these models: the baseline's time above the fixed cost of a call.
"""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from edgeae.gate.budget import Budget
from edgeae.gate.finding import Verdict
from edgeae.gate.rows import PairRow
from edgeae.gate.run import Plan, run_gate
from edgeae.gate.sequential import ERROR_RATE
from edgeae.gate.sides import Pair, sides
from edgeae.gate.synthetic import dense
from edgeae.system import tied
from edgeae.system.scratch import scratch, write_scratch

#: The gates whose truth lies at the limit: what the error rate is promised of.
AT_BUDGET = "+3 % (at the budget)"

#: The `deep` encoder's shape, and one with an eighth more MACs.
_WIDTHS, _WIDER = (784, 128, 64, 32), (784, 144, 64, 32)
_RUNTIME = "litert-xnnpack"
#: Of a suite's cells, how many have other bytes than their baseline.
_CELLS, _CHANGED = 60, 12
_HOG = "while True: pass  # a hog of edgeae's"


#: Told of a scenario, the number of one of its gates, and a process of that.
OnScenarioRow = Callable[["Scenario", int, PairRow], None]


@dataclass(frozen=True)
class Scenario:
    """One kind of gate, run several times.

    Attributes:
        name: for people.
        hogs: processes that burn a core each, meanwhile.
        count: how many gates.
        planted: slow-down of the candidate (of one cell, in a suite).
        heavier: the candidate has more MACs instead.
        cells: of each gate.
        expected: the verdict that is right; None where the truth lies at the budget.
        least: gates that must end as expected, for the target to be met.
        most_wrong: gates that may end in the opposite verdict; at the budget, in either of the two.
        most_s: the target for the median gate's seconds; for the longest one's, of a suite.
    """

    name: str
    hogs: int
    count: int
    planted: float = 0.0
    heavier: bool = False
    cells: int = 1
    expected: Verdict | None = "pass"
    least: int = 0
    most_wrong: int = 0
    most_s: float | None = None


@dataclass
class Tally:
    """How a scenario's gates ended.

    Attributes:
        scenario: what was run.
        verdicts: one per gate.
        named: gates of a suite that failed in the planted cell and in no other.
        seconds: of each gate.
        processes: of each gate.
    """

    scenario: Scenario
    verdicts: list[Verdict] = field(default_factory=list)
    named: int = 0
    seconds: list[float] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """Return how many gates ended so."""
        return self.verdicts.count(verdict)

    @property
    def wrong(self) -> int:
        """False alarms, where nothing is slower; misses, where something is.

        At the budget, the more frequent of fail and pass: either may be wrong at the promised rate.
        """
        expected = self.scenario.expected
        if expected is None:
            return max(self.count("fail"), self.count("pass"))
        return self.count("fail" if expected == "pass" else "pass")

    @property
    def right(self) -> int:
        """Gates that ended as they should; of a suite's, that also named the planted cell alone."""
        scenario = self.scenario
        if scenario.expected is None:
            return len(self.verdicts)
        if scenario.cells > 1 and scenario.planted:
            return self.named
        return self.count(scenario.expected)

    @property
    def is_met(self) -> bool:
        """Whether the target was met, by as many gates as were asked for."""
        scenario = self.scenario
        whole = len(self.verdicts) == scenario.count and not self.count("missing")
        right = self.right >= scenario.least and self.wrong <= scenario.most_wrong
        in_time = scenario.most_s is None or self.typical_s <= scenario.most_s
        return whole and right and in_time

    @property
    def typical_s(self) -> float:
        """Seconds of the median gate; of a suite, of the longest."""
        return (max if self.scenario.cells > 1 else median)(self.seconds)


def by_chance(n: int) -> int:
    """Return how many of `n` gates may be wrong one way though each is so with the promised rate.

    More of them have a probability below 1 %, by the binomial distribution of `ERROR_RATE`.
    """
    chance, below = (1 - ERROR_RATE) ** n, 0.0
    for wrong in range(n + 1):
        below += chance
        if below >= 0.99:
            return wrong
        chance *= (n - wrong) / (wrong + 1) * ERROR_RATE / (1 - ERROR_RATE)
    return n


def scenarios(n: int) -> list[Scenario]:
    """Return what is run, for `n` A/A gates and `n` at the budget; the others are fewer.

    Args:
        n: 5 or more.
    """
    cores = os.cpu_count() or 1
    planted, few, suites = round(0.6 * n), max(1, round(0.1 * n)), max(1, round(0.1 * n))
    most = planted - planted // 20  # 57 of 60
    found = [
        Scenario("A/A", 0, n, least=round(0.9 * n), most_s=10),
        Scenario("+5 %", 0, planted, 0.05, expected="fail", least=most, most_s=10),
        Scenario("suite of 60 cells, A/A", 0, suites, cells=_CELLS, least=suites, most_s=480),
        Scenario(
            "suite of 60 cells, one +10 %",
            0,
            suites,
            0.10,
            cells=_CELLS,
            expected="fail",
            least=suites - suites // 10,
            most_s=480,
        ),
        Scenario("A/A", cores, n, most_wrong=n // 100, least=1),
        Scenario("+7 %", cores, planted, 0.07, expected="fail", least=most),
    ]
    for hogs in (0, cores):
        found += [
            Scenario(AT_BUDGET, hogs, n, 0.03, expected=None, most_wrong=by_chance(n)),
            Scenario("+10 %", hogs, few, 0.10, expected="fail", least=few),
            Scenario("12 % more MACs", hogs, few, heavier=True, expected="fail", least=few),
        ]
    return [*found, Scenario("+5 %", cores, few, 0.05, expected="fail")]


def selftest(
    chosen: Sequence[Scenario],
    *,
    seed: int,
    say: Callable[[str], None],
    on_row: OnScenarioRow = lambda scenario, gate, row: None,
) -> Iterator[Tally]:
    """Run scenarios; yield the tally after every gate, so that what is known can be written.

    Args:
        chosen: what to run.
        seed: of every order.
        say: told of a wait for another bench or gate.
        on_row: told of each process, with the scenario and the gate's number that it is of.
    """
    for number, scenario in enumerate(chosen):
        tally = Tally(scenario)
        with _hogs(scenario.hogs), scratch() as folder:
            for gate in range(scenario.count):
                start = seed + 100_000 * number + 1000 * gate
                told = functools.partial(on_row, scenario, gate)
                _run(scenario, tally, folder, start, say, told)
                yield tally


def _run(
    scenario: Scenario,
    tally: Tally,
    folder: Path,
    seed: int,
    say: Callable[[str], None],
    on_row: Callable[[PairRow], None],
) -> None:
    changed = 1 if scenario.cells == 1 else _CHANGED
    pairs = tuple(
        _pair(scenario, folder, cell, seed, cell < changed) for cell in range(scenario.cells)
    )
    planted = {0: scenario.planted} if scenario.planted else {}
    outcome = run_gate(
        Plan(pairs, Budget(), seed=seed),
        say=say,
        on_row=lambda _, row: on_row(row),
        planted=planted,
    )
    for finding in outcome.findings:
        if finding.code:
            say(finding.lines[0])
    red = [place for place, item in enumerate(outcome.findings) if item.verdict == "fail"]
    tally.verdicts.append(outcome.verdict)
    tally.named += red == [0]
    tally.seconds.append(outcome.seconds)
    tally.processes.append(sum(item.processes for item in outcome.findings))


def _pair(scenario: Scenario, folder: Path, cell: int, seed: int, changed: bool) -> Pair:
    old, new = folder / f"baseline{cell}.tflite", folder / f"candidate{cell}.tflite"
    write_scratch(old, dense(_WIDTHS, seed=cell))
    widths = _WIDER if scenario.heavier else _WIDTHS
    # strings of other lengths also move what lies behind them in the file
    description = f"gate {seed} {'x' * (seed // 1000 % 61)}" if changed else "edgeae"
    write_scratch(new, dense(widths, seed=cell, description=description))
    (candidate,), (baseline,) = sides(new), sides(old)
    return Pair(candidate, baseline, _RUNTIME)


@contextmanager
def _hogs(count: int) -> Iterator[None]:
    """Burn cores for the duration of a `with` block."""
    running = [subprocess.Popen(tied.program([sys.executable, "-c", _HOG])) for _ in range(count)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def label(scenario: Scenario) -> str:
    """Return a scenario's name with its load: `A/A, idle`."""
    return f"{scenario.name}, {_load(scenario)}"


def _load(scenario: Scenario) -> str:
    return f"{scenario.hogs} hogs" if scenario.hogs else "idle"


def table(tallies: Sequence[Tally]) -> list[list[str]]:
    """Return a header and a row per scenario, as strings."""
    header = [
        "gates",
        "load",
        "n",
        "pass",
        "inconclusive",
        "fail",
        "wrong",
        "median s",
        "longest s",
    ]
    header += ["processes", "target", "met"]
    return [header, *(_row(tally) for tally in tallies)]


def _row(tally: Tally) -> list[str]:
    scenario = tally.scenario
    counts = [str(tally.count(verdict)) for verdict in ("pass", "inconclusive", "fail")]
    return [
        scenario.name,
        _load(scenario),
        str(len(tally.verdicts)),
        *counts,
        str(tally.wrong),
        f"{median(tally.seconds):.1f}" if tally.seconds else "–",
        f"{max(tally.seconds):.1f}" if tally.seconds else "–",
        f"{median(tally.processes):.0f}" if tally.processes else "–",
        _target(scenario),
        "yes" if tally.is_met else "no",
    ]


def _target(scenario: Scenario) -> str:
    if scenario.expected is None:
        return f"fails and passes ≤ {scenario.most_wrong} each: 2.5 % but for chance"
    wrong = "false alarms" if scenario.expected == "pass" else "passes"
    least = f"{scenario.expected} ≥ {scenario.least}, " if scenario.least else ""
    seconds = f", ≤ {scenario.most_s:.0f} s" if scenario.most_s is not None else ""
    return f"{least}{wrong} ≤ {scenario.most_wrong}{seconds}"
