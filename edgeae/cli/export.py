"""`edgeae export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import Build, Json, finish, put, put_json, say

if TYPE_CHECKING:
    from edgeae.conversion.export import Cell


def export(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models, by name or folder [default: all].")
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", "-r", help="A recipe's name or file; repeatable [default: all]."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Exports at once, about 600 MB each.")
    ] = 2,
    force: Annotated[bool, typer.Option("--force", help="Export even what is current.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Describe the recipes.")] = False,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Export models under recipes: bundles of .tflite and .onnx files in build/MODEL/RECIPE."""
    from edgeae import recipe as recipes

    if list_:
        found = {name: recipes.find(name).description for name in recipes.available()}
        put_json(found) if json else put("\n".join(f"{k:18}{v}" for k, v in found.items()))
        return

    from edgeae.conversion.export import Cell
    from edgeae.conversion.export import export as run
    from edgeae.conversion.table import render
    from edgeae.errors import exit_code
    from edgeae.model import find_model
    from edgeae.progress import Progress

    names = models or _all_models(Path(build))
    plans = [recipes.find(name) for name in recipe or recipes.available()]
    folders = [find_model(Path(build), name) for name in names]
    cells = list(
        {cell.link: cell for cell in (Cell(f, p) for f in folders for p in plans)}.values()
    )
    if not (models and recipe):
        cells = _possible(cells)
    outcomes = []
    with Progress(len(cells), "export", "bundle") as progress:
        for outcome in run(cells, jobs=jobs, force=force, say=progress.tell):
            outcomes.append(outcome)
            progress.advance(f"{outcome.cell.link} {outcome.state}")
    for item in outcomes:
        if item.error is not None:
            say(f"edgeae: {item.cell.link}: {item.error}")
    if json:
        put_json({str(item.cell.link): item.to_json() for item in outcomes})
    elif any(item.error is None for item in outcomes):
        put(render(outcomes))
    finish(exit_code(item.error.code for item in outcomes if item.error is not None))


def _possible(cells: list[Cell]) -> list[Cell]:
    """Leave out, with a line, what nobody named and cannot be."""
    from edgeae.conversion.export import impossible
    from edgeae.errors import BadInput

    reasons = {cell.link: impossible(cell) for cell in cells}
    told = [f"{link}: left out: {reason}" for link, reason in reasons.items() if reason]
    kept = [cell for cell in cells if not reasons[cell.link]]
    if told and not kept:
        raise BadInput(told[-1])
    for line in told:
        say(line)
    return kept


def _all_models(build: Path) -> list[str]:
    from edgeae.errors import BadInput
    from edgeae.model import TRAIN

    found = sorted(path.parent.name for path in build.glob(f"*/{TRAIN}"))
    if not found:
        raise BadInput(f"{build}: no trained model; `edgeae train` makes one")
    return found
