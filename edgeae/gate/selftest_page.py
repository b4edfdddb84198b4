"""The self-test's table as a Markdown page, with the machine and the date."""

import datetime
from collections.abc import Sequence

from edgeae.gate.selftest import Tally, table
from edgeae.system.machine import describe, machine_line
from edgeae.text import markdown


def page(tallies: Sequence[Tally], n: int) -> str:
    """Return the page of the results so far."""
    header, *rows = table(tallies)
    today = datetime.date.today().isoformat()
    return "\n".join(
        [
            "# The gate, tested by itself",
            "",
            f"`make selftest-gate N={n}` on {today}: {machine_line(describe())}.",
            "",
            "A/A pairs differ only in a description string. An injected slowdown is a share of the",
            "baseline's time above the fixed cost of a call, which is what the gate judges; the",
            "budget is 1.03. *Hogs* are CPU stressors, processes that each keep one core busy.",
            "*Wrong* counts false alarms on A/A pairs and passes of an injected slowdown; a suite",
            "counts as right only if it fails in the slowed cell and in no other.",
            "",
            markdown.table(header, {"gates", "load", "target", "met"}, rows),
            "",
        ]
    )
