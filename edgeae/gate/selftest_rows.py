"""Write the self-test's raw rows to a file, and judge the rows of such a file again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, about, system_error
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Verdict
from edgeae.gate.rows import PairRow
from edgeae.gate.selftest import Scenario, Tally, label
from edgeae.gate.verdict import is_open, ratio_figure
from edgeae.reading import files, typed
from edgeae.reading.json_lines import append_line
from edgeae.reading.parsing import parse_json

#: Scenario's label → gate's number → the gate's rows, in the order of the processes.
Rows = dict[str, dict[int, list[PairRow]]]


def keep(path: Path, scenario: Scenario, gate: int, row: PairRow) -> None:
    """Append one process's row to a file, with its scenario and the number of its gate."""
    append_line(path, {"scenario": label(scenario), "gate": gate, "row": asdict(row)})


def read(path: Path) -> Rows:
    """Return the rows of a file that `keep` wrote.

    Raises:
        BadInput: the file is missing, or one of its lines is not a row.
    """
    try:
        content = files.read(path)
    except OSError as error:
        raise system_error(error) from None
    rows: Rows = {}
    for number, line in enumerate(content.splitlines(), 1):
        with about(f"{path}:{number}"):
            content = parse_json(line, "not a row of the self-test")
            table = typed.value(dict[str, Any], content)
            scenario = typed.value(str, table.get("scenario"), "scenario")
            gate = typed.value(int, table.get("gate"), "gate")
            row = typed.build(PairRow, table.get("row"), "row")
        rows.setdefault(scenario, {}).setdefault(gate, []).append(row)
    return rows


def tallies(
    rows_of: Mapping[str, Mapping[int, Sequence[PairRow]]], planned: Sequence[Scenario]
) -> Iterator[Tally]:
    """Judge each gate again, with a look after every process until the verdict is clear.

    Only gates of a single cell can be judged again.

    Args:
        rows_of: the rows, see `read`.
        planned: the scenarios that rows may belong to.

    Raises:
        BadInput: a row's scenario is not in `planned`, or is a suite's.
    """
    by_label = {label(item): item for item in planned if item.cells == 1}
    for name, gates in rows_of.items():
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
