"""The form `swift`: a Swift package with the generated C as a target and a class for each part."""

import shlex
import shutil
from pathlib import Path

from edgeae.codegen import compiler
from edgeae.embed.c_sources import CSources, c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.phones import gradle, swift
from edgeae.embed.phones.face import Face, camel, faces
from edgeae.embed.phones.golden_files import golden_files
from edgeae.embed.phones.identifiers import checked
from edgeae.embed.proving import PASS, passed
from edgeae.embed.record import Record
from edgeae.embed.templating import filled
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.system.extras import remedy
from edgeae.system.scratch import scratch

#: What Macs and iPhones compile: portable C, or that for AArch64 with NEON.
_TARGETS = ("portable", "aarch64")
#: What the compiler of `edgeae[c]` calls an ARM Mac, whose headers it brings.
_MAC = "aarch64-macos"
_SWIFT = "a toolchain is at https://www.swift.org/install"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    checked(record.name, "Swift")
    if options.target not in _TARGETS:
        raise BadInput(f"--target {options.target}: swift takes {', '.join(_TARGETS)}")
    made = c_sources(record, options, "C99 for Swift")
    parts, module = faces(record), module_name(record)
    files: dict[str, str | bytes] = dict(_c_target(module, made))
    files |= {
        f"Sources/{module}/{face.class_name}.swift": swift.class_text(module, face, part)
        for face, part in zip(parts, made.parts, strict=True)
    }
    tests = f"Tests/{module}Tests"
    words = {"module": module, "tests": "".join(swift.test_text(face) for face in parts)}
    files[f"{tests}/GoldenTests.swift"] = filled("swift/GoldenTests.swift", words)
    files |= golden_files(f"{tests}/golden/", parts)
    return Form(files | _manifest(record, module, parts[0]), made.footprints())


def module_name(record: Record) -> str:
    """Return the name of the Swift module, of which no module of a system has the like."""
    return f"Edgeae{camel(record.name)}"


def _c_target(module: str, made: CSources) -> dict[str, str]:
    """Return path → text of the target of C: the headers of the parts are its interface."""
    headers = [f"{part.name}.h" for part in made.parts]
    folder = f"Sources/C{module}/"
    files = {
        f"{folder}{'include/' if name in headers else ''}{name}": text
        for name, text in made.texts.items()
    }
    listed = "\n".join(f'    header "{name}"' for name in headers)
    words = {"module": module, "headers": listed}
    files[f"{folder}include/module.modulemap"] = filled("swift/module.modulemap", words)
    return files


def _manifest(record: Record, module: str, first: Face) -> dict[str, str]:
    package = record.package
    about = f"{record.description}; version {package.version}{gradle.terms(record)}"
    words = {
        "module": module,
        "comment": "\n// ".join((f"{record.title} in a Swift package: {about}", *record.head)),
        "title": record.title,
        "description": record.description,
        "folder": record.name,
        "call": f"{first.class_name}().{swift.example(first)}",
        "version": package.version,
        "terms": gradle.terms(record),
    }
    return {name: filled(f"swift/{name}", words) for name in ("Package.swift", "README.md")}


def prove(folder: Path, record: Record) -> Proof:
    """Compile the C for an ARM Mac, then build and test the package; see `FormModule`."""
    try:
        compiled = _compiled(folder)
    except NotMeasured as error:
        return Proof(f"ziglang for {_MAC}", "fail", (str(error),))
    command = shutil.which("swift")
    if command is None:
        raise RuntimeUnavailable(f"no command swift, so no test ran; {compiled}", _SWIFT)
    version = compiler.run([command, "--version"], "the version of swift").splitlines()[0].strip()
    return passed(["sh", "-c", f"{shlex.quote(command)} test && echo {PASS}"], folder, version)


def _compiled(folder: Path) -> str:
    """Compile the C for an ARM Mac and return whether that was possible, as part of a sentence.

    Raises:
        NotMeasured: the compiler refuses a file.
    """
    if not compiler.zig():
        return f"nor was the C compiled for {_MAC} ({remedy('c')})"
    with scratch() as place:
        for source in sorted(folder.glob("Sources/C*/*.c")):
            compiler.run(object_command(source, place / f"{source.stem}.o"), source.name)
    return f"the C compiles for {_MAC}"


def object_command(source: Path, target: Path) -> list[str]:
    """Return the command that compiles a file of the target of C for an ARM Mac."""
    flags = ("-target", _MAC, "-O2", *compiler.STRICT, "-fno-sanitize=undefined")
    include = f"-I{source.parent / 'include'}"
    return [*compiler.zig(), *flags, include, "-c", str(source), "-o", str(target)]
