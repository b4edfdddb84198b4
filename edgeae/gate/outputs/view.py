"""The content that the gate's table and its Markdown share, as strings without layout."""

from collections.abc import Iterable
from dataclasses import dataclass

from edgeae.gate.finding import Cell, Figure, Finding, Outcome
from edgeae.gate.outputs.format import amount, interval, known, printable
from edgeae.system.machine import machine_line

#: Verdict → its mark; the word is always shown beside the mark.
MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "missing": "○"}
#: The quantity that compares two times; every other figure is exact or absolute.
_LATENCY = "p50 ratio"
#: Column names of the texts of `timed_rows`, and of `other_rows`.
TIMED = ("baseline", "candidate", "fixed", "ratio", "95 %", "limit", "n", "verdict")
OTHER = ("figure", "baseline", "candidate", "value", "limit", "verdict")
LEGEND = (
    "baseline, candidate: p50 of a call; ratio: above the fixed cost if over a tenth; n: processes"
)


@dataclass(frozen=True)
class FigureRow:
    """One figure of one cell, formatted for a table.

    Attributes:
        artifact: the candidate's name.
        where: runtime and version, with threads and batch if they are not 1: `null 1.0, 2 threads`.
        cell, figure: the cell and the figure of this line.
        texts: the columns, named by `TIMED` or `OTHER`.
    """

    artifact: str
    where: str
    cell: Cell
    figure: Figure
    texts: tuple[str, ...]


def is_warning(outcome: Outcome, finding: Finding) -> bool:
    """Return whether a cell is inconclusive and the gate only warns about inconclusive cells."""
    return finding.verdict == "inconclusive" and outcome.on_inconclusive == "warn"


def told(outcome: Outcome) -> list[Finding]:
    """Return the findings that are shown one by one: all but those of identical artifacts."""
    return [finding for finding in outcome.findings if not _is_identical(finding)]


def identical(outcome: Outcome) -> str:
    """Return a line with the number of identical artifacts; empty if no artifact is identical."""
    count = len(outcome.findings) - len(told(outcome))
    artifacts = "artifact: passes" if count == 1 else "artifacts: pass"
    return f"{count} identical {artifacts} without timing" if count else ""


def _is_identical(finding: Finding) -> bool:
    cell = finding.cell
    same = cell.candidate_sha256 == cell.baseline_sha256
    return same and finding.processes == 0 and finding.verdict == "pass"


def timed_rows(findings: Iterable[Finding]) -> list[FigureRow]:
    """Return one line for each ratio of latencies."""
    return [
        _row(finding, figure, _timed(finding, figure))
        for finding in findings
        for figure in finding.figures
        if figure.quantity == _LATENCY
    ]


def other_rows(findings: Iterable[Finding]) -> list[FigureRow]:
    """Return one line for each figure that is not a ratio of latencies."""
    return [
        _row(finding, figure, _other(figure))
        for finding in findings
        for figure in finding.figures
        if figure.quantity != _LATENCY
    ]


def _row(finding: Finding, figure: Figure, texts: tuple[str, ...]) -> FigureRow:
    cell = finding.cell
    return FigureRow(printable(cell.candidate), _where(finding), cell, figure, texts)


def _where(finding: Finding) -> str:
    cell = finding.cell
    version = f" {finding.runtime_version}" if finding.runtime_version else ""
    unusual = cell.name.removeprefix(f"{cell.candidate} on {cell.runtime}")
    return printable(f"{cell.runtime}{version}{unusual}")


def _timed(finding: Finding, figure: Figure) -> tuple[str, ...]:
    return (
        amount(figure.baseline, figure.side_unit),
        amount(figure.candidate, figure.side_unit),
        amount(finding.fixed_ns, "ns"),
        amount(figure.value, figure.unit),
        interval(figure),
        amount(figure.limit, figure.unit),
        str(finding.processes),
        _marked(figure),
    )


def _other(figure: Figure) -> tuple[str, ...]:
    return (
        printable(figure.quantity),
        amount(figure.baseline, figure.side_unit),
        amount(figure.candidate, figure.side_unit),
        amount(figure.value, figure.unit),
        amount(figure.limit, figure.unit),
        _marked(figure),
    )


def _marked(figure: Figure) -> str:
    return f"{MARKS[figure.verdict]} {figure.verdict}"


def open_lines(outcome: Outcome) -> list[str]:
    """Return one line for each figure that does not pass, with its verdict or `warning`."""
    return [
        printable(f"{'warning' if is_warning(outcome, finding) else finding.verdict}: {line}")
        for finding in outcome.findings
        for line in finding.lines
    ]


def notes(findings: Iterable[Finding]) -> list[str]:
    """Return each note once, with its cell, or with the number of cells that share the note."""
    owners: dict[str, list[str]] = {}
    for finding in findings:
        for note in dict.fromkeys(finding.notes):
            owners.setdefault(note, []).append(finding.cell.name)
    return [
        printable(f"{names[0] if len(names) == 1 else f'{len(names)} cells'}: {note}")
        for note, names in owners.items()
    ]


def own_error(outcome: Outcome) -> str:
    """Return a line with the largest machine error of all cells; empty if nothing was timed."""
    errors = [
        abs(finding.machine_error) for finding in outcome.findings if known(finding.machine_error)
    ]
    if not errors:
        return ""
    worst = f", at worst of {len(errors)} cells" if len(errors) > 1 else ""
    return f"this machine's own error (a baseline against itself): {max(errors):.2%}{worst}"


def closing(outcome: Outcome) -> list[str]:
    """Return the last lines: machine, seed and commit, and the outcome in one sentence."""
    lines = [printable(machine_line(outcome.machine))] if outcome.machine else []
    commit = f", commit {printable(outcome.commit[:12])}" if outcome.commit else ""
    lines.append(f"order drawn from seed {outcome.seed}{commit}; took {outcome.seconds:.1f} s")
    lenient = any(is_warning(outcome, finding) for finding in outcome.findings)
    allowed = " (inconclusive is allowed: on_inconclusive is warn)" if lenient else ""
    return [*lines, f"{MARKS[outcome.verdict]} {outcome.sentence}{allowed}"]


def absent(outcome: Outcome) -> list[str]:
    """Return one line for each runtime that the suite names and this machine lacks."""
    return [printable(f"not on this machine: {name}: {why}") for name, why in outcome.absent]
