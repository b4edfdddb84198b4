"""Render the history as text: one line per artifact, configuration and machine."""

from edgeae.summary.history import CAUTION, History, Line, Multiple
from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration
from edgeae.text.columns import align


def render(history: History) -> str:
    """Return the machines, the table, the missing runtimes and the caution, as lines."""
    machines = [
        f"machine {number}: {machine_line(machine)}"
        for number, machine in enumerate(history.machines, 1)
    ]
    header = ["artifact", "runtime", "machine", "commits", "oldest", "p50", "newest", "p50"]
    rows = [
        _row(history, multiple, line) for multiple in history.multiples for line in multiple.lines
    ]
    table = [align([[*header, "±95 %", "failed"], *rows], left=2)] if rows else []
    absent = [
        f"{item.runtime}: missing in {item.rows} {'row' if item.rows == 1 else 'rows'}: "
        f"{item.reason}"
        for item in history.absences
    ]
    return "\n".join([*machines, *table, *absent, CAUTION])


def _row(history: History, multiple: Multiple, line: Line) -> list[str]:
    commits = {point.commit for point in line.points}
    ends = [""] * 5
    if line.points:
        first, last = line.points[0], line.points[-1]
        spread = (last.high_ns - last.low_ns) / 2 / last.p50_ns if last.p50_ns else 0.0
        ends = [
            short(history.commits[first.commit]),
            duration(first.p50_ns),
            short(history.commits[last.commit]),
            duration(last.p50_ns),
            f"{spread:.1%}",
        ]
    return [
        multiple.name,
        multiple.how,
        str(line.machine + 1),
        str(len(commits)),
        *ends,
        str(len(line.failures)),
    ]


def short(commit: str) -> str:
    """Return a commit's first 7 digits; `none` for rows from outside a repository."""
    return commit[:7] or "none"
