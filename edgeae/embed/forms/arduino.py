"""The form `arduino`: a library for the Arduino IDE and arduino-cli, with a sketch as its test."""

from pathlib import Path

from edgeae.codegen.part import Part
from edgeae.embed import boards
from edgeae.embed.c_sources import CSources, c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record
from edgeae.embed.serial_link import serial_example, serial_sources
from edgeae.errors import BadInput

#: Longest name of a library.
_LONGEST = 63
_SKETCH = "examples/SelfTest/SelfTest.ino"
#: The sketch that answers `edgeae verify --port`.
_SERIAL = "examples/Serial/Serial.ino"
_NOTE = "the sketch ran against stand-in headers of the Arduino core, not on a board"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for Arduino")
    _check_name(record.name)
    package = record.package
    words = boards.words(record, made) | {
        "author": package.author or boards.UNKNOWN,
        "description": boards.description(record),
        "license": f"license={package.license}\n" if package.license else "",
        "paragraph": ". ".join(boards.head(record)),
        # there is no address that says that there is none
        "url": f"url={package.url}\n" if package.url else "",
    }
    places = {
        "library.properties": "library.properties",
        "README.md": "README.md",
        _SKETCH: "SelfTest.ino",
    }
    files = boards.filled_all("arduino", places, words)
    sources = _with_self_tests(made) | boards.umbrella(record, made)
    sources[f"{record.name}_check.h"] = boards.check_header(record, made)
    sources |= serial_sources(record, made)
    files[_SERIAL] = serial_example("arduino")
    files |= {f"src/{name}": text for name, text in sources.items()}
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build library and sketch against stand-in headers and run the sketch; see `FormModule`."""
    core = STAND_INS / "arduino"
    program = HostProgram(
        boards.found(folder, "src"),
        [_SKETCH, core / "core.cpp"],
        ["src", core],
        forced=["Arduino.h"],
    )
    return proven(folder, program, _NOTE)


def _check_name(name: str) -> None:
    # NAME.h would be Arduino.h where files differ in more than their case
    if name.lower().startswith("arduino") or len(name) > _LONGEST:
        raise BadInput(
            f"--name {name!r:.80}: allowed for an Arduino library are at most {_LONGEST} "
            "characters, and no name that begins with arduino"
        )


def _with_self_tests(made: CSources) -> dict[str, str]:
    """Return the texts with the self-tests switched on: the builder passes no flags to a library.

    The linker leaves them out of sketches that do not call them.
    """
    headers = {f"{part.name}.h": part for part in made.parts}
    return {
        name: _switched_on(text, headers[name]) if name in headers else text
        for name, text in made.texts.items()
    }


def _switched_on(text: str, part: Part) -> str:
    guard = f"#define {part.upper}_H\n"
    macro = f"{part.upper}_SELF_TEST"
    assert guard in text
    return text.replace(guard, f"{guard}\n#ifndef {macro}\n#define {macro}\n#endif\n", 1)
