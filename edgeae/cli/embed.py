"""`edgeae embed`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json


def embed(
    artifact: Annotated[Path, typer.Argument(help="A bundle, or an int8 or float .tflite file.")],
    form: Annotated[str, typer.Option("--as", metavar="FORM", help="The form: c.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model in the app's code [default: the model's]."),
    ] = None,
    target: Annotated[
        str, typer.Option(help="The core: portable, cortex-m4, cortex-m55, and others.")
    ] = "portable",
    optimize: Annotated[
        str, typer.Option(help="size: the fewest bytes; speed: the fewest instructions.")
    ] = "speed",
    json: Json = False,
) -> None:
    """Write a model as source code for apps: C99 with golden vectors and a self-test."""
    from edgeae.embed.write import embed as run

    done = run(artifact, form, out, name=name, target=target, optimize=optimize)
    if json:
        put_json({"folder": str(done.folder), "files": done.files})
    else:
        put("\n".join(str(done.folder / file) for file in done.files))
