"""What the C form of a `.tflite` would take, without writing it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeae.codegen.footprint import known, measured
from edgeae.codegen.program import program
from edgeae.codegen.targets import TARGETS
from edgeae.errors import BadInput, unknown
from edgeae.formats.bundle_inspection import BundleInspection
from edgeae.formats.inspection import Inspection
from edgeae.formats.opening import read_file
from edgeae.formats.tflite import graph as tflite


@dataclass(frozen=True)
class FormInC:
    """The C form of a model, optimized for size: portable, or for one target.

    Attributes:
        constant_bytes: constant arrays; None if C does not support the model.
        arena_bytes: what the caller provides for activations, beside input and output; None
            likewise.
        refused: why C does not support the model; empty if it does.
        code_bytes, stack_bytes: what the target's compiler tells; None if it was not asked, or does
            not tell.
        measured: the compiler and its flags, and why a figure is missing; empty if none was asked.
    """

    constant_bytes: int | None = None
    arena_bytes: int | None = None
    refused: str = ""
    code_bytes: int | None = None
    stack_bytes: int | None = None
    measured: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the form as JSON types."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the form as text, as `edgeae inspect` shows it."""
        if self.refused:
            return f"as C\n  not supported  {self.refused}"
        amounts = {
            "constants": self.constant_bytes,
            "arena": self.arena_bytes,
            "code": self.code_bytes,
            "stack": self.stack_bytes,
        }
        lines = [
            f"  {name:9}  {amount:,} B" for name, amount in amounts.items() if amount is not None
        ]
        return "\n".join([f"as C{self.measured and f' ({self.measured})'}", *lines])


def judged(inspection: Inspection, target: str = "") -> tuple[Inspection, FormInC | None]:
    """Return the C form of an inspected file, and the inspection that knows of it.

    Packed bytes are an estimate only if C does not take the model.

    Args:
        inspection: the inspected file.
        target: a key of `TARGETS`, for which code and stack are measured too; or empty.

    Returns:
        the inspection, and the form; None for a file that is no `.tflite`.
    """
    if inspection.format != "tflite":
        return inspection, None
    form = read(Path(inspection.path), target)
    return replace(inspection, estimated=bool(form.refused)), form


def judged_bundle(bundle: BundleInspection) -> BundleInspection:
    """Return the inspection of a bundle whose files are judged; see `judged`."""
    return replace(bundle, artifacts=tuple(judged(item)[0] for item in bundle.artifacts))


def read(path: Path, target: str = "") -> FormInC:
    """Return what the C form of a `.tflite` takes.

    Args:
        path: the file.
        target: a key of `TARGETS`, whose compiler tells code and stack; empty for the portable
            form without them.

    Raises:
        BadInput: the file is missing or damaged, or the target does not exist.
    """
    if target and target not in TARGETS:
        raise unknown("target", target, TARGETS)
    content, _ = read_file(path)
    graph = tflite.read(content, str(path))
    layout = TARGETS[target].layout if target else "portable"
    try:
        item = program(graph, str(path), layout, optimize="size")
    except BadInput as error:
        return FormInC(refused=str(error).removeprefix(f"{path}: "))
    if not target:
        found = known("model", item)
        return FormInC(found.constant_bytes, found.arena_bytes)
    found = measured("model", item, target, "size")
    return FormInC(
        found.constant_bytes,
        found.arena_bytes,
        "",
        found.code_bytes,
        found.stack_bytes,
        "; ".join(filter(None, (found.compiler, found.note))),
    )
