"""The gate's self-test: measures its false alarms and misses on the machine where it runs.

Every gate of the self-test is a real one: fresh processes, files on disk, the whole stage. The two
files of an A/A pair differ only in a description string: they compute the same, and because their
bytes differ they are timed. An injected slowdown is busy waiting at the end of each of the
candidate's blocks. The slowdown is a share of the time that the gate judges for these models: the
baseline's time above the fixed cost of a call.
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

#: The scenario whose true ratio is exactly the limit: the promised error rate holds for this case.
AT_BUDGET = "+3 % (at the budget)"

#: Layer widths of the `deep` encoder, and of a model with about an eighth more MACs.
_WIDTHS, _WIDER = (784, 128, 64, 32), (784, 144, 64, 32)
_RUNTIME = "litert-xnnpack"
#: Number of cells in a suite, and number of those whose bytes differ from their baseline's.
_CELLS, _CHANGED = 60, 12
_HOG = "while True: pass  # a hog of edgeae's"


#: Called with a scenario, the number of one of its gates, and the row of a process of that gate.
OnScenarioRow = Callable[["Scenario", int, PairRow], None]


@dataclass(frozen=True)
class Scenario:
    """One kind of gate, run several times.

    Attributes:
        name: display name.
        hogs: number of CPU stressors: processes that each keep one core busy during the gates.
        count: number of gates.
        planted: injected slowdown of the candidate, as a share; in a suite, of one cell only.
        heavier: whether the candidate has more MACs instead of an injected slowdown.
        cells: cells of each gate.
        expected: the correct verdict; None if the true ratio is exactly the budget.
        least: smallest number of gates with the expected verdict that meets the target.
        most_wrong: largest allowed number of gates with the opposite verdict; at the budget, of
            `fail` and of `pass` each.
        most_s: target for the duration of the median gate, or of a suite's longest gate, in
            seconds; None without a target.
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
    """The results of a scenario's gates.

    Attributes:
        scenario: the scenario that was run.
        verdicts: verdict of each gate.
        named: gates that failed in the cell with the injected slowdown and in no other cell.
        seconds: duration of each gate.
        processes: number of timed processes of each gate.
    """

    scenario: Scenario
    verdicts: list[Verdict] = field(default_factory=list)
    named: int = 0
    seconds: list[float] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """Return the number of gates with this verdict."""
        return self.verdicts.count(verdict)

    @property
    def wrong(self) -> int:
        """Number of wrong gates: false alarms if nothing is slower, misses if something is.

        At the budget, it is the count of `fail` or of `pass`, whichever is larger: each of the two
        may occur at the promised rate.
        """
        expected = self.scenario.expected
        if expected is None:
            return max(self.count("fail"), self.count("pass"))
        return self.count("fail" if expected == "pass" else "pass")

    @property
    def right(self) -> int:
        """Number of gates with the expected verdict.

        A suite with an injected slowdown counts only if it failed in that cell and in no other.
        """
        scenario = self.scenario
        if scenario.expected is None:
            return len(self.verdicts)
        if scenario.cells > 1 and scenario.planted:
            return self.named
        return self.count(scenario.expected)

    @property
    def is_met(self) -> bool:
        """Whether all requested gates ran, and their verdicts and durations meet the target."""
        scenario = self.scenario
        whole = len(self.verdicts) == scenario.count and not self.count("missing")
        right = self.right >= scenario.least and self.wrong <= scenario.most_wrong
        in_time = scenario.most_s is None or self.typical_s <= scenario.most_s
        return whole and right and in_time

    @property
    def typical_s(self) -> float:
        """Duration of the median gate, or of a suite's longest gate, in seconds."""
        return (max if self.scenario.cells > 1 else median)(self.seconds)


def by_chance(n: int) -> int:
    """Return the 99 % quantile of the number of wrong gates among `n`.

    Each gate is wrong in one direction with probability `ERROR_RATE`; by the binomial distribution,
    more wrong gates than this have a probability of at most 1 %.
    """
    chance, below = (1 - ERROR_RATE) ** n, 0.0
    for wrong in range(n + 1):
        below += chance
        if below >= 0.99:
            return wrong
        chance *= (n - wrong) / (wrong + 1) * ERROR_RATE / (1 - ERROR_RATE)
    return n


def scenarios(n: int) -> list[Scenario]:
    """Return the scenarios of a self-test.

    Args:
        n: number of A/A gates and of gates at the budget, at least 5; the other scenarios have
            fewer gates.
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
    """Run scenarios; yield the tally after every gate, so that partial results can be written.

    Args:
        chosen: the scenarios to run.
        seed: seed of the order of cells and of blocks.
        say: receives a message if the self-test waits for another bench or gate.
        on_row: called with the scenario, the gate's number and the row of each process.
    """
    for number, scenario in enumerate(chosen):
        tally = Tally(scenario)
        with _hogs(scenario.hogs), scratch() as folder:
            for gate in range(scenario.count):
                start = seed + 100_000 * number + 1000 * gate
                tell_row = functools.partial(on_row, scenario, gate)
                _run(scenario, tally, folder, start, say, tell_row)
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
    # the string's length varies, which also moves the data after it in the file
    description = f"gate {seed} {'x' * (seed // 1000 % 61)}" if changed else "edgeae"
    write_scratch(new, dense(widths, seed=cell, description=description))
    (candidate,), (baseline,) = sides(new), sides(old)
    return Pair(candidate, baseline, _RUNTIME)


@contextmanager
def _hogs(count: int) -> Iterator[None]:
    """Run CPU stressors, one core each, for the duration of a `with` block."""
    running = [subprocess.Popen(tied.program([sys.executable, "-c", _HOG])) for _ in range(count)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def label(scenario: Scenario) -> str:
    """Return a scenario's name and its load: `A/A, idle`."""
    return f"{scenario.name}, {_load(scenario)}"


def _load(scenario: Scenario) -> str:
    return f"{scenario.hogs} hogs" if scenario.hogs else "idle"


def table(tallies: Sequence[Tally]) -> list[list[str]]:
    """Return the results as strings: a header row, then one row per scenario."""
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
        return f"fails and passes ≤ {scenario.most_wrong} each: 2.5 % within chance"
    wrong = "false alarms" if scenario.expected == "pass" else "passes"
    least = f"{scenario.expected} ≥ {scenario.least}, " if scenario.least else ""
    seconds = f", ≤ {scenario.most_s:.0f} s" if scenario.most_s is not None else ""
    return f"{least}{wrong} ≤ {scenario.most_wrong}{seconds}"
