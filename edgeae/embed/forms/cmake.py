"""The form `cmake`: a CMake package that is installed, found and linked."""

from pathlib import Path

from edgeae.codegen import compiler
from edgeae.embed import boards
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import in_order
from edgeae.embed.proving import tool
from edgeae.embed.record import Record
from edgeae.embed.templating import filled

_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in '\\"$'})


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for CMake")
    url = record.package.url
    words = boards.words(record, made) | {
        "description": _quoted(boards.description(record)),
        "homepage": f" HOMEPAGE_URL {_quoted(url)}" if url else "",
        "sources": "\n    ".join(boards.units(made)),
    }
    places = {
        "CMakeLists.txt": "CMakeLists.txt",
        "README.md": "README.md",
        f"cmake/{record.name}Config.cmake.in": "Config.cmake.in",
        "example/CMakeLists.txt": "example.cmake",
    }
    files = boards.filled_all("cmake", places, words) | boards.placed(record, made)
    files["example/main.c"] = filled("boards/main.c", words)
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Build, test and install the package, then build an app that finds it; see `FormModule`."""
    cmake, ctest = tool("cmake", "apt install cmake"), tool("ctest", "apt install cmake")
    tool("make", "apt install make")
    prefix = folder / "proved" / "prefix"
    commands = [
        [*_configured(cmake, ".", "proved/package"), "-DCMAKE_BUILD_TYPE=Release"],
        [cmake, "--build", "proved/package"],
        [ctest, "--test-dir", "proved/package", "--output-on-failure", "--no-tests=error"],
        [cmake, "--install", "proved/package", "--prefix", str(prefix)],
        [*_configured(cmake, "example", "proved/app"), f"-DCMAKE_PREFIX_PATH={prefix}"],
        [cmake, "--build", "proved/app"],
        ["proved/app/self_test"],
    ]
    said = compiler.run([cmake, "--version"], "the version of CMake").splitlines()[0]
    return in_order(commands, folder, f"{said}, {compiler.version()}")


def _configured(cmake: str, source: str, build: str) -> list[str]:
    command = [cmake, "-S", source, "-B", build, "-G", "Unix Makefiles"]
    # CMake's own list of a compiler and the arguments that it always gets
    return [*command, f"-DCMAKE_C_COMPILER={';'.join(compiler.host())}"]


def _quoted(text: str) -> str:
    """Return a text as one argument of a CMake command."""
    return f'"{text.translate(_ESCAPED)}"'
