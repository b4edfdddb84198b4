"""`edgeae report`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json
from edgeae.reading.names import LIVE, REPORT


def report(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the report; the live page is in its folder live "
            "[default: BUILD/report and BUILD/live]."
        ),
    ] = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Write all results to one page, build/report/index.html, and a page to draw on, build/live.

    Beside the page of results are summary.md and summary.json. build/live/index.html computes codes
    and reconstructions in the browser, by the exported C; that takes edgeae[c].
    """
    from edgeae.families.command import train_command
    from edgeae.live.write import live
    from edgeae.report.write import write

    folder = out or Path(build) / REPORT
    page = live(Path(build), (out or Path(build)) / LIVE)
    summary = write(Path(build), folder, train_command, page.card)
    page.write()
    put_json(summary) if json else put(str(folder / "index.html"))
