"""The gate's results: figures with verdicts, one finding per cell, one outcome per gate."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgeae.errors import NotMeasured, OutOfTolerance, exit_code

Verdict = Literal["pass", "fail", "inconclusive", "missing"]

#: From worst to best: the worst verdict of several figures is the verdict of all of them.
_ORDER: tuple[Verdict, ...] = ("fail", "missing", "inconclusive", "pass")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts; `missing` if there is no verdict."""
    distinct = set(verdicts)
    return next((verdict for verdict in _ORDER if verdict in distinct), "missing")


@dataclass(frozen=True)
class Cell:
    """The unit of judgement: a candidate, its baseline, and the settings that both run with.

    Attributes:
        candidate, baseline: display names: `deep/int8 encoder.tflite`, or a file's path; the
            baseline's is empty if there is no baseline.
        candidate_sha256, baseline_sha256: SHA-256 of the artifacts; the baseline's is empty if
            there is no baseline.
        runtime, threads, batch: settings that both sides run with.
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
        """The cell in one line: `deep/int8 encoder.tflite on litert-xnnpack, 2 threads`.

        Threads and batch are shown only if they are not 1.
        """
        threads = f", {self.threads} threads" if self.threads != 1 else ""
        batch = f", batch {self.batch}" if self.batch != 1 else ""
        return f"{self.candidate} on {self.runtime}{threads}{batch}"


@dataclass(frozen=True)
class Figure:
    """One quantity of a cell, with its verdict.

    Attributes:
        quantity: `p50 ratio`, `p50`, `p99`, `loss ratio`, `parity`, `AUC`, `bytes`, …
        unit: `×`, `ns`, `B`, `LSB` or empty.
        value: the measured value; None if the quantity was not measured.
        low, high: 95 % confidence interval of the value; None for exact figures.
        limit: largest allowed value, or the least of an AUC; None if there is no limit.
        verdict: the verdict of this figure.
        reason: the reason for the verdict in one line; empty if the numbers need no explanation.
        baseline, candidate: the two sides of a ratio, in `side_unit`; None if the figure is not a
            ratio or was not measured.
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
    """The gate's result for one cell.

    Attributes:
        cell: the cell that was judged.
        figures: the judged quantities, at least one.
        runtime_version, device: version and device of the runtime; empty if it was not opened.
        processes: number of timed worker processes; 0 if nothing was timed.
        fixed_ns: fixed cost of one call, in ns: the time before any arithmetic; None if nothing
            was timed.
        machine_error: |ratio − 1| of the baseline timed against itself; None if nothing was timed.
        seconds: duration of the judgement.
        notes: further notes for the reader, one line each.
        code: exit code of the error that made the verdict `missing`; 0 without such an error.
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
        """The worst verdict of the figures."""
        return worst(figure.verdict for figure in self.figures)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each figure that does not pass."""
        return tuple(
            f"{self.cell.name}: {figure.reason}"
            for figure in self.figures
            if figure.verdict != "pass"
        )


@dataclass(frozen=True)
class Outcome:
    """The result of a whole gate.

    Attributes:
        findings: one finding per cell, in the suite's order.
        suite: the suite's name; empty for a single pair.
        on_inconclusive: `fail` (exit code 3) or `warn` (a warning and exit code 0).
        machine: description of this machine, see `edgeae.system.machine.describe`.
        commit: the repository's commit; None outside a repository.
        seed: seed of the order of the cells.
        seconds: duration of the gate.
        absent: (runtime, reason) for each runtime that the suite names and this machine lacks.
        command: command line that repeats the gate in the same order; empty if there is none.
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
        """The worst verdict of all cells."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def code(self) -> int:
        """The exit code: 0 passed, 1 failed, 3 inconclusive or missing, or that of an error."""
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
        """The outcome in one line: the verdict, and the number of cells with each verdict."""
        counts = {
            verdict: sum(finding.verdict == verdict for finding in self.findings)
            for verdict in reversed(_ORDER)
        }
        counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"{self.verdict}: {counted or 'no cell'}"

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values, with verdicts, sentence and exit code."""
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
