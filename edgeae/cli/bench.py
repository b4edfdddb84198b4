"""`edgeae bench`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Build, Json, finish, put, put_json, say


def bench(
    bundles: Annotated[
        list[Path] | None, typer.Argument(help="Bundles, or folders of them [default: build].")
    ] = None,
    suite: Annotated[
        str, typer.Option(help="What to time: a file of bench/ by name, or its path.")
    ] = "full",
    runtime: Annotated[
        list[str] | None, typer.Option("--runtime", help="Only this runtime; repeatable.")
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only this part; repeatable.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", min=1, help="Threads; repeatable.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="The longest that one worker times.")
    ] = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Time artifacts in runtimes, one worker process each; appends to build/results.jsonl."""
    from dataclasses import asdict

    from edgeae.bundle import find_bundles
    from edgeae.errors import NotMeasured, exit_code
    from edgeae.timing import suite as suites
    from edgeae.timing.bench import bench as run
    from edgeae.timing.table import render

    chosen = suites.find(suite)
    if runtime:
        chosen = replace(chosen, runtimes=tuple(runtime))
    if part:
        chosen = replace(chosen, parts=tuple(part))
    if threads:
        chosen = replace(chosen, threads=tuple(threads))
    if seconds is not None:
        chosen = replace(chosen, seconds=seconds)
    jobs = suites.expand(chosen, find_bundles(bundles or [Path(build)]))
    if not jobs:
        raise NotMeasured("nothing to time: no artifact is opened by any of these runtimes")
    rows = list(run(jobs, chosen.seconds, Path(build) / "results.jsonl", say))
    if json:
        put_json([asdict(row) for row in rows])
    else:
        put(render(rows))
    named = set(runtime or [])
    # an absent engine is a row; only one that was asked for by name fails the command
    absent = [row for row in rows if not row.model and row.code == NotMeasured.code]
    ignored = [row for row in absent if row.runtime not in named]
    finish(exit_code(row.code for row in rows if row not in ignored))
