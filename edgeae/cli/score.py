"""`edgeae score`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked, OneBatch, OneRuntime, OneThreads
from edgeae.cli.output import Json, put, put_json


def score(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or what `edgeae embed` wrote.")],
    images: Annotated[
        Path, typer.Argument(help="Images or rows, .npy, .npz or .csv; see `edgeae encode`.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The .npy or .csv to write [default: print a line per row]."
        ),
    ] = None,
    runtime: OneRuntime = None,
    batch: OneBatch = None,
    threads: OneThreads = 1,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Print each row's anomaly score: the mean squared error of its reconstruction."""
    from edgeae.api.opening import open as open_bundle
    from edgeae.api.shell import answer, check_output, images_in, written

    if output is not None:
        check_output(output)
    with open_bundle(bundle) as opened:
        given = images_in(images, opened.manifest)
    settings = {"runtime": runtime, "batch": batch, "threads": threads}
    scores = answer(bundle, "score", given, settings)
    if output is not None:
        done = written(output, scores)
        put_json(done.to_json()) if json else put(done.to_text())
    elif json:
        put_json({"scores": scores.tolist()})
    else:
        put("\n".join(f"{value:.17g}" for value in scores.tolist()))
