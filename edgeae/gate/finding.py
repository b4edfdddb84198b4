"""What the gate found: figures with verdicts, per cell, and what they amount to."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgeae.errors import NotMeasured, OutOfTolerance, exit_code

Verdict = Literal["pass", "fail", "inconclusive", "missing"]

#: The first that any figure has is the verdict of all of them.
_ORDER: tuple[Verdict, ...] = ("fail", "missing", "inconclusive", "pass")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of several: `pass` only if all pass, `missing` if there are none."""
    found = set(verdicts)
    return next((verdict for verdict in _ORDER if verdict in found), "missing")


@dataclass(frozen=True)
class Cell:
    """What is judged: a candidate beside its baseline, and how both are run.

    Attributes:
        candidate, baseline: names for people: `deep/int8 encoder.tflite`, or a file's path.
        candidate_sha256, baseline_sha256: of the artifacts; empty where there is none.
        runtime, threads, batch: how both are run.
    """

    candidate: str
    baseline: str
    candidate_sha256: str
    baseline_sha256: str
    runtime: str
    threads: int = 1
    batch: int = 1

    @property
    def name(self) -> str:
        """The cell in a line: `deep/int8 encoder.tflite on litert-xnnpack`, and what is unusual."""
        threads = f", {self.threads} threads" if self.threads != 1 else ""
        batch = f", batch {self.batch}" if self.batch != 1 else ""
        return f"{self.candidate} on {self.runtime}{threads}{batch}"


@dataclass(frozen=True)
class Figure:
    """One quantity of a cell, judged.

    Attributes:
        quantity: `p50 ratio`, `p50`, `p99`, `loss ratio`, `parity`, `bytes`, `macs`, …
        unit: `×`, `ns`, `B`, `LSB` or empty.
        value: as measured; None where it was not.
        low, high: its 95 % confidence interval; None for exact figures.
        limit: what it may be at most; None where there is no such limit.
        verdict: of this figure.
        reason: one line; empty where the numbers say all.
        baseline, candidate: the two sides of a ratio, in `side_unit`; None where there are none.
        side_unit: `ns`, `B` or empty.
    """

    quantity: str
    unit: str
    value: float | None
    verdict: Verdict
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    reason: str = ""
    baseline: float | None = None
    candidate: float | None = None
    side_unit: str = ""


@dataclass(frozen=True)
class Finding:
    """Everything that the gate found about one cell.

    Attributes:
        cell: what was judged.
        figures: at least one.
        runtime_version, device: of the runtime; empty where it was not opened.
        processes: worker processes that were timed; 0 without timing.
        fixed_ns: what one call costs before any arithmetic, per call; None where not timed.
        machine_error: the baseline against itself: its ratio's distance from 1; None likewise.
        seconds: how long it took.
        notes: what else a reader should know, a line each.
        code: exit code of an error behind a `missing`; 0 without one.
    """

    cell: Cell
    figures: tuple[Figure, ...]
    runtime_version: str = ""
    device: str = ""
    processes: int = 0
    fixed_ns: float | None = None
    machine_error: float | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    code: int = 0

    @property
    def verdict(self) -> Verdict:
        """The worst of its figures."""
        return worst(figure.verdict for figure in self.figures)

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for every figure that does not pass."""
        return tuple(
            f"{self.cell.name}: {figure.reason}"
            for figure in self.figures
            if figure.verdict != "pass"
        )


@dataclass(frozen=True)
class Outcome:
    """A whole gate.

    Attributes:
        findings: one per cell, in the suite's order.
        suite: its name; empty for a single pair.
        on_inconclusive: `fail` (exit 3) or `warn` (exit 0, said out loud).
        machine: facts of this machine, see `edgeae.system.machine.describe`.
        commit: of the repository, or None.
        seed: what the order of the cells was drawn from.
        seconds: how long it took.
        absent: runtimes that a suite asks for and the machine does not have, with the reason.
        command: what runs it again, in the same order; empty where there is none.
    """

    findings: tuple[Finding, ...]
    suite: str
    on_inconclusive: Literal["fail", "warn"]
    machine: dict[str, Any]
    commit: str | None
    seed: int
    seconds: float
    absent: tuple[tuple[str, str], ...] = ()
    command: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of all cells."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def code(self) -> int:
        """The exit code: 0 passed, 1 failed, 3 inconclusive or missing; others as errors say."""
        codes = [finding.code for finding in self.findings]
        verdicts = {finding.verdict for finding in self.findings}
        if "fail" in verdicts:
            codes.append(OutOfTolerance.code)
        if "missing" in verdicts or not verdicts:
            codes.append(NotMeasured.code)
        if "inconclusive" in verdicts and self.on_inconclusive == "fail":
            codes.append(NotMeasured.code)
        return exit_code(codes)

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        counts = {
            verdict: sum(finding.verdict == verdict for finding in self.findings)
            for verdict in reversed(_ORDER)
        }
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"{self.verdict}: {told or 'no cell'}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; verdicts, sentence and exit code included."""
        return {
            "verdict": self.verdict,
            "code": self.code,
            "sentence": self.sentence,
            **{key: value for key, value in asdict(self).items() if key != "findings"},
            "findings": [
                {"name": item.cell.name, "verdict": item.verdict, **asdict(item)}
                for item in self.findings
            ],
        }
