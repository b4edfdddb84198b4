"""`edgeae sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, finish, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey
from edgeae.cli.tracking import Mlflow, Tensorboard, Tracking
from edgeae.errors import BadInput, Interrupted

if TYPE_CHECKING:
    from edgeae.sweep.plan import Plan

_TOML = ".toml"


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="The sweep's file.")],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print the plan, its counts and an estimate of its core-hours."
        ),
    ] = False,
    status: Annotated[
        bool,
        typer.Option(
            "--status", help="Print how far the sweep is, also while another process runs it."
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Parallel trainings and exports [default: 2 trainings, and as many exports as "
            "cores and memory allow].",
        ),
    ] = None,
    scheduler: Scheduler = LOCAL,
    retries: Retries = None,
    store: Store = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tensorboard: Tensorboard = False,
    mlflow: Mlflow = False,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Train, export and measure a grid of models; writes build/sweeps/NAME.json and a page.

    What is up to date is not done again: the same command goes on after Ctrl-C.
    """
    from edgeae.sweep import plan as plans

    if file.suffix != _TOML:
        raise BadInput(f"{file}: allowed is a sweep's file, such as sweep.toml")
    if dry_run and status:
        raise BadInput("--status: allowed without --dry-run")
    if status:
        _status(plans.read(file), Path(build), json)
        return
    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    plan = plans.read(file)
    if dry_run:
        _forecast(plan, Path(build), file, json)
    else:
        _run(plan, Path(build), file, jobs, cluster, Tracking(mlflow, tensorboard), json)


def _status(plan: Plan, build: Path, json: bool) -> None:
    from time import time

    from edgeae.sweep.status import status
    from edgeae.sweep.status_table import render

    found = status(plan, build, time())
    put_json(found.to_json()) if json else put(render(found))


def _forecast(plan: Plan, build: Path, file: Path, json: bool) -> None:
    from edgeae.errors import about
    from edgeae.sweep.estimate import forecast
    from edgeae.sweep.standing import sources
    from edgeae.sweep.table import render_plan

    with about(file):
        found = sources(plan, download=False, say=say)
    ahead = forecast(plan, build, found, say)
    if json:
        cells = [cell.name for cell in plan.cells]
        put_json({**ahead.to_json(), "excluded": plan.excluded, "cells": cells})
    else:
        put(render_plan(plan, ahead))


def _run(
    plan: Plan,
    build: Path,
    file: Path,
    jobs: int | None,
    cluster: Cluster,
    tracking: Tracking,
    json: bool,
) -> None:
    from edgeae.errors import about, exit_code
    from edgeae.sweep.result import page_of, place
    from edgeae.sweep.run import Machines, run
    from edgeae.sweep.standing import sources
    from edgeae.sweep.table import render

    with about(file):
        found = sources(plan, download=True, say=say)
    for line in plan.notes:
        say(f"sweep: {line}")
    machines = Machines(cluster.address, cluster.executor, cluster.is_remote)
    try:
        outcome = run(plan, build, found, jobs=jobs, say=say, machines=machines)
    except KeyboardInterrupt:
        raise Interrupted(
            "sweep: interrupted; what was finished is kept, and the same command continues from "
            "there"
        ) from None
    tracking.curves(build / name for name in outcome.sweep.trained)
    result = place(build, plan.name)
    if json:
        put_json(outcome.sweep.to_json())
    else:
        put(f"{render(outcome.sweep, result)}\n{page_of(result)}")
    finish(exit_code([*outcome.codes, tracking.sweep(outcome.sweep, build)]))
