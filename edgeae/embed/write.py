"""Writes a model in a form of embedding into a folder."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeae.codegen.targets import TARGETS
from edgeae.embed import record as records
from edgeae.embed.record import Record
from edgeae.errors import BadInput, unknown
from edgeae.system import atomic

#: Form → the module whose `files(record, target, optimize)` writes it.
FORMS = {"c": "edgeae.embed.c_package"}
OPTIMIZE = ("size", "speed")


@dataclass(frozen=True)
class Embedded:
    """What was written.

    Attributes:
        folder: the folder.
        files: file name → bytes, in the order in which they were written.
    """

    folder: Path
    files: dict[str, int]


def embed(
    path: Path,
    form: str,
    out: Path,
    *,
    name: str | None = None,
    target: str = "portable",
    optimize: str = "speed",
) -> Embedded:
    """Write a bundle or a `.tflite` in a form; files of the same names are replaced.

    Args:
        path: a bundle's folder, or a file.
        form: a key of `FORMS`.
        out: the folder to write; it is made if it is missing.
        name: name of the model in the app's code; see `record.read`.
        target: a key of `TARGETS`.
        optimize: `size` or `speed`.

    Raises:
        BadInput: an argument is not allowed, or the model cannot be embedded in that form.
        ManifestMismatch: a file of the bundle differs from its manifest.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    if optimize not in OPTIMIZE:
        raise BadInput(f"--optimize {optimize!r:.40}: allowed are {', '.join(OPTIMIZE)}")
    write: Callable[[Record, str, str], Mapping[str, str]] = importlib.import_module(
        FORMS[form]
    ).files
    texts = write(records.read(path, name), target, optimize)
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out}: not a folder")
    for file, text in texts.items():
        atomic.write_text(out / file, text)
    return Embedded(out, {file: len(text.encode()) for file, text in texts.items()})
