"""`edgeae inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json


def inspect(
    artifact: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a bundle.")],
    json: Json = False,
) -> None:
    """Describe an artifact or a bundle: edges, operators, MACs, bytes by cause, packed size."""
    from edgeae.formats.inspect import inspect as run
    from edgeae.formats.inspect_bundle import inspect_bundle

    found = inspect_bundle(artifact) if artifact.is_dir() else run(artifact)
    put_json(found.to_json()) if json else put(found.to_text())
