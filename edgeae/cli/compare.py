"""`edgeae compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey

if TYPE_CHECKING:
    from edgeae.conversion.plan.export import ExportOutcome


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, by name or folder; several of one family give a spread [default: all]."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Also write all comparisons of the build as Markdown, here."),
    ] = None,
    scheduler: Scheduler = LOCAL,
    retries: Retries = None,
    store: Store = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Compress models by edgeae and by tfmot under the same budgets; compare losses and bytes.

    Reports, and fails nothing: where tfmot is better, a line says so. Writes build/compare.json.
    With --scheduler, bundles that are out of date are exported on a cluster, several at once; their
    seconds are unknown, because only exports of one machine, each by itself, can be compared.
    """
    from edgeae.artifacts.model import find_model, open_model
    from edgeae.comparison.compare import compare as run
    from edgeae.comparison.pairs import PAIRS
    from edgeae.conversion.plan.matrix import trained
    from edgeae.summary import comparison as told
    from edgeae.summary.trained import model_folders, open_all
    from edgeae.system import atomic
    from edgeae.text.columns import align
    from edgeae.text.progress import Progress

    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    folders = [find_model(Path(build), name) for name in models or trained(Path(build))]
    kept = Path(build) / told.FILE
    made = {} if cluster.is_local else _made_on(cluster, folders)
    measured, total = [], len(folders) * len(PAIRS) * len(told.ENGINES)
    with Progress(total, "compare", "bundle", each=True) as progress:
        for item in run(folders, kept, progress.tell, made):
            measured.append(item)
            ratio = "" if item.ratio is None else f"loss ÷ control {item.ratio:.4f}"
            progress.advance(f"{item.model}, {item.about}, {item.engine}: {item.refused or ratio}")
    comparison = told.Comparison(tuple(measured))
    if page is not None:
        trainings = open_all(model_folders(Path(build), ()))
        found = told.tables(told.read(kept), trainings)
        atomic.write_text(page, told.page(found, "edgeae compare"))
        say(f"{page}: written")
    if json:
        put_json(comparison.to_json())
        return
    for table in told.tables(comparison, {folder.name: open_model(folder) for folder in folders}):
        put(f"{', '.join(table.models)}\n")
        rows = [told.HEADER, *(row.cells for row in table.rows)]
        put(align(rows, left=len(told.WORDS)))
        put("\n".join(table.verdicts))


def _made_on(cluster: Cluster, folders: list[Path]) -> dict[Path, ExportOutcome]:
    """Export what is out of date on a cluster; a failure does not stop the others."""
    from edgeae.comparison.compare import outdated
    from edgeae.conversion.plan.export import at_once, export, opened
    from edgeae.text.progress import Progress

    cells = outdated(folders)
    if not cells:
        return {}
    jobs, _ = at_once(cells, opened(cells), None)
    made = {}
    executor = cluster.executor(jobs)
    with Progress(len(cells), "export", "bundle", each=True) as progress:
        for outcome in export(cells, jobs=jobs, say=progress.tell, cluster=executor):
            made[outcome.cell.link] = outcome
            why = "" if outcome.error is None else f": {outcome.error}"
            progress.advance(outcome.to_text() + why)
    return made
