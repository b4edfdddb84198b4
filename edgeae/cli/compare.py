"""`edgeae compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json, say


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, by name or folder; several of one family give a spread [default: all]."
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Also write the table to this Markdown file.")
    ] = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Compress models by edgeae and by tfmot under the same budgets; compare losses and bytes.

    Reports, and fails nothing: where tfmot is better, a line says so. Writes build/compare.json.
    """
    from edgeae.artifacts.model import find_model
    from edgeae.comparison.compare import compare as run
    from edgeae.comparison.pairs import PAIRS
    from edgeae.conversion.plan.matrix import trained
    from edgeae.summary.comparison import ENGINES, FILE, HEADER, WORDS, Comparison, table
    from edgeae.system import atomic
    from edgeae.text.columns import align
    from edgeae.text.progress import Progress

    folders = [find_model(Path(build), name) for name in models or trained(Path(build))]
    measured, total = [], len(folders) * len(PAIRS) * len(ENGINES)
    with Progress(total, "compare", "bundle", each=True) as progress:
        for item in run(folders, Path(build) / FILE, progress.tell):
            measured.append(item)
            ratio = "" if item.ratio is None else f"loss ÷ control {item.ratio:.4f}"
            told = item.refused or ratio
            progress.advance(f"{item.model}, {item.about}, {item.engine}: {told}")
    comparison = Comparison(tuple(measured))
    compared = table(comparison)
    command = " ".join(["edgeae compare", *(models or [])])
    if page is not None:
        atomic.write_text(page, compared.to_markdown(command))
        say(f"{page}: written")
    if json:
        put_json(comparison.to_json())
    else:
        put(align([HEADER, *(row.cells for row in compared.rows)], left=len(WORDS)))
        put("\n".join(compared.verdicts))
