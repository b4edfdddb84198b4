"""`edgeae train`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Build, Json, put, put_json, say
from edgeae.errors import BadInput


def train(
    family: Annotated[
        str | None, typer.Argument(help="simple or deep; --list describes them.")
    ] = None,
    data: Annotated[
        str, typer.Option(help="mnist, digits, auto (mnist where it can be had) or PATH.npz.")
    ] = "auto",
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the family's].")
    ] = None,
    code: Annotated[int | None, typer.Option(help="Values of the code [default: 32].")] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Widths before the code, as 128,64 [default: the family's].")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="linear, relu, sigmoid or tanh [default: relu].")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step [default: 128].")] = None,
    lr: Annotated[float | None, typer.Option(help="Adam's learning rate at the start.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same weights [default: 0].")] = None,
    force: Annotated[bool, typer.Option("--force", help="Train even if nothing changed.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Describe the families.")] = False,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Train an autoencoder: build/MODEL/model.keras and train.json."""
    from edgeae.training.settings import FAMILIES, settings

    if list_:
        families = {key: family.about for key, family in FAMILIES.items()}
        put_json(families) if json else put(
            "\n".join(f"{key:8}{about}" for key, about in families.items())
        )
        return
    if family is None:
        raise BadInput("train: which family? --list describes them")
    chosen = settings(
        family,
        code=code,
        hidden=_widths(hidden),
        activation=activation,
        epochs=epochs,
        batch=batch,
        learning_rate=lr,
        seed=seed,
    )
    folder = Path(build) / _folder_name(name or chosen.model)

    from edgeae.training.current import current, tool_versions, writing
    from edgeae.training.tools import missing

    tool_versions()  # without TensorFlow nothing needs to be loaded
    training = None if force else current(folder, chosen, data)
    if training is not None:
        say(f"{folder}: up to date")
    else:
        from edgeae import data as datasets

        dataset = datasets.load(data, say=say)
        with writing(folder):
            try:
                from edgeae.training.train import train as run
            except ImportError as error:
                raise missing(str(error)) from None
            training = run(folder, chosen, dataset, data)
    if json:
        put(training.to_json().rstrip())
    else:
        put(
            f"{folder}: {training.description}, {training.parameters:,} parameters, "
            f"test MSE {training.losses['test']:.5f} on {training.dataset['name']}, "
            f"{training.seconds:.0f} s"
        )


def _widths(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(item) for item in text.split(","))
    except ValueError:
        raise BadInput(f"--hidden {text}: allowed are whole numbers, as 128,64") from None


def _folder_name(name: str) -> str:
    if not name or name.startswith(".") or "/" in name:
        raise BadInput(f"--name {name!r}: allowed is a folder's name that starts with no dot")
    return name
