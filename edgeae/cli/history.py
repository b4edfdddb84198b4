"""`edgeae history`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Build, Json, put, put_json
from edgeae.reading.names import REPORT


def history(
    out: Annotated[
        Path | None, typer.Option(help="File of the page [default: BUILD/report/history.html].")
    ] = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Plot stored results over commits: build/report/history.html. The gate does not use them."""
    from edgeae.report.history_page import write
    from edgeae.report.history_table import render
    from edgeae.summary.history import read

    timings = read(Path(build), Path.cwd())
    page = out or Path(build) / REPORT / "history.html"
    write(timings, page)
    put_json(timings.to_json()) if json else put(f"{render(timings)}\n\n{page}")
