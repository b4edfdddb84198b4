"""`edgeae train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeae.cli.options import (
    Columns,
    Drop,
    Label,
    MaxUnpacked,
    Split,
    SplitSeed,
    Standardize,
    Step,
    Window,
    folder_name,
    reading,
)
from edgeae.cli.output import Build, Json, finish, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey
from edgeae.cli.tracking import Mlflow, Tensorboard, Tracking
from edgeae.errors import BadInput, Interrupted

if TYPE_CHECKING:
    from edgeae.artifacts.model import Training
    from edgeae.data import Reading
    from edgeae.families.settings import Settings


def train(
    family: Annotated[
        str | None, typer.Argument(help="Family of the autoencoder; --list describes them.")
    ] = None,
    sizes: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[CODE]...", help="After --code N: further code sizes, one model each."
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="mnist, digits, auto (mnist if available), PATH.npz, or rows with --split."
        ),
    ] = "auto",
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the family's name].")
    ] = None,
    code: Annotated[
        int | None, typer.Option(help="Size of the code [default: 32, or the family's rule].")
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            help="Widths of the layers before the code, such as 128,64 [default: the family's]."
        ),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="linear, relu, relu6, sigmoid or tanh [default: relu].")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="Reconstruction loss, mse or bce [default: mse].")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Rows per step [default: the family's].")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Adam's initial learning rate.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed; the same seed gives the same weights [default: 0].")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads of TensorFlow, which affect the weights [default: 2]."),
    ] = None,
    tied: Annotated[
        bool | None,
        typer.Option("--tied/--untied", help="simple: the decoder's weights are Wᵀ."),
    ] = None,
    pretrain: Annotated[
        bool | None, typer.Option("--pretrain", help="deep: pretrain layer by layer.")
    ] = None,
    upsample: Annotated[
        bool | None,
        typer.Option("--upsample", help="conv: resize and convolve in the decoder."),
    ] = None,
    penalty: Annotated[
        str | None,
        typer.Option(help="sparse, overcomplete: penalty of the code: none, l1 or kl."),
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="Weight λ of the penalty, or of the encoder's Jacobian.")
    ] = None,
    rho: Annotated[float | None, typer.Option(help="kl: ρ, the target mean activation.")] = None,
    noise: Annotated[
        str | None, typer.Option(help="denoising: gaussian, masking or salt-and-pepper.")
    ] = None,
    amount: Annotated[
        float | None,
        typer.Option(help="denoising: largest σ of the noise, or share of changed values."),
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="variational: weight β of the KL divergence.")
    ] = None,
    columns: Columns = None,
    drop: Drop = None,
    label: Label = None,
    standardize: Standardize = False,
    split: Split = None,
    split_seed: SplitSeed = None,
    window: Window = None,
    step: Step = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also measure the code as a feature (linear probe).")
    ] = False,
    held_out: Annotated[
        int | None,
        typer.Option(help="With --probe: label left out of a second training, as the anomaly."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train even if nothing changed.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Describe the families.")] = False,
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
    """Train an autoencoder: build/MODEL/model.keras and train.json."""
    from edgeae.artifacts import cautions
    from edgeae.families.table import FAMILIES, model_name, settings

    if list_:
        families = {key: item.about for key, item in FAMILIES.items()}
        put_json(families) if json else put(_listed())
        return
    if family is None:
        raise BadInput("train: which family? --list describes them")
    if held_out is not None and not probe:
        raise BadInput(f"--held-out {held_out}: only with --probe")
    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    asked = reading(columns, drop, label, standardize, split, split_seed, window, step)
    codes = _codes(code, sizes, name)
    plans = [
        settings(
            family,
            code=size,
            hidden=_widths(hidden),
            activation=activation,
            loss=loss,
            epochs=epochs,
            batch=batch,
            learning_rate=lr,
            seed=seed,
            threads=threads,
            tied=tied,
            pretrain=pretrain,
            upsample=upsample,
            penalty=penalty,
            weight=weight,
            rho=rho,
            noise=noise,
            amount=amount,
            beta=beta,
        )
        for size in codes
    ]
    folders = [Path(build) / folder_name(name or model_name(plan)) for plan in plans]
    if probe:
        _check_labels(data, asked, held_out)
    tracking = Tracking(mlflow, tensorboard)
    if cluster.is_local:
        trainings = [
            _train(folder, plan, data, asked, force, tensorboard)
            for folder, plan in zip(folders, plans, strict=True)
        ]
    else:
        trainings = _train_on(cluster, dict(zip(folders, plans, strict=True)), data, asked, force)
    for folder, training in zip(folders, trainings, strict=True):
        caution = cautions.of_training(training)
        if caution:
            say(f"warning: {folder}: {caution}")
    tracking.curves(folders)
    if not json:
        _tell(folders, trainings)
    probes = [_probe(folder, held_out, force) for folder in folders] if probe else []
    if json:
        found = [
            _json(*pair) for pair in zip(trainings, probes or [None] * len(plans), strict=True)
        ]
        put_json(found if len(found) > 1 else found[0])
    else:
        _tell_probes(probes)
    finish(tracking.trainings(folders))


def _listed() -> str:
    """Return a line for each family, with its rule on a second line."""
    from edgeae.families.table import FAMILIES

    lines = []
    for name, family in FAMILIES.items():
        lines.append(f"{name:14}{family.about}")
        if family.rule:
            lines.append(f"{'':14}{family.rule.about}")
    return "\n".join(lines)


def _codes(code: int | None, sizes: list[int] | None, name: str | None) -> list[int | None]:
    if not sizes:
        return [code]
    if code is None:
        raise BadInput(f"train: one family a command; {sizes[0]} may be a size: --code {sizes[0]}")
    if name is not None:
        raise BadInput(f"--name {name}: several sizes are several models; leave it out")
    return list(dict.fromkeys([code, *sizes]))


def _train(
    folder: Path, plan: Settings, data: str, asked: Reading, force: bool, tensorboard: bool
) -> Training:
    from dataclasses import asdict

    from edgeae.system.extras import missing
    from edgeae.tracking.tensorboard import Board
    from edgeae.training.current import current, tool_versions, writing

    tool_versions()  # without TensorFlow nothing needs to be loaded
    training = None if force else current(folder, plan, data, asked)
    if training is not None:
        say(f"{folder}: up to date")
        return training

    from edgeae import data as datasets

    dataset = datasets.load(data, say=say, reading=asked)
    datasets.require_trainable(dataset)  # before TensorFlow is loaded
    for line in datasets.remarks(dataset):
        say(line)
    with writing(folder):
        try:
            from edgeae.training.train import train as run
        except ImportError as error:
            raise missing(str(error)) from None
        watch = Board(folder, asdict(plan)).show if tensorboard else None
        training = run(folder, plan, dataset, data, watch)
    if training.interrupted:
        raise Interrupted(
            f"{folder}: interrupted after epoch {len(training.curve)} of {plan.epochs}; holds "
            f"the best so far, epoch {training.best_epoch}; the same command continues"
        )
    return training


def _train_on(
    cluster: Cluster, plans: dict[Path, Settings], data: str, asked: Reading, force: bool
) -> list[Training]:
    """Train on a cluster; if a training fails, the command ends after the others."""
    from edgeae import data as datasets
    from edgeae.artifacts.model import open_model
    from edgeae.errors import exit_code
    from edgeae.text.progress import Progress
    from edgeae.training.tasks import Asked, train_on

    dataset = datasets.load(data, say=say, reading=asked)
    datasets.require_trainable(dataset)
    where = dataset.name if data == "auto" else data
    models = {
        str(folder): Asked(folder, plan, where, dataset.sha256, asked)
        for folder, plan in plans.items()
    }
    codes = []
    executor = cluster.executor(len(models))
    assert executor is not None  # only for trainings of this machine
    with Progress(len(models), "train", "model", each=True) as progress:
        for name, code, error in train_on(executor, models, force=force, say=progress.tell):
            codes.append(code)
            progress.advance(f"{name} {'failed' if code else 'is ready'}")
            if code:
                say(f"edgeae: {name}: {error}")
    if any(codes):
        finish(exit_code(code for code in codes if code))
    return [open_model(folder) for folder in plans]


def _probe(folder: Path, held_out: int | None, force: bool) -> Any:
    from edgeae.training.current import writing
    from edgeae.training.probe import probe

    with writing(folder):
        return probe(folder, say, held_out, force=force)


def _check_labels(data: str, asked: Reading, held_out: int | None) -> None:
    from edgeae import data as datasets
    from edgeae.training.probe import check_labels

    check_labels(datasets.load(data, reading=asked), held_out)


def _tell(folders: list[Path], trainings: list[Training]) -> None:
    from edgeae.training.table import by_code_size, by_column, by_reference

    for folder, training in zip(folders, trainings, strict=True):
        put(
            f"{folder}: {training.description}, {training.parameters:,} parameters, "
            f"test MSE {training.losses['test']:.5f} on {training.dataset['name']}, "
            f"{training.seconds:.0f} s"
        )
        put(by_reference(training.yardsticks))
        if training.column_losses:
            put(by_column(training.column_losses))
    if len(trainings) > 1:
        put(by_code_size(trainings))


def _tell_probes(probes: list[Any]) -> None:
    from edgeae.training.probe import render_probe

    for result in probes:
        put(render_probe(result))


def _json(training: Training, probe: Any) -> dict[str, Any]:
    import json

    table: dict[str, Any] = json.loads(training.to_json())
    return table if probe is None else {**table, "probe": probe}


def _widths(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(item) for item in text.split(","))
    except ValueError:
        raise BadInput(f"--hidden {text}: allowed are whole numbers, as 128,64") from None
