"""The form `zephyr`: a Zephyr module with a sample that is its self-test."""

from pathlib import Path

from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record

_PLACES = {
    "zephyr/module.yml": "module.yml",
    "CMakeLists.txt": "CMakeLists.txt",
    "Kconfig": "Kconfig",
    "README.md": "README.md",
    "sample/CMakeLists.txt": "sample.cmake",
    "sample/prj.conf": "prj.conf",
    "sample/sample.yaml": "sample.yaml",
    "sample/src/main.c": "main.c",
}
_NOTE = "the sample ran against a stand-in of zephyr/kernel.h; Zephyr's build did not run"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for Zephyr")
    words = boards.words(record, made) | {
        "description": boards.quoted(boards.description(record)),
        "module": boards.quoted(record.name),
        # the minimal C library of Zephyr has no expf
        "selects": "\tselect REQUIRES_FULL_LIBC\n" if boards.needs_libm(made) else "",
        "sources": "\n    ".join(boards.units(made)),
    }
    files = boards.filled_all("zephyr", _PLACES, words) | boards.placed(record, made)
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build module and sample against a stand-in header and run the sample; see `FormModule`."""
    units = sorted(path.relative_to(folder) for path in (folder / "src").glob("*.c"))
    defines = [f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts]
    program = HostProgram(
        [*units, "sample/src/main.c"],
        includes=["include", "src", STAND_INS / "zephyr"],
        defines=defines,
    )
    return proven(folder, program, _NOTE)
