"""`edgeae import`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from edgeae.cli.output import Build, Json, put, put_json, say
from edgeae.errors import BadInput

if TYPE_CHECKING:
    from edgeae.data import Normalization, Reading
    from edgeae.importing.bottleneck import Choice
    from edgeae.importing.request import Imported, Request

#: Largest number of alternative code layers that are printed.
_MOST_TOLD = 5


def importing(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH [DECODER]",
            help="A .keras or .h5 file, a SavedModel folder, or two .keras, .h5, .tflite or .onnx "
            "files: encoder and decoder.",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            help="Data that the model reconstructs: .npz, .npy, .csv, IDX, mnist, digits."
        ),
    ],
    train_data: Annotated[
        str | None,
        typer.Option(
            help="Training rows for recipes that fine-tune, if --data holds only a test set."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="The model's input is stored value × scale + offset [default: 1]."),
    ] = None,
    offset: Annotated[float | None, typer.Option(help="See --scale [default: 0].")] = None,
    code_layer: Annotated[
        str | None,
        typer.Option(help="Layer whose output is the code [default: the narrowest layer]."),
    ] = None,
    columns: Columns = None,
    drop: Drop = None,
    label: Label = None,
    standardize: Standardize = False,
    split: Split = None,
    split_seed: SplitSeed = None,
    window: Window = None,
    step: Step = None,
    output: Annotated[
        str | None,
        typer.Option(help="The output to take, of a Keras model with several, as z_mean of a VAE."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the file's name].")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Import even if nothing changed; replace a trained model."),
    ] = False,
    allow_worse_than_mean: Annotated[
        bool,
        typer.Option(
            "--allow-worse-than-mean",
            help="Accept a model whose MSE is above that of answering with the mean of the rows.",
        ),
    ] = False,
    as_is: Annotated[
        bool,
        typer.Option(
            "--as-is",
            help="Import .tflite or .onnx files only as they are: no original, no TensorFlow.",
        ),
    ] = False,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Import an autoencoder that edgeae did not train: Keras, SavedModel, .tflite or .onnx."""
    from edgeae.artifacts import cautions
    from edgeae.importing.request import Request
    from edgeae.importing.run import import_model

    if len(paths) > 2:
        raise BadInput(f"{paths[2]}: allowed are one path, or two: encoder and decoder")
    request = Request(
        paths=tuple(paths),
        data=data,
        train_data=train_data,
        normalization=_normalization(scale, offset),
        code_layer=code_layer,
        name=folder_name(paths[0].absolute().stem if name is None else name),
        build=Path(build),
        allow_worse_than_mean=allow_worse_than_mean,
        output=output,
        reading=_reading(
            reading(columns, drop, label, standardize, split, split_seed, window, step),
            scale,
            offset,
        ),
        as_is=as_is,
    )
    imported = import_model(request, force, say)
    caution = cautions.of_training(imported.training)
    if caution:
        say(f"warning: {request.folder}: {caution}")
    if json:
        import json as reader

        put_json(reader.loads(imported.training.to_json()))
    else:
        _tell(request, imported)


def _reading(asked: Reading, scale: float | None, offset: float | None) -> Reading:
    if asked.standardize and (scale, offset) != (None, None):
        raise BadInput("--standardize: allowed is either this or --scale and --offset")
    return asked


def _normalization(scale: float | None, offset: float | None) -> Normalization | None:
    from edgeae.data import Normalization

    if scale is None and offset is None:
        return None  # the data's default: pixels become 0…1
    return Normalization(1.0 if scale is None else scale, offset or 0.0)


def _tell(request: Request, imported: Imported) -> None:
    training = imported.training
    parts = [
        training.description,
        f"{training.parameters:,} parameters" if training.parameters else "",
        f"test MSE {training.losses['test']:.5g} on {training.dataset['name']}"
        if "test" in training.losses
        else "",
    ]
    put(f"{request.folder}: {', '.join(part for part in parts if part)}")
    if imported.choice is not None:
        put("\n".join(_told(imported.choice, request, math.prod(training.input_shape))))


def _told(choice: Choice, request: Request, width: int) -> list[str]:
    others = [f"{name} ({size})" for name, size in choice.alternatives]
    more = len(others) - _MOST_TOLD
    listing = ", ".join(others[:_MOST_TOLD]) or "none"
    if request.code_layer is not None:
        how = "as named"
    elif len(request.paths) > 1:
        how = "the encoder's output; --code-layer chooses another"
    else:
        how = "the narrowest; --code-layer chooses another"
    wider = ", no fewer than the input has" if choice.size >= width else ""
    lines = [
        f"code: {choice.name}, {choice.size} values{wider} ({how})",
        f"alternatives: {listing}{f' and {more} more' if more > 0 else ''}",
    ]
    if choice.narrower is not None and choice.around is not None:
        name, size = choice.narrower
        lines.append(
            f"narrower but bypassed: {name} ({size}), by the connection {' → '.join(choice.around)}"
        )
    return lines
