"""What the portable C form of a `.tflite` would take, without writing or compiling it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeae.codegen.footprint import known
from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.bundle_inspection import BundleInspection
from edgeae.formats.inspection import Inspection
from edgeae.formats.opening import read_file
from edgeae.formats.tflite import graph as tflite


@dataclass(frozen=True)
class PortableC:
    """The portable C form of a model, optimized for size.

    Attributes:
        constant_bytes: constant arrays; None if C does not support the model.
        arena_bytes: what the caller provides for activations, beside input and output; None
            likewise.
        refused: why C does not support the model; empty if it does.
    """

    constant_bytes: int | None = None
    arena_bytes: int | None = None
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the form as JSON types."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the form as text, as `edgeae inspect` shows it."""
        if self.refused:
            return f"as C\n  not supported  {self.refused}"
        return f"as C\n  constants  {self.constant_bytes:,} B\n  arena      {self.arena_bytes:,} B"


def judged(inspection: Inspection) -> tuple[Inspection, PortableC | None]:
    """Return the C form of an inspected file, and the inspection that knows of it.

    Packed bytes are an estimate only if C does not take the model.

    Returns:
        the inspection, and the form; None for a file that is no `.tflite`.
    """
    if inspection.format != "tflite":
        return inspection, None
    form = read(Path(inspection.path))
    return replace(inspection, estimated=bool(form.refused)), form


def judged_bundle(bundle: BundleInspection) -> BundleInspection:
    """Return the inspection of a bundle whose files are judged; see `judged`."""
    return replace(bundle, artifacts=tuple(judged(item)[0] for item in bundle.artifacts))


def read(path: Path) -> PortableC:
    """Return what the portable C form of a `.tflite` takes.

    Raises:
        BadInput: the file is missing or damaged.
    """
    content, _ = read_file(path)
    graph = tflite.read(content, str(path))
    try:
        found = known("model", program(graph, str(path), optimize="size"))
    except BadInput as error:
        return PortableC(refused=str(error).removeprefix(f"{path}: "))
    return PortableC(found.constant_bytes, found.arena_bytes)
