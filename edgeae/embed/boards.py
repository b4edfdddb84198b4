"""What the forms for boards share: one self-test, one identity, and where files go."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae.codegen.part import Part, c_type
from edgeae.embed.c_sources import CSources
from edgeae.embed.record import Package, Record
from edgeae.embed.serial_link import serial_sources
from edgeae.embed.templating import filled
from edgeae.errors import BadInput

#: Who a package is by, in a field that must not be empty, if it was not said.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Author:
    """The author of a package.

    Attributes:
        name, mail: empty if they were not given.
    """

    name: str
    mail: str


def author(package: Package) -> Author:
    """Return the author: `name`, or `name <mail>`, taken apart."""
    found = re.fullmatch(r"\s*(.*?)\s*(?:<([^<>\s]*)>)?\s*", package.author)
    assert found is not None  # each of its parts may be empty
    return Author(found[1], found[2] or "")


def identity(record: Record) -> list[str]:
    """Return who and what a package is, a line each, for files that have no fields for it."""
    package = record.package
    stated = (
        ("Author: ", package.author),
        ("Page: ", package.url),
        ("SPDX-License-Identifier: ", package.license),
    )
    return [
        f"{record.name} {package.version}",
        description(record),
        *head(record),
        *(f"{label}{value}" for label, value in stated if value),
    ]


def head(record: Record) -> list[str]:
    """Return the lines that identify the model, see `Record`."""
    return [printable(line) for line in record.head]


def description(record: Record) -> str:
    """Return the package's description, on one line."""
    return printable(record.description)


def printable(text: str) -> str:
    """Return a text on one line: names of files may hold anything."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)


def words(record: Record, made: CSources) -> dict[str, str]:
    """Return what the templates of every form of generated C may name."""
    return {
        "name": record.name,
        "upper": record.name.upper(),
        "symbol": f"EDGEAE_{record.name.upper()}",
        "title": printable(record.title),
        "version": record.package.version,
        "head": "\n".join(f"# {line}" for line in identity(record)),
        "about": about(record),
        "tests": " ".join(made.self_tests),
        "call": call(made.parts[0]),
        "part": made.parts[0].name,
    }


def about(record: Record) -> str:
    """Return the head of a README, in Markdown."""
    name, *lines = identity(record)
    return "\n".join([f"# {name}", "", *(f"* {html.escape(line, quote=False)}" for line in lines)])


def check_header(record: Record, made: CSources) -> str:
    """Return the text of NAME_check.h, which runs every part's self-test; it is C and C++.

    The parts share one arena and one output, because a board has little RAM.
    """
    return filled(
        "boards/check.h",
        {
            "name": record.name,
            "upper": record.name.upper(),
            "includes": _each(made.parts, '#include "{part.name}.h"'),
            "arenas": _each(made.parts, "    uint8_t {part.name}[{part.upper}_ARENA_BYTES];"),
            "outputs": _each(made.parts, "    {kind} {part.name}[{part.upper}_OUTPUT_SIZE];"),
            "checks": _each(
                made.parts,
                "  wrong = (long){part.name}_self_test(&arena, sizeof arena, output.{part.name});\n"
                '  report("{part.name}", wrong);\n'
                "  failed |= wrong != 0;",
            ),
        },
    )


def umbrella(record: Record, made: CSources) -> dict[str, str]:
    """Return NAME.h, which includes every part; empty if the only part has that name."""
    if any(part.name == record.name for part in made.parts):
        return {}
    guard = f"{record.name.upper()}_H"
    includes = _each(made.parts, '#include "{part.name}.h"')
    return {f"{record.name}.h": f"#ifndef {guard}\n#define {guard}\n\n{includes}\n\n#endif\n"}


def placed(record: Record, made: CSources) -> dict[str, str]:
    """Return the C laid out in `include/`, what an app includes, and `src/`, all else."""
    apart = {f"{part.name}.h" for part in made.parts}
    files = {
        f"{'include' if name in apart else 'src'}/{name}": text for name, text in made.texts.items()
    }
    for name, text in umbrella(record, made).items():
        files[f"include/{name}"] = text
    files[f"include/{record.name}_check.h"] = check_header(record, made)
    return files


def serial_placed(record: Record, made: CSources) -> dict[str, str]:
    """Return what answers over a serial line, in `serial/`, which an app takes by a setting.

    It lies beside the model, so that its table of hashes is never that of another model.
    """
    return {f"serial/{name}": text for name, text in serial_sources(record, made).items()}


def units(made: CSources) -> list[str]:
    """Return the paths of the C files in `placed`."""
    return [f"src/{name}" for name in made.units]


def found(folder: Path, below: str) -> list[Path]:
    """Return the C files in a folder of a written form, as paths below the form."""
    return sorted(path.relative_to(folder) for path in (folder / below).glob("*.c"))


def needs_libm(made: CSources) -> bool:
    """Return whether the C calls functions of a C library's libm, as float models may."""
    return any("#include <math.h>" in text for text in made.texts.values())


def call(part: Part) -> str:
    """Return the C that calls a part, for a README."""
    source, target = c_type(part.program.input), c_type(part.program.output)
    return (
        f"static uint8_t arena[{part.upper}_ARENA_BYTES];\n"
        f"static {source} input[{part.upper}_INPUT_SIZE];\n"
        f"static {target} output[{part.upper}_OUTPUT_SIZE];\n\n"
        f"{part.name}_run(arena, input, output);"
    )


def quoted(text: str) -> str:
    """Return a printable text in double quotes, as JSON, YAML and Kconfig read it."""
    return json.dumps(text, ensure_ascii=False)


def at_most(key: str, value: str, longest: int, where: str) -> str:
    """Return a value that is not too long for a manifest.

    Raises:
        BadInput: it is longer than `longest` characters.
    """
    if len(value) > longest:
        raise BadInput(
            f"--{key} {value!r:.40}: {len(value)} characters; {where} allows at most {longest}"
        )
    return value


def filled_all(form: str, places: Mapping[str, str], words_of: Mapping[str, str]) -> dict[str, str]:
    """Return the files that come from templates.

    Args:
        form: the folder of the templates.
        places: path of a file → its template, below that folder.
        words_of: what the templates name.
    """
    return {path: filled(f"{form}/{template}", words_of) for path, template in places.items()}


def _each(parts: Sequence[Part], line: str) -> str:
    return "\n".join(line.format(part=part, kind=c_type(part.program.output)) for part in parts)
