"""The form `c`: C99 sources with a self-test, an example, a Makefile and a README.

Its folder `serial` has what a board answers with over a serial line.
"""

import shlex
from pathlib import Path
from string import Template

from edgeae.codegen import compiler
from edgeae.codegen.part import Part, c_type
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.proving import passed, tool
from edgeae.embed.record import Record
from edgeae.embed.serial_link import serial_example, serial_sources
from edgeae.embed.templating import filled

_SERIAL = "serial"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options)
    serial = serial_sources(record, made) | {"main_posix.c": serial_example("posix")}
    words = {
        "title": record.title,
        "sources": " ".join(made.units),
        "serial": " ".join(f"{_SERIAL}/{name}" for name in serial if name.endswith(".c")),
        "tests": " ".join(f"-D{macro}" for macro in made.self_tests),
        "includes": "\n".join(f'#include "{part.name}.h"' for part in made.parts),
        "checks": "\n".join(check(part) for part in made.parts),
        "call": _call(made.parts[0]),
    }
    texts = {name: filled(f"c/{name}", words) for name in ("main.c", "Makefile", "README.md")}
    below = {f"{_SERIAL}/{name}": text for name, text in serial.items()}
    return Form(made.texts | texts | below, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Compile the folder with the host's compiler and run its self-test; see `FormModule`."""
    make = tool("make", "apt install make")
    command = [make, "-C", str(folder), f"CC={shlex.join(compiler.host())}", "board", "self-test"]
    return passed(command, folder, compiler.version())


def check(part: Part) -> str:
    """Return C statements that run a part's self-test, print its result and set `failed`."""
    kind = c_type(part.program.output)
    return Template(
        """\
  {
    static uint8_t arena[${upper}_ARENA_BYTES];
    static $kind output[${upper}_OUTPUT_SIZE];
    const int32_t wrong = ${name}_self_test(arena, sizeof arena, output);
    printf("$name: %ld wrong values\\n", (long)wrong);
    failed |= wrong != 0;
  }"""
    ).substitute(name=part.name, upper=part.upper, kind=kind)


def _call(part: Part) -> str:
    source_type, target_type = c_type(part.program.input), c_type(part.program.output)
    return (
        f"static uint8_t arena[{part.upper}_ARENA_BYTES];\n"
        f"{source_type} input[{part.upper}_INPUT_SIZE];\n"
        f"{target_type} output[{part.upper}_OUTPUT_SIZE];\n"
        f"{part.name}_run(arena, input, output);"
    )
