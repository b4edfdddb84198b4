"""`edgeae embed`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Json, put, put_json
from edgeae.text.amounts import parse_bytes


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
    max_flash: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Write nothing if a part's constants and code take more, as 256k."
        ),
    ] = None,
    max_ram: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Write nothing if a part's arena, input, output and stack take more, as 16k.",
        ),
    ] = None,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Write a model as source code for apps: C99, golden vectors and a test of its own."""
    from edgeae.embed.write import embed as run

    done = run(
        artifact,
        form,
        out,
        name=name,
        target=target,
        optimize=optimize,
        max_flash=_bytes("--max-flash", max_flash),
        max_ram=_bytes("--max-ram", max_ram),
    )
    if json:
        parts = [item.to_json() for item in done.footprints]
        put_json({"folder": str(done.folder), "files": done.files, "parts": parts})
    else:
        put("\n".join(str(done.folder / file) for file in done.files))
        put("\n".join(item.to_text() for item in done.footprints))


def _bytes(option: str, text: str | None) -> int | None:
    return None if text is None else parse_bytes(option, text)
