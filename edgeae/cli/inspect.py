"""`edgeae inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json


def inspect(
    artifact: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a bundle.")],
    json: Json = False,
) -> None:
    """Describe an artifact or a bundle: inputs, outputs, operators, MACs, bytes, packed size."""
    from edgeae.codegen.program import takes
    from edgeae.formats.bundle_inspection import inspect_bundle
    from edgeae.formats.inspection import inspect as run

    inspection = inspect_bundle(artifact, takes) if artifact.is_dir() else run(artifact, takes)
    put_json(inspection.to_json()) if json else put(inspection.to_text())
