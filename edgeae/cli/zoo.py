"""`edgeae zoo`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, finish, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey
from edgeae.cli.tracking import Mlflow, Tensorboard, Tracking

if TYPE_CHECKING:
    from edgeae.training.tasks import Asked
    from edgeae.training.zoo import TrainingOutcome


def zoo(
    families: Annotated[
        list[str] | None, typer.Argument(help="Families to train [default: all for images].")
    ] = None,
    data: Annotated[
        str, typer.Option(help="mnist, digits, auto (mnist if available) or PATH.npz.")
    ] = "auto",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Parallel trainings, about 1 GB each.")
    ] = 2,
    force: Annotated[
        bool, typer.Option("--force", help="Train again even if a model is up to date.")
    ] = False,
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
    """Train every family with its default settings, and compare the models in one table."""
    from edgeae import data as datasets
    from edgeae.errors import Interrupted, OutOfTolerance, exit_code
    from edgeae.families.table import model_name, settings
    from edgeae.training.current import tool_versions
    from edgeae.training.tasks import Asked

    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    names = list(dict.fromkeys(families or _of_images()))
    for name in names:
        settings(name)  # raises before a child starts if the family does not exist
    tool_versions()
    tracking = Tracking(mlflow, tensorboard)
    # find and report the dataset once; the children then load it from that place
    dataset = datasets.load(data, say=say)
    try:
        where = dataset.name if data == "auto" else data
        asked = {
            name: Asked(
                Path(build) / model_name(settings(name)), settings(name), where, dataset.sha256
            )
            for name in names
        }
        outcomes = _train(asked, cluster, jobs, force, tensorboard)
    except KeyboardInterrupt:
        raise Interrupted(
            "zoo: interrupted; each model in training holds its best epoch so far, and the same "
            "command continues from there"
        ) from None
    outcomes.sort(key=lambda item: names.index(item.family))
    missed = _tell(outcomes, json)
    trained = [item.folder for item in outcomes if not item.code]
    tracking.curves(trained)
    codes = [*(item.code for item in outcomes), tracking.trainings(trained)]
    finish(exit_code([*codes, *(OutOfTolerance.code for _ in missed)]))


def _of_images() -> list[str]:
    from edgeae.families.table import FAMILIES

    return [name for name, family in FAMILIES.items() if family.mnist is not None]


def _train(
    asked: dict[str, Asked], cluster: Cluster, jobs: int, force: bool, tensorboard: bool
) -> list[TrainingOutcome]:
    from edgeae.text.progress import Progress
    from edgeae.training.zoo import train_all

    outcomes = []
    executor = cluster.executor(jobs)
    with Progress(len(asked), "zoo", "model") as progress:
        trained = train_all(
            asked,
            jobs=jobs,
            force=force,
            tensorboard=tensorboard,
            say=progress.tell,
            cluster=executor,
        )
        with closing(trained):  # the children end before any error leaves this block
            for outcome in trained:
                outcomes.append(outcome)
                progress.advance(f"{outcome.folder} {'failed' if outcome.code else 'is ready'}")
    return outcomes


def _tell(outcomes: list[TrainingOutcome], json: bool) -> list[str]:
    """Print the results; return a line for each model that misses its family's limit."""
    from edgeae.artifacts.model import open_model
    from edgeae.training.table import zoo_figures, zoo_misses, zoo_table

    for item in outcomes:
        if item.code:
            say(f"edgeae: {item.family}: {item.error}")
    trainings = {item.family: open_model(item.folder) for item in outcomes if not item.code}
    if json:
        table: dict[str, Any] = {
            item.family: {"error": item.error} if item.code else zoo_figures(trainings[item.family])
            for item in outcomes
        }
        put_json(table)
    elif trainings:
        put(zoo_table(list(trainings.values())))
    missed = zoo_misses(list(trainings.values()))
    for line in missed:
        say(f"edgeae: {line}")
    return missed
