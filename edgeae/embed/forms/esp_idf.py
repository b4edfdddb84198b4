"""The form `esp-idf`: a component for Espressif's ESP-IDF, with a project as its self-test."""

from pathlib import Path

from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record

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
_NOTE = "the example ran against a stand-in of ESP-IDF's start-up; ESP-IDF's build did not run"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for ESP-IDF")
    words = boards.words(record, made)
    words["sources"] = "\n    ".join(f'"{unit}"' for unit in boards.units(made))
    files = {"idf_component.yml": _manifest(record)}
    files |= boards.filled_all("esp-idf", _PLACES, words) | boards.placed(record, made)
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build component and example with a stand-in and run the example; see `FormModule`."""
    units = sorted(path.relative_to(folder) for path in (folder / "src").glob("*.c"))
    program = HostProgram(
        [*units, f"{_EXAMPLE}/main/main.c", STAND_INS / "esp-idf" / "main.c"],
        includes=["include", "src"],
        defines=[f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts],
    )
    return proven(folder, program, _NOTE)


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
