"""`edgeae decode`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked, OneBatch, OneRuntime, OneThreads, Output
from edgeae.cli.output import Json, put, put_json


def decode(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or what `edgeae embed` wrote.")],
    codes: Annotated[
        Path,
        typer.Argument(
            help="Codes, .npy, .npz or .csv: floats, and all numbers of a .csv, are real codes, "
            "integers of the code's own type raw ones."
        ),
    ],
    output: Output,
    runtime: OneRuntime = None,
    batch: OneBatch = None,
    threads: OneThreads = 1,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Write the images of codes: real values; of standardised columns the columns' own."""
    from edgeae.api.shell import answer, check_output, codes_in, written

    check_output(output)
    settings = {"runtime": runtime, "batch": batch, "threads": threads}
    done = written(output, answer(bundle, "decode", codes_in(codes), settings))
    put_json(done.to_json()) if json else put(done.to_text())
