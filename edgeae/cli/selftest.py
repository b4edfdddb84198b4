"""`edgeae selftest`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, finish, put, put_json, say


def selftest(
    n: Annotated[
        int, typer.Option("-n", min=5, help="A/A gates; of the others 0.6 and 0.1 times.")
    ] = 100,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Scenarios whose name holds this; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every order.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the table to this Markdown file.")] = None,
    json: Json = False,
) -> None:
    """Let the gate prove itself on this machine: false alarms, misses, seconds."""
    from dataclasses import asdict

    from edgeae import atomic
    from edgeae.columns import align
    from edgeae.errors import BadInput, OutOfTolerance
    from edgeae.gate import selftest as stage
    from edgeae.gate.selftest_page import page
    from edgeae.progress import Progress

    chosen = [
        item
        for item in stage.scenarios(n)
        if not only or any(word in stage.label(item) for word in only)
    ]
    if not chosen:
        known = ", ".join(stage.label(item) for item in stage.scenarios(n))
        raise BadInput(f"--only {', '.join(only or [])}: no such scenario (there are: {known})")
    tallies: dict[str, stage.Tally] = {}
    with Progress(sum(item.count for item in chosen), "selftest", "gate") as progress:
        for tally in stage.selftest(chosen, seed=seed, say=say):
            name = stage.label(tally.scenario)
            tallies[name] = tally
            progress.advance(f"{name}: {tally.verdicts[-1]}")
            if out is not None:
                atomic.write_text(out, page(list(tallies.values()), n))
    found = list(tallies.values())
    if json:
        put_json([{**asdict(item), "met": item.is_met} for item in found])
    else:
        put(align(stage.table(found), left=2))
    broken = [item for item in found if item.scenario.expected and not item.is_met]
    finish(OutOfTolerance.code if broken else 0)
