"""The form `cmsis-pack`: an Open-CMSIS pack, its description in PDSC and the packed file."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from edgeae.embed import boards
from edgeae.embed.c_sources import CSources, c_sources
from edgeae.embed.core_build import is_here, proven_on_core
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import HostProgram, proven
from edgeae.embed.record import Record
from edgeae.embed.templating import filled
from edgeae.errors import BadInput

#: Version of PACK.xsd whose elements are used.
_SCHEMA = "1.7.32"
#: Most characters of a component's group.
_LONGEST = 32
_EXAMPLE = "examples/self_test/main.c"
_LICENSE = "LICENSE.txt"
#: The oldest time that a zip file can state: the same bytes at any time.
_TIME = (1980, 1, 1, 0, 0, 0)
_NOTE = "what the .pack holds was built by the compiler itself; no tool of CMSIS ran"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    made = c_sources(record, options, "C99 for CMSIS")
    vendor = _vendor(record)
    stem = f"{vendor}.{record.name}"
    words = boards.words(record, made) | {"pack": stem, "vendor": vendor}
    files: dict[str, str | bytes] = {f"{stem}.pdsc": _description(record, made, vendor)}
    files["README.md"] = filled("cmsis-pack/README.md", words)
    if record.package.license:
        files[_LICENSE] = _license(record.package.license)
    files |= boards.placed(record, made)
    files[_EXAMPLE] = filled("boards/main.c", words)
    files[f"{stem}.{record.package.version}.pack"] = _packed(files)
    return Form(files, made.footprints())


def prove(folder: Path, record: Record) -> Proof:
    """Unpack the pack, build what it holds and run the example; see `FormModule`.

    It runs on an emulated Cortex-M4 where compiler and emulator are installed, else on the host.
    """
    (pack,) = folder.glob("*.pack")
    inside = folder / "unpacked"
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(inside)
    units = sorted(path.relative_to(inside) for path in (inside / "src").glob("*.c"))
    defines = [f"{record.part_name(part).upper()}_SELF_TEST" for part in record.parts]
    program = HostProgram([*units, _EXAMPLE], includes=["include", "src"], defines=defines)
    run = proven_on_core if is_here() else proven
    return run(inside, program, _NOTE)


def _vendor(record: Record) -> str:
    """Return the vendor: the author's name, in the characters that a pack's vendor may have."""
    author = boards.author(record.package).name
    vendor = re.sub(r"[^A-Za-z0-9]+", "-", author).strip("-") if author else boards.UNKNOWN
    if not vendor or len(vendor) > _LONGEST:
        raise BadInput(
            f"--author {author!r:.60}: the vendor of a CMSIS pack comes from it; allowed are 1 to "
            f"{_LONGEST} letters of A to Z, digits and -"
        )
    if not 2 <= len(record.name) <= _LONGEST:
        raise BadInput(
            f"--name {record.name!r:.60}: allowed for a component of a CMSIS pack are 2 to "
            f"{_LONGEST} characters"
        )
    return vendor


def _description(record: Record, made: CSources, vendor: str) -> str:
    """Return the text of the .pdsc, valid under PACK.xsd of Open-CMSIS-Pack."""
    package = record.package
    root = Element("package", {"schemaVersion": _SCHEMA})
    _texts(root, {"name": record.name, "vendor": vendor, "description": boards.description(record)})
    SubElement(root, "url").text = package.url
    if package.author:
        SubElement(root, "supportContact").text = package.author
    if package.license:
        licenses = SubElement(SubElement(root, "licenseSets"), "licenseSet", {"id": "all"})
        licenses.set("default", "true")
        file = {"name": _LICENSE, "title": package.license, "spdx": package.license}
        SubElement(licenses, "license", file)
    releases = SubElement(root, "releases")
    release = SubElement(releases, "release", {"version": package.version})
    release.text = "; ".join(boards.head(record))
    _components(SubElement(root, "components"), record, made)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _components(components: Element, record: Record, made: CSources) -> None:
    files = boards.placed(record, made)
    test = {f"include/{record.name}_check.h"}
    test |= {path for path in files if path.endswith("_golden.h")}
    title = boards.printable(record.title)
    about = f"The model {title} as C"
    plain = _component(components, record, "Model", about)
    SubElement(plain, "file", {"category": "doc", "name": "README.md"})
    SubElement(plain, "file", {"category": "include", "name": "include/"})
    for path in sorted(files.keys() - test):
        SubElement(plain, "file", {"category": _category(path), "name": path})
    tested = _component(components, record, "Self test", f"Self-tests of {title}")
    for path in sorted(test):
        SubElement(tested, "file", {"category": "header", "name": path})
    example = {"category": "source", "attr": "template", "select": f"Self-test of {record.name}"}
    SubElement(tested, "file", {**example, "name": _EXAMPLE})


def _component(components: Element, record: Record, sub: str, about: str) -> Element:
    """Add a component; return the element of its files."""
    place = {"Cclass": "Machine Learning", "Cgroup": record.name, "Csub": sub}
    item = SubElement(components, "component", {**place, "Cversion": record.package.version})
    SubElement(item, "description").text = about
    if sub != "Model":
        macros = [f"#define {record.part_name(part).upper()}_SELF_TEST" for part in record.parts]
        SubElement(item, "Pre_Include_Global_h").text = "\n".join(["", *macros, ""])
    return SubElement(item, "files")


def _category(path: str) -> str:
    return "source" if path.endswith(".c") else "header"


def _texts(parent: Element, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text


def _license(expression: str) -> str:
    return (
        f"SPDX-License-Identifier: {expression}\n\n"
        "This is the licence's identifier; its text is in the list of licences at spdx.org.\n"
    )


def _packed(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip file of the files, without compression: its bytes depend on nothing else."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            item = zipfile.ZipInfo(path, _TIME)
            item.create_system = 3  # as on Unix, wherever it is written
            item.external_attr = 0o644 << 16
            content = files[path]
            archive.writestr(item, content.encode() if isinstance(content, str) else content)
    return target.getvalue()
