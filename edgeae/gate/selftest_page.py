"""The self-test's table as a Markdown page, with the machine and the date it is from."""

import datetime
from collections.abc import Sequence

from edgeae.gate.selftest import Tally, table
from edgeae.system.machine import describe, machine_line


def page(tallies: Sequence[Tally], n: int) -> str:
    """Return the page of what is known so far."""
    header, *rows = table(tallies)
    lines = [_line(header), _line(["---"] * len(header)), *map(_line, rows)]
    today = datetime.date.today().isoformat()
    return "\n".join(
        [
            "# The gate, tested by itself",
            "",
            f"`make selftest-gate N={n}` on {today}: {machine_line(describe())}.",
            "",
            "A/A pairs differ in a description string alone. A planted slow-down is a share of the",
            "baseline's time above the fixed cost of a call, which is what the gate judges; the",
            "budget is 1.03. *Wrong* are false alarms on A/A and passes of a planted slow-down; a",
            "suite counts as right only if it names the planted cell and no other.",
            "",
            *lines,
            "",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
