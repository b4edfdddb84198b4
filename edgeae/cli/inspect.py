"""`edgeae inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json


def inspect(
    artifact: Annotated[
        Path, typer.Argument(help="A .tflite or .onnx file, a bundle, or a Keras file.")
    ],
    target: Annotated[
        str,
        typer.Option(help="Of a .tflite: also code and stack of its C on this core, as cortex-m4."),
    ] = "",
    json: Json = False,
) -> None:
    """Describe a file or a bundle: inputs, outputs, operators, MACs, bytes, packed size.

    Of a Keras file: zeros, distinct values and learned ranges of each layer.
    """
    from edgeae.codegen import portable
    from edgeae.formats.bundle_inspection import inspect_bundle
    from edgeae.formats.inspection import inspect as run

    if _is_keras(artifact):
        from edgeae.importing.inspection import inspect_keras

        layers = inspect_keras(artifact)
        put_json(layers.to_json()) if json else put(layers.to_text())
        return
    if artifact.is_dir():
        bundle = portable.judged_bundle(inspect_bundle(artifact))
        put_json(bundle.to_json()) if json else put(bundle.to_text())
        return
    inspection, form = portable.judged(run(artifact), target)
    if json:
        put_json(inspection.to_json() | ({} if form is None else {"c": form.to_json()}))
    else:
        put("\n\n".join(item.to_text() for item in (inspection, form) if item is not None))


def _is_keras(path: Path) -> bool:
    from edgeae.importing.keras.file import is_keras
    from edgeae.importing.tfmot.wrappers import in_saved_model

    return in_saved_model(path) if path.is_dir() else is_keras(path)
