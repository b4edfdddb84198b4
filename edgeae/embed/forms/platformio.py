"""The form `platformio`: a library for PlatformIO, with an example for this machine and boards."""

import json
import re
from pathlib import Path
from typing import Any

from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, proven
from edgeae.embed.record import Record
from edgeae.errors import BadInput

#: Most characters of a field in PlatformIO's schema of library.json.
_NAME, _AUTHOR, _DESCRIPTION, _URL = 100, 50, 1000, 255
_WHERE = "PlatformIO's library.json"
_EXAMPLE = "examples/self_test"
_NOTE = (
    "built by the host's compiler, natively and against stand-in headers of the Arduino core; "
    "PlatformIO did not run"
)


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for PlatformIO")
    words = boards.words(record, made) | {
        "flags": " ".join(f"-D{macro}" for macro in made.self_tests),
        "head": "\n".join(f"; {line}" for line in boards.identity(record)),
    }
    places = {
        "README.md": "README.md",
        f"{_EXAMPLE}/platformio.ini": "platformio.ini",
        f"{_EXAMPLE}/src/main.cpp": "main.cpp",
    }
    files = {"library.json": _manifest(record)}
    files |= boards.filled_all("platformio", places, words) | boards.placed(record, made)
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build the example for this machine and against Arduino's stand-in; see `FormModule`."""
    main, core = f"{_EXAMPLE}/src/main.cpp", STAND_INS / "arduino"
    units = boards.found(folder, "src")
    defines = [f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts]
    includes = ["include", "src"]
    native = HostProgram(units, [main], includes, defines)
    board = HostProgram(
        units, [main, core / "core.cpp"], [*includes, core], [*defines, "ARDUINO=10800"]
    )
    first = proven(folder, native, _NOTE)
    return first if first.verdict != "pass" else proven(folder, board, _NOTE)


def _manifest(record: Record) -> str:
    package = record.package
    about = boards.description(record)
    table: dict[str, Any] = {
        "name": boards.at_most("name", record.name, _NAME, _WHERE),
        "version": package.version,
        "description": boards.at_most("description", about, _DESCRIPTION, _WHERE),
    }
    if package.author:
        table["authors"] = [_author(boards.author(package))]
    if package.license:
        table["license"] = package.license
    if package.url:
        table["homepage"] = _checked_url(package.url)
    table |= {"frameworks": "*", "platforms": "*", "headers": f"{record.name}.h"}
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def _author(author: boards.Author) -> dict[str, str]:
    if not author.name:
        raise BadInput(f"--author '<{author.mail}>': {_WHERE} wants a name, as in name <mail>")
    found = {"name": boards.at_most("author", author.name, _AUTHOR, _WHERE)}
    if author.mail:
        if not re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", author.mail, re.ASCII):
            raise BadInput(f"--author: {author.mail!r:.60} is no address of mail, as name@host.org")
        found["email"] = boards.at_most("author", author.mail, _AUTHOR, _WHERE)
    return found


def _checked_url(url: str) -> str:
    if not re.match(r"https?://[\w.-]+\.[A-Za-z]{2,}(:\d+)?(/|$)", url, re.ASCII):
        raise BadInput(f"--url {url!r:.60}: {_WHERE} wants the full name of a host, as example.org")
    return boards.at_most("url", url, _URL, _WHERE)
