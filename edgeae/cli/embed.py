"""`edgeae embed`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Json, put, put_json
from edgeae.text.amounts import parse_bytes

#: The keys of `edgeae.embed.table.FORMS`, which `--help` does not import.
FORMS = (
    "c, cmake, arduino, platformio, zephyr, esp-idf, cmsis-pack, tflm, android, android-litert, "
    "swift, web"
)


def embed(
    artifact: Annotated[Path, typer.Argument(help="A bundle, or an int8 or float .tflite file.")],
    form: Annotated[str, typer.Option("--as", metavar="FORM", help=f"The form: {FORMS}.")],
    out: Annotated[
        Path, typer.Option("--out", help="The folder: empty, missing, or written by this command.")
    ],
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
    golden: Annotated[
        str,
        typer.Option(
            metavar="N",
            help="How many golden vectors ship: rows of the test data; or synthetic: noise.",
        ),
    ] = "8",
    package_version: Annotated[str, typer.Option(help="The package's version.")] = "0.1.0",
    description: Annotated[
        str, typer.Option(help="The package's description [default: model and parts].")
    ] = "",
    license: Annotated[
        str, typer.Option("--license", help="SPDX expression of its licence [default: none].")
    ] = "",
    author: Annotated[
        str, typer.Option(help="Its author, as name or name <mail> [default: none].")
    ] = "",
    url: Annotated[str, typer.Option(help="Its page [default: none].")] = "",
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Write a model in the form that an app's build takes, with golden vectors and a test."""
    from edgeae.embed.form import Options
    from edgeae.embed.record import Package
    from edgeae.embed.write import embed as run

    done = run(
        artifact,
        form,
        out,
        name=name,
        options=Options(target, optimize),
        golden=golden,
        package=Package(package_version, description, license, author, url),
        max_flash=_bytes("--max-flash", max_flash),
        max_ram=_bytes("--max-ram", max_ram),
    )
    if json:
        parts = [item.to_json() for item in done.footprints]
        table = {"folder": str(done.folder), "files": done.files, "parts": parts}
        put_json({**table, "golden": done.golden, "missing": list(done.missing)})
        return
    lines = [str(done.folder / file) for file in done.files]
    put("\n".join([*lines, *(item.to_text() for item in done.footprints)]))
    put(f"golden vectors that ship: {done.golden}")
    if done.missing:
        put(f"not given, but asked for by {done.publisher}: {', '.join(done.missing)}")


def _bytes(option: str, text: str | None) -> int | None:
    return None if text is None else parse_bytes(option, text)
