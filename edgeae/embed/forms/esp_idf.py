"""The form `esp-idf`: a component for Espressif's ESP-IDF.

It has two projects as its examples: its self-test, and answers over a UART.
"""

from collections.abc import Iterable
from pathlib import Path

from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record
from edgeae.embed.serial_link import serial_example

_EXAMPLE = "examples/self_test"
_PLACES = {
    "CMakeLists.txt": "CMakeLists.txt",
    "Kconfig": "Kconfig",
    "README.md": "README.md",
    f"{_EXAMPLE}/CMakeLists.txt": "example.cmake",
    f"{_EXAMPLE}/sdkconfig.defaults": "sdkconfig.defaults",
    f"{_EXAMPLE}/main/CMakeLists.txt": "main.cmake",
    f"{_EXAMPLE}/main/main.c": "main.c",
}
#: The example that answers `edgeae verify --port`.
_SERIAL = "examples/serial"
_SERIAL_PLACES = {
    f"{_SERIAL}/CMakeLists.txt": "example.cmake",
    f"{_SERIAL}/sdkconfig.defaults": "serial.defaults",
    f"{_SERIAL}/main/CMakeLists.txt": "main.cmake",
}
_SERIAL_MAIN = f"{_SERIAL}/main/main.c"
#: What is optimized for → the end of ESP-IDF's setting; its default is for debugging.
_OPTIMIZE = {"size": "SIZE", "speed": "PERF"}
_NOTE = "the examples were built against stand-in headers; ESP-IDF's build did not run"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for ESP-IDF")
    serial = boards.serial_placed(record, made)
    words = boards.words(record, made) | {
        "sources": _listed(boards.units(made), 2),
        "serial": _listed((path for path in serial if path.endswith(".c")), 4),
        "optimize": _OPTIMIZE[options.optimize],
        "project": f"{record.name}_self_test",
    }
    files = {"idf_component.yml": _manifest(record)}
    files |= boards.filled_all("esp-idf", _PLACES, words) | boards.placed(record, made)
    words["project"] = f"{record.name}_serial"
    files |= boards.filled_all("esp-idf", _SERIAL_PLACES, words) | serial
    files[_SERIAL_MAIN] = serial_example("esp-idf")
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build component and examples against stand-ins and run the self-test; see `FormModule`."""
    system = STAND_INS / "esp-idf"
    units = [*boards.found(folder, "src"), system / "main.c"]
    program = HostProgram(
        [*units, f"{_EXAMPLE}/main/main.c"],
        includes=["include", "src"],
        defines=[f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts],
    )
    serial = HostProgram(
        [*units, *boards.found(folder, "serial"), _SERIAL_MAIN, system / "uart.c"],
        includes=["include", "src", "serial", system],
        name="serial_of_host",
    )
    return proven(folder, program, _NOTE, built=[serial])


def _listed(paths: Iterable[str], indent: int) -> str:
    """Return paths for a list of CMake, a line each."""
    return f"\n{' ' * indent}".join(f'"{path}"' for path in paths)


def _manifest(record: Record) -> str:
    """Return idf_component.yml: strings in double quotes, which JSON's escapes suit."""
    package = record.package
    lines = [f"# {line}" for line in boards.identity(record)]
    lines.append(f"version: {boards.quoted(package.version)}")
    lines.append(f"description: {boards.quoted(boards.description(record))}")
    if package.url:
        lines.append(f"url: {boards.quoted(package.url)}")
    if package.license:
        lines.append(f"license: {boards.quoted(package.license)}")
    if package.author:
        lines += ["maintainers:", f"  - {boards.quoted(package.author)}"]
    lines += ["dependencies:", "  idf:", '    version: ">=5.0"']
    return "\n".join(lines) + "\n"
