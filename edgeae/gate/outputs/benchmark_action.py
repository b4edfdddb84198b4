"""The gate's figures for github-action-benchmark (`customSmallerIsBetter`), which plots them.

The format is a list of `{name, unit, value}`, with the texts `range` and `extra` beside a point.
The plot only shows history: the gate judges, so leave the action's own alert threshold off.
"""

import json
from typing import Any

from edgeae.gate.finding import Figure, Finding, Outcome
from edgeae.gate.outputs.format import amount, interval, known, printable


def render(outcome: Outcome) -> str:
    """Return the JSON text: every measured figure of the candidates, each name once."""
    entries: dict[str, dict[str, Any]] = {}
    for finding in outcome.findings:
        for figure in finding.figures:
            entry = _entry(finding, figure)
            if entry is not None:
                entries.setdefault(entry["name"], entry)
    return json.dumps(list(entries.values()), indent=1, allow_nan=False) + "\n"


def _entry(finding: Finding, figure: Figure) -> dict[str, Any] | None:
    """Return a figure as an entry; None if it was not measured.

    The entry of a ratio holds the candidate's value instead of the ratio.
    """
    quantity, unit, value = figure.quantity, figure.unit, figure.value
    if known(figure.candidate):
        # a ratio also changes with its baseline; only the candidate's value is comparable over time
        quantity = quantity.removesuffix(" ratio")
        unit, value = figure.side_unit, figure.candidate
    if not known(value):
        return None
    entry = {
        "name": printable(f"{finding.cell.name}: {quantity}"),
        "unit": printable(unit),
        "value": int(value) if float(value).is_integer() else float(value),
        "extra": printable(_extra(finding, figure)),
    }
    if interval(figure):
        kind = "ratio " if unit != figure.unit else ""
        entry["range"] = f"{kind}{interval(figure)}"
    return entry


def _extra(finding: Finding, figure: Figure) -> str:
    words: list[str] = [figure.verdict]
    if known(figure.value):
        words.append(f"value {amount(figure.value, figure.unit)}")
    if figure.limit is not None:
        words.append(f"limit {amount(figure.limit, figure.unit)}")
    if finding.processes:
        words.append(f"{finding.processes} processes")
    if finding.runtime_version:
        words.append(f"{finding.cell.runtime} {finding.runtime_version}")
    return ", ".join(words)
