"""Writes a model in a form of embedding into a folder."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeae.codegen.footprint import Footprint
from edgeae.codegen.targets import TARGETS
from edgeae.embed import record as records
from edgeae.embed.form import Form
from edgeae.embed.record import Record
from edgeae.errors import EXIT_PRIORITY, BadInput, unknown
from edgeae.system import atomic

#: Form → the module whose `form(record, target, optimize)` writes it.
FORMS = {"c": "edgeae.embed.c_package"}
OPTIMIZE = ("size", "speed")


@dataclass(frozen=True)
class Embedded:
    """What was written.

    Attributes:
        folder: the folder.
        files: file name → bytes, in the order in which they were written.
        footprints: what each part takes of a device.
    """

    folder: Path
    files: dict[str, int]
    footprints: tuple[Footprint, ...]


def embed(
    path: Path,
    form: str,
    out: Path,
    *,
    name: str | None = None,
    target: str = "portable",
    optimize: str = "speed",
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> Embedded:
    """Write a bundle or a `.tflite` in a form; files of the same names are replaced.

    Args:
        path: a bundle's folder, or a file.
        form: a key of `FORMS`.
        out: the folder to write; it is made if it is missing.
        name: name of the model in the app's code; see `record.read`.
        target: a key of `TARGETS`.
        optimize: `size` or `speed`.
        max_flash: most bytes of constants and code of a part; if it takes more, nothing is written.
        max_ram: most bytes of a part's arena, input, output and stack.

    Raises:
        BadInput: an argument is not allowed, or the model cannot be embedded in that form.
        OutOfTolerance: a part misses a limit.
        NotMeasured: a part may miss a limit: no compiler here tells its code or its stack.
        ManifestMismatch: a file of the bundle differs from its manifest.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    if optimize not in OPTIMIZE:
        raise BadInput(f"--optimize {optimize!r:.40}: allowed are {', '.join(OPTIMIZE)}")
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out}: not a folder")
    write: Callable[[Record, str, str], Form] = importlib.import_module(FORMS[form]).form
    written = write(records.read(path, name), target, optimize)
    problems = [
        problem for taken in written.footprints for problem in taken.problems(max_flash, max_ram)
    ]
    for problem in sorted(problems, key=lambda item: EXIT_PRIORITY.index(item.code)):
        raise problem
    for file, text in written.files.items():
        atomic.write_text(out / file, text)
    files = {file: len(text.encode()) for file, text in written.files.items()}
    return Embedded(out, files, written.footprints)
