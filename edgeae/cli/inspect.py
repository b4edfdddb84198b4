"""`edgeae inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json


def inspect(
    artifact: Annotated[Path, typer.Argument(help="A .tflite or .onnx file.")],
    json: Json = False,
) -> None:
    """Describe one artifact: inputs, outputs, quantization, operators, MACs, bytes by cause."""
    from edgeae.inspect import inspect as run

    found = run(artifact)
    put_json(found.to_json()) if json else put(found.to_text())
