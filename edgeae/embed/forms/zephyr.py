"""The form `zephyr`: a Zephyr module with two samples: its self-test, and answers over a UART."""

from pathlib import Path

from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record
from edgeae.embed.serial_link import serial_example

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
#: The sample that answers `edgeae verify --port`.
_SERIAL = "sample_serial"
_SERIAL_PLACES = {
    f"{_SERIAL}/CMakeLists.txt": "sample.cmake",
    f"{_SERIAL}/prj.conf": "serial.conf",
    f"{_SERIAL}/sample.yaml": "serial.yaml",
}
_SERIAL_MAIN = f"{_SERIAL}/src/main.c"
_NOTE = "the samples were built against stand-in headers; Zephyr's build did not run"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for Zephyr")
    serial = boards.serial_placed(record, made)
    words = boards.words(record, made) | {
        "description": boards.quoted(boards.description(record)),
        "module": boards.quoted(record.name),
        # the minimal C library of Zephyr has no expf
        "selects": "\tselect REQUIRES_FULL_LIBC\n" if boards.needs_libm(made) else "",
        "sources": "\n    ".join(boards.units(made)),
        "serial": "\n      ".join(path for path in serial if path.endswith(".c")),
        "optimize": options.optimize.upper(),
        "project": f"{record.name}_self_test",
    }
    files = boards.filled_all("zephyr", _PLACES, words) | boards.placed(record, made)
    words["project"] = f"{record.name}_serial"
    files |= boards.filled_all("zephyr", _SERIAL_PLACES, words) | serial
    files[_SERIAL_MAIN] = serial_example("zephyr")
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build module and samples against stand-ins and run the self-test; see `FormModule`."""
    system = STAND_INS / "zephyr"
    units = boards.found(folder, "src")
    defines = [f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts]
    program = HostProgram(
        [*units, "sample/src/main.c"],
        includes=["include", "src", system],
        defines=defines,
    )
    serial = HostProgram(
        [*units, *boards.found(folder, "serial"), _SERIAL_MAIN, system / "uart.c"],
        includes=["include", "src", "serial", system],
        name="serial_of_host",
    )
    return proven(folder, program, _NOTE, built=[serial])
