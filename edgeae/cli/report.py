"""`edgeae report`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json
from edgeae.reading.names import REPORT


def report(
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report [default: BUILD/report].")
    ] = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Write all results to one page: build/report/index.html, summary.md and summary.json."""
    from edgeae.families.command import train_command
    from edgeae.report.write import write

    folder = out or Path(build) / REPORT
    summary = write(Path(build), folder, train_command)
    put_json(summary) if json else put(str(folder / "index.html"))
