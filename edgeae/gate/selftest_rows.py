"""The self-test's raw rows, kept in a file and judged again later, without a clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, system_error
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Verdict
from edgeae.gate.rows import PairRow
from edgeae.gate.selftest import Scenario, Tally, label
from edgeae.gate.verdict import is_open, ratio_figure
from edgeae.reading import files
from edgeae.reading.parsing import parse_json
from edgeae.reading.typed_json import rebuild
from edgeae.timing.results import append_line

#: Scenario → gate → its rows, in the order of the processes.
Rows = dict[str, dict[int, list[PairRow]]]


def keep(path: Path, scenario: Scenario, gate: int, row: PairRow) -> None:
    """Append one process's row, with the scenario and the number of the gate that it is of."""
    append_line(path, {"scenario": label(scenario), "gate": gate, "row": asdict(row)})


def read(path: Path) -> Rows:
    """Read what `keep` wrote.

    Raises:
        BadInput: there is no such file, or a line of it is no row.
    """
    try:
        content = files.read(path)
    except OSError as error:
        raise system_error(error) from None
    found: Rows = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            table = rebuild(dict[str, Any], parse_json(line, "not a row of the self-test"))
            scenario = rebuild(str, table.get("scenario"), "scenario")
            gate = rebuild(int, table.get("gate"), "gate")
            row: PairRow = rebuild(PairRow, table.get("row"), "row")
        except BadInput as error:
            raise BadInput(f"{path}:{number}: {error}") from None
        found.setdefault(scenario, {}).setdefault(gate, []).append(row)
    return found


def tallies(
    found: Mapping[str, Mapping[int, Sequence[PairRow]]], known: Sequence[Scenario]
) -> Iterator[Tally]:
    """Judge each gate of one cell as it was judged: a look after every process, until it is clear.

    Args:
        found: see `read`.
        known: the scenarios that a row may be of.

    Raises:
        BadInput: a scenario is none of those, or is of a suite.
    """
    by_label = {label(item): item for item in known if item.cells == 1}
    for name, gates in found.items():
        if name not in by_label:
            allowed = ", ".join(by_label)
            raise BadInput(f"scenario {name!r}: allowed are {allowed}")
        tally = Tally(by_label[name])
        for rows in gates.values():
            verdict, looked = _judged(rows)
            tally.verdicts.append(verdict)
            tally.processes.append(looked)
            tally.seconds.append(sum(row.seconds for row in rows[:looked]))
        yield tally


def _judged(rows: Sequence[PairRow]) -> tuple[Verdict, int]:
    budget = Budget()
    for count in range(1, len(rows) + 1):
        figure = ratio_figure(rows[:count], budget.max_ratio)
        if not is_open([figure], count):
            break
    return figure.verdict, count
