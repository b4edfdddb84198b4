"""`edgeae baseline save`, `edgeae baseline list`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Json, finish, put, put_json, say

app = typer.Typer(
    help="Save and list baselines: artifacts in bench/baselines that candidates are compared with.",
    rich_markup_mode=None,
)


@app.command()
def save(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Bundles, folders of bundles, .tflite and .onnx files [default: build]."
        ),
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder of baselines.")] = Path("bench/baselines"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace existing baselines that differ.")
    ] = False,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Copy bundles and bare files to bench/baselines, with a record of their origin."""
    from edgeae.baselines.save import save as run
    from edgeae.text.amounts import size
    from edgeae.text.columns import align

    saved = run(places or [Path("build")], to, force=force)
    if json:
        put_json(
            [
                {"baseline": str(item.place), "state": item.state, "bytes": item.bytes}
                for item in saved
            ]
        )
        return
    put(align([[str(item.place), item.state, size(item.bytes)] for item in saved], left=2))


@app.command("list")
def list_(
    place: Annotated[
        str, typer.Argument(help="A folder of baselines, a bundle, a file, or git:REF.")
    ] = "bench/baselines",
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """List the baselines, and check that each still has the bytes that were saved."""
    from edgeae.baselines.listing import listing, render
    from edgeae.errors import exit_code
    from edgeae.text.columns import align

    listed = listing(place, Path.cwd())
    if json:
        put_json([item.to_json() for item in listed])
    else:
        put(align(render(listed), left=5))
    for item in listed:
        if item.problem:
            say(f"edgeae: {item.problem}")
    finish(exit_code(item.code for item in listed))
