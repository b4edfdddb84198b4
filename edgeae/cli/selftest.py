"""`edgeae selftest`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import Json, finish, put, put_json, say

if TYPE_CHECKING:
    from edgeae.gate.selftest import Scenario, Tally


def selftest(
    n: Annotated[
        int,
        typer.Option(
            "-n",
            min=5,
            help="Number of A/A gates and of gates at the budget; the other scenarios run 0.6 or "
            "0.1 times as many.",
        ),
    ] = 100,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only scenarios whose name contains this; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the order of jobs.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the table to this Markdown file.")] = None,
    rows: Annotated[
        Path | None, typer.Option(help="Append every process's raw times to this file.")
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Judge the rows of this file again instead of timing.")
    ] = None,
    json: Json = False,
) -> None:
    """Test the gate on this machine: count its false alarms and misses, and time it."""
    from dataclasses import asdict

    from edgeae.errors import OutOfTolerance
    from edgeae.gate.selftest import table
    from edgeae.gate.selftest_page import page
    from edgeae.system import atomic
    from edgeae.text.columns import align

    results: list[Tally] = []
    for results in _judged(judge, n) if judge else _timed(_chosen(n, only), seed, rows):
        if out is not None:
            atomic.write_text(out, page(results, n))
    if json:
        put_json([{**asdict(item), "met": item.is_met} for item in results])
    else:
        put(align(table(results), left=2))
    broken = [item for item in results if not item.is_met]
    finish(OutOfTolerance.code if broken else 0)


def _chosen(n: int, only: list[str] | None) -> list[Scenario]:
    from edgeae.errors import BadInput
    from edgeae.gate.selftest import label, scenarios

    every = scenarios(n)
    chosen = [item for item in every if not only or any(word in label(item) for word in only)]
    if not chosen:
        reason = f"no such scenario (there are: {', '.join(map(label, every))})"
        raise BadInput(f"--only {', '.join(only or [])}: {reason}")
    return chosen


def _timed(chosen: list[Scenario], seed: int, rows: Path | None) -> Iterator[list[Tally]]:
    """Run the gates; yield all tallies after each gate."""
    from edgeae.gate.rows import PairRow
    from edgeae.gate.selftest import label, selftest
    from edgeae.gate.selftest_rows import keep
    from edgeae.text.progress import Progress

    def kept(scenario: Scenario, gate: int, row: PairRow) -> None:
        if rows is not None:
            keep(rows, scenario, gate, row)

    tallies: dict[str, Tally] = {}
    with Progress(sum(item.count for item in chosen), "selftest", "gate") as progress:
        for tally in selftest(chosen, seed=seed, say=say, on_row=kept):
            name = label(tally.scenario)
            tallies[name] = tally
            progress.advance(f"{name}: {tally.verdicts[-1]}")
            yield list(tallies.values())


def _judged(path: Path, n: int) -> Iterator[list[Tally]]:
    from edgeae.gate.selftest import scenarios
    from edgeae.gate.selftest_rows import read, tallies

    yield list(tallies(read(path), scenarios(n)))
