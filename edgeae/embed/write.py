"""Writes a model in a form of embedding into a folder."""

from dataclasses import dataclass
from pathlib import Path

from edgeae.codegen.footprint import Footprint
from edgeae.codegen.targets import TARGETS
from edgeae.embed.carried import GOLDEN, carried
from edgeae.embed.folder import generate, is_embedded, read_record
from edgeae.embed.form import Options
from edgeae.embed.record import Package
from edgeae.embed.table import entry
from edgeae.errors import EXIT_PRIORITY, BadInput, unknown
from edgeae.system import atomic

OPTIMIZE = ("size", "speed")


@dataclass(frozen=True)
class Embedded:
    """What was written.

    Attributes:
        folder: the folder.
        files: path below the folder → bytes, in the order in which they were written.
        footprints: what each part takes of a device; empty for forms without C.
        golden: whose golden vectors ship with the folder.
        missing: the options that were not given and that `publisher` asks for.
        publisher: see `edgeae.embed.table.Entry`.
    """

    folder: Path
    files: dict[str, int]
    footprints: tuple[Footprint, ...]
    golden: str
    missing: tuple[str, ...]
    publisher: str


def embed(
    path: Path,
    form: str,
    out: Path,
    *,
    name: str | None = None,
    options: Options | None = None,
    golden: str = str(GOLDEN),
    package: Package | None = None,
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> Embedded:
    """Write a bundle or a `.tflite` in a form.

    Args:
        path: a bundle's folder, or a file.
        form: a key of `edgeae.embed.table.FORMS`.
        out: the folder to write; it is made if it is missing. It has to be empty, or written by
            this function: then the files that it wrote are replaced, and others stay.
        name: name of the model in the app's code; see `edgeae.embed.record.read`.
        options: target and kind of optimization.
        golden: `synthetic`, or the number of golden vectors.
        package: what package managers ask.
        max_flash: most bytes of constants and code of a part; if it takes more, nothing is written.
            Forms without generated C take no limits.
        max_ram: most bytes of a part's arena, input, output and stack.

    Raises:
        BadInput: an argument is not allowed, or the model cannot be embedded in that form.
        OutOfTolerance: a part misses a limit.
        NotMeasured: a part may miss a limit: no compiler here tells its code or its stack.
        ManifestMismatch: a file of the bundle differs from its manifest.
    """
    options = options or Options()
    package = package or Package()
    asked = entry(form)  # raises if there is no such form
    if options.target not in TARGETS:
        raise unknown("target", options.target, TARGETS)
    if options.optimize not in OPTIMIZE:
        raise BadInput(f"--optimize {options.optimize!r:.40}: allowed are {', '.join(OPTIMIZE)}")
    before = _earlier(out)
    model = carried(path, golden)
    written = generate(model, form, name, options, package, path)
    if not written.form.footprints and (max_flash is not None or max_ram is not None):
        raise BadInput(f"--max-flash and --max-ram: the form {form} has no C whose bytes are known")
    problems = [
        problem
        for taken in written.form.footprints
        for problem in taken.problems(max_flash, max_ram)
    ]
    for problem in sorted(problems, key=lambda item: EXIT_PRIORITY.index(item.code)):
        raise problem
    for file in before - written.files.keys():
        (out / file).unlink(missing_ok=True)
    for file, content in written.files.items():
        atomic.write_bytes(out / file, content)
    sizes = {file: len(content) for file, content in written.files.items()}
    missing = tuple(f"--{key}" for key in asked.asks if not getattr(package, key))
    return Embedded(out, sizes, written.form.footprints, model.golden, missing, asked.publisher)


def _earlier(out: Path) -> set[str]:
    """Return the files that an earlier call wrote into a folder.

    Raises:
        BadInput: the folder holds other files, or is none.
    """
    if not out.exists():
        return set()
    if not out.is_dir():
        raise BadInput(f"--out {out}: not a folder")
    if is_embedded(out):
        return set(read_record(out).files)
    held = sorted(item.name for item in out.iterdir())
    if held:
        raise BadInput(
            f"--out {out}: holds {held[0]!r:.60}; allowed is an empty folder, or one that "
            "`edgeae embed` wrote"
        )
    return set()
