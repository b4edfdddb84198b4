"""`edgeae encode`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked, OneBatch, OneRuntime, OneThreads, Output
from edgeae.cli.output import Json, put, put_json


def encode(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or what `edgeae embed` wrote.")],
    images: Annotated[
        Path,
        typer.Argument(
            help="Images or rows, .npy, .npz or .csv: uint8 pixels, or floats as the model was "
            "trained on; of standardised columns their own values."
        ),
    ],
    output: Output,
    dtype: Annotated[
        str, typer.Option(help="float32: real codes; or the code's own integers, as int8.")
    ] = "float32",
    runtime: OneRuntime = None,
    batch: OneBatch = None,
    threads: OneThreads = 1,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Write the codes of images."""
    from edgeae.api.opening import open as open_bundle
    from edgeae.api.shell import answer, check_output, images_in, written

    check_output(output)
    with open_bundle(bundle) as opened:
        given = images_in(images, opened.manifest)
    settings = {"dtype": dtype, "runtime": runtime, "batch": batch, "threads": threads}
    done = written(output, answer(bundle, "encode", given, settings))
    put_json(done.to_json()) if json else put(done.to_text())
