"""Render the history's page from its plots."""

import itertools
from pathlib import Path

from edgeae.plotting import svg
from edgeae.report.history_plot import plot
from edgeae.report.history_table import short
from edgeae.report.template import fill
from edgeae.summary.history import CAUTION, History, Multiple
from edgeae.system import atomic
from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration

_TEMPLATE = "history.html.j2"


def write(history: History, path: Path) -> None:
    """Write the history's page to `path`.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    atomic.write_text(path, page(history))


def page(history: History) -> str:
    """Return the history's page as HTML.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    lines = [line for item in history.multiples for line in item.lines]
    return fill(
        _TEMPLATE,
        history=history,
        caution=CAUTION,
        groups=_groups(history),
        failed=any(line.failures for line in lines),
        unstable=any(point.unstable for line in lines for point in line.points),
        shapes=svg.SHAPES,
        short=short,
        duration=duration,
        machine_line=machine_line,
    )


def _groups(history: History) -> list[tuple[str, list[tuple[Multiple, str]]]]:
    """Group the multiples by model and part; pair each multiple with its drawing."""
    commits = [short(commit) for commit in history.commits]
    drawn = [
        (multiple, plot(multiple, commits, f"multiple-{number}"))
        for number, multiple in enumerate(history.multiples)
    ]
    grouped = itertools.groupby(drawn, key=lambda item: _group(item[0]))
    return [(name, list(items)) for name, items in grouped]


def _group(multiple: Multiple) -> str:
    apart = ", software devices: not the latency of hardware" if multiple.software else ""
    return f"{multiple.model}, {multiple.part}{apart}"
