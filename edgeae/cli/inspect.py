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
    from edgeae.codegen import portable
    from edgeae.formats.bundle_inspection import inspect_bundle
    from edgeae.formats.inspection import inspect as run

    if artifact.is_dir():
        bundle = portable.judged_bundle(inspect_bundle(artifact))
        put_json(bundle.to_json()) if json else put(bundle.to_text())
        return
    inspection, form = portable.judged(run(artifact))
    if json:
        put_json(inspection.to_json() | ({} if form is None else {"c": form.to_json()}))
    else:
        put("\n\n".join(item.to_text() for item in (inspection, form) if item is not None))
