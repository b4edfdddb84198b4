"""`edgeae export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae import errors
from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, finish, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey
from edgeae.cli.tracking import Mlflow, Tracking
from edgeae.errors import BadInput

if TYPE_CHECKING:
    from edgeae.conversion.plan.export import ExportCell, ExportOutcome
    from edgeae.recipe import Recipe

_TOML = ".toml"


def export(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, by name or folder; with --matrix, its file [default: all models]."
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            "-r",
            help="A recipe's name or file; repeatable [default: all recipes; if neither models nor "
            "a matrix are given, the recipes that do not fine-tune].",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a key of each --recipe; repeatable."
        ),
    ] = None,
    matrix: Annotated[
        bool,
        typer.Option(
            "--matrix",
            help="Export what a matrix file names [FILE.toml; default: export/matrix.toml]. That "
            "file is also used if neither models nor recipes are given.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Parallel exports [default: as cores and memory allow]."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Export again even if a bundle is up to date.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show recipes, step by step.")] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Compare calibration methods; export nothing.")
    ] = False,
    scheduler: Scheduler = LOCAL,
    retries: Retries = None,
    store: Store = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    mlflow: Mlflow = False,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Export models with recipes: bundles of .tflite and .onnx files in build/MODEL/RECIPE."""
    if settings and not recipe:
        raise BadInput(f"--set {settings[0]}: needs --recipe, which it changes")
    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    if list_:
        _list(_plans(recipe, settings), json)
        return
    names = models or []
    if matrix:
        cells = _of_matrix(names, recipe, Path(build))
    elif calibrate or names or recipe:
        cells = _named(names, _plans(recipe, settings), Path(build), tuple(settings or ()))
    else:
        cells = _everything(Path(build))
    if calibrate:
        _calibrate(cells, bool(recipe), json)
        return
    _export(
        cells,
        named=bool(names and recipe),
        every=bool(names) and not (recipe or matrix),
        force=force,
        jobs=jobs,
        cluster=cluster,
        tracking=Tracking(mlflow),
        json=json,
    )


def _plans(names: list[str] | None, settings: list[str] | None) -> list[Recipe]:
    from edgeae import recipe as recipes

    return [recipes.find(name, settings or ()) for name in names or recipes.available()]


def _list(plans: list[Recipe], json: bool) -> None:
    from edgeae.recipe import listing

    if json:
        put_json({plan.name: listing.as_json(plan) for plan in plans})
    else:
        put(listing.render(plans))


def _of_matrix(files: list[str], recipe: list[str] | None, build: Path) -> list[ExportCell]:
    from edgeae.conversion.plan import matrix

    if recipe or len(files) > 1 or not all(name.endswith(_TOML) for name in files):
        raise BadInput("--matrix: its file names the models and recipes; give no others")
    return matrix.cells(matrix.find(*files), build)


def _named(
    models: list[str], plans: list[Recipe], build: Path, settings: tuple[str, ...] = ()
) -> list[ExportCell]:
    from edgeae.artifacts.model import find_model
    from edgeae.conversion.plan.export import ExportCell
    from edgeae.conversion.plan.matrix import trained

    folders = [find_model(build, name) for name in models or trained(build)]
    cells = [ExportCell(folder, plan, settings) for folder in folders for plan in plans]
    return list({cell.link: cell for cell in cells}.values())


def _everything(build: Path) -> list[ExportCell]:
    """Return the cells of the project's matrix; without one, all that need no fine-tuning."""
    from edgeae.conversion.plan import matrix

    own = matrix.own()
    if own:
        return matrix.cells(own, build)
    plans = _plans(None, None)
    quick = [plan for plan in plans if not plan.fine_tunes]
    cells = _named([], quick, build)
    say(
        f"export: no {matrix.OWN}: exporting every model with the {len(quick)} recipes that do not "
        f"fine-tune; name the other {len(plans) - len(quick)} with --recipe or in that file"
    )
    return cells


def _export(
    cells: list[ExportCell],
    *,
    named: bool,
    every: bool,
    force: bool,
    jobs: int | None,
    cluster: Cluster,
    tracking: Tracking,
    json: bool,
) -> None:
    from edgeae.conversion.plan.export import export as run
    from edgeae.conversion.plan.export import settle
    from edgeae.conversion.plan.table import cautions, render
    from edgeae.errors import exit_code
    from edgeae.text.progress import Progress

    outcomes, stale = settle(cells, named=named, force=force)
    _tell_settled(outcomes, len(cells))
    if stale:
        at_once = _at_once(stale, jobs, every, cluster)
        executor = cluster.executor(at_once)
        done = len(cells) - len(stale)
        with Progress(len(cells), "export", "bundle", done=done, each=True) as progress:
            for outcome in run(stale, jobs=at_once, say=progress.tell, cluster=executor):
                outcomes.append(outcome)
                progress.advance(outcome.to_text())
    failed = [item for item in outcomes if item.failed]
    for item in failed:
        if item.error is not None:
            say(f"edgeae: {errors.named(item.cell.link, item.error)}")
    if json:
        put_json({str(item.cell.link): item.to_json() for item in outcomes})
    elif any(item.error is None for item in outcomes):
        put(render(outcomes))
    for line in cautions(outcomes):
        say(f"warning: {line}")
    logged = tracking.bundles(item.cell.link for item in outcomes if item.error is None)
    codes = [item.error.code for item in failed if item.error is not None]
    finish(exit_code([*codes, logged]))


def _at_once(stale: list[ExportCell], jobs: int | None, every: bool, cluster: Cluster) -> int:
    """Return how many exports run at once on this machine, and say what is going to be made."""
    from edgeae.conversion.plan import export as plan

    models = plan.opened(stale)
    at_once, note = plan.at_once(stale, models, jobs)
    if note and not cluster.is_remote:
        say(f"export: {note}")
    tuned = sum(cell.recipe.fine_tunes for cell in stale)
    if tuned and every:
        say(f"export: {tuned} of {len(stale)} fine-tune; --recipe chooses others")
    if cluster.is_remote:
        bundles = "1 bundle" if len(stale) == 1 else f"{len(stale)} bundles"
        say(f"export: {bundles} on the workers of {cluster.address}")
    elif len(stale) > 1:
        together = plan.expected(stale, models, jobs=at_once, say=say)
        say(f"export: {len(stale)} bundles, {at_once} at once: {together.to_text()}")
    return at_once


def _tell_settled(outcomes: list[ExportOutcome], total: int) -> None:
    """Report the exports that are left out, and the number that is up to date.

    Raises:
        BadInput: every export is left out.
    """
    out = [item for item in outcomes if item.left_out]
    if len(out) == total:
        raise BadInput(f"{out[-1].cell.link}: left out: {out[-1].error}")
    for item in out:
        say(f"{item.cell.link}: left out: {item.error}")
    current = sum(item.error is None for item in outcomes)
    if current:
        say(f"export: {current} of {total} up to date")


def _calibrate(cells: list[ExportCell], named: bool, json: bool) -> None:
    """Compare calibrations; a recipe without calibration is left out unless the user named it."""
    from dataclasses import asdict

    from edgeae.conversion.plan.calibrations import calibrations, can_calibrate, render

    if not named:
        cells = [cell for cell in cells if can_calibrate(cell.recipe)]
    compared = [item for cell in cells for item in calibrations(cell.folder, cell.recipe, say)]
    if json:
        put_json([asdict(item) | {"added": item.added, "ratio": item.ratio} for item in compared])
    else:
        put(render(compared))
