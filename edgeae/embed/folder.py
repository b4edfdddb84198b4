"""A folder that `edgeae embed` wrote: the form's files, and `edgeae/` with what made them.

`edgeae/record.json` holds form, options and the hash of every file; beside it is the model.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.embed import record as records
from edgeae.embed.carried import BUNDLE, Carried
from edgeae.embed.form import Form, Options
from edgeae.embed.record import Package, Record
from edgeae.embed.table import entry
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.reading import typed
from edgeae.reading.files import MODEL_BYTES, plain_name, read_inside
from edgeae.reading.parsing import read_json
from edgeae.system import atomic
from edgeae.system.scratch import scratch, write_scratch

#: The folder of what made the files, and its record.
OWN = "edgeae"
RECORD = f"{OWN}/record.json"
_SCHEMA = 1


@dataclass(frozen=True)
class Recorded:
    """The content of `record.json`.

    Attributes:
        schema: version of this layout.
        edgeae: version of edgeae that wrote the folder.
        form: name of the form.
        name: name of the model in the app's code.
        options: what the C was generated for.
        golden: whose golden vectors the folder carries.
        source: `bundle`, or the name of a bare file.
        threshold: see `Record`.
        package: what package managers ask.
        files: path below the folder → sha256; `record.json` itself is not among them.
        compiler: see `Form`.
    """

    schema: int
    edgeae: str
    form: str
    name: str
    options: Options
    golden: str
    source: str
    threshold: float | None
    package: Package
    files: dict[str, str]
    compiler: str = ""

    def __post_init__(self) -> None:
        for place in (*self.files, self.source):
            plain_name(place)


@dataclass(frozen=True)
class Written:
    """All that a folder holds.

    Attributes:
        record: the model.
        form: what the form's module returned.
        files: path below the folder → content, in the order in which they are written.
    """

    record: Record
    form: Form
    files: dict[str, bytes]


def generate(
    carried: Carried,
    form: str,
    name: str | None,
    options: Options,
    package: Package,
    shown: Path,
) -> Written:
    """Return the files of an embedded folder; the same arguments give the same bytes.

    Args:
        carried: the model.
        form: name of the form.
        name: name of the model in the app's code; see `records.read`.
        options: what the C is generated for.
        package: what package managers ask.
        shown: the path that errors name.

    Raises:
        BadInput: see `FormModule.form`.
    """
    module = entry(form).load()
    with scratch() as place:
        for path, content in carried.files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            write_scratch(place / path, content)
        record = records.read(
            place / carried.source,
            name,
            shown=shown,
            threshold=carried.threshold,
            package=package,
        )
    made = module.form(record, options)
    files = {
        path: text.encode() if isinstance(text, str) else text for path, text in made.files.items()
    }
    files |= {f"{OWN}/{path}": content for path, content in carried.files.items()}
    recorded = Recorded(
        _SCHEMA,
        __version__,
        form,
        record.name,
        options,
        carried.golden,
        carried.source,
        carried.threshold,
        package,
        {path: atomic.sha256(content) for path, content in files.items()},
        made.compiler,
    )
    files[RECORD] = (json.dumps(asdict(recorded), indent=1, allow_nan=False) + "\n").encode()
    return Written(record, made, files)


def is_embedded(folder: Path) -> bool:
    """Return whether `edgeae embed` wrote a folder."""
    return (folder / RECORD).is_file()


def read_record(folder: Path) -> Recorded:
    """Return the record of an embedded folder.

    Raises:
        BadInput: the folder has none, or a damaged one.
    """
    path = folder / RECORD
    try:
        table: Any = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{folder}: `edgeae embed` did not write this folder") from None
    try:
        return typed.build(Recorded, typed.check_schema(table, _SCHEMA))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def carried_bundle(folder: Path) -> Path:
    """Return the bundle that an embedded folder carries.

    Raises:
        BadInput: the folder was not written by `edgeae embed`, or from a bare file.
    """
    recorded = read_record(folder)
    if recorded.source != BUNDLE:
        raise BadInput(f"{folder}: made from the file {recorded.source}, which is no bundle")
    return folder / OWN / BUNDLE


def regenerate(folder: Path) -> Written:
    """Generate an embedded folder again, from the model that it carries, and compare all files.

    Files that the record does not name, such as those of a build, are not looked at.

    Raises:
        BadInput: there is no record, or it is damaged.
        ManifestMismatch: a file is missing or differs.
        NotMeasured: another version of edgeae wrote the folder, or another compiler is here than
            the one that made what the folder holds.
    """
    recorded = read_record(folder)
    if recorded.edgeae != __version__:
        raise NotMeasured(
            f"{folder}: written by edgeae {recorded.edgeae}, this is {__version__}: its files "
            "cannot be compared; embed the model again"
        )
    present = {path: _content(folder, path) for path in recorded.files}
    for path, content in present.items():
        if atomic.sha256(content) != recorded.files[path]:
            raise ManifestMismatch(f"{folder / path}: differs from what `edgeae embed` wrote")
    inside = {
        path.removeprefix(f"{OWN}/"): content
        for path, content in present.items()
        if path.startswith(f"{OWN}/")
    }
    again = generate(
        Carried(recorded.source, inside, recorded.golden, recorded.threshold),
        recorded.form,
        recorded.name,
        recorded.options,
        recorded.package,
        folder / OWN / recorded.source,
    )
    if again.form.compiler != recorded.compiler:
        raise NotMeasured(
            f"{folder}: compiled by {recorded.compiler or 'none'}, here is "
            f"{again.form.compiler or 'none'}: their bytes cannot be compared; install that version"
        )
    present[RECORD] = (folder / RECORD).read_bytes()
    # the record last: it differs with every other file
    for path in sorted(
        again.files.keys() | present.keys(), key=lambda item: (item == RECORD, item)
    ):
        if again.files.get(path) != present.get(path):
            raise ManifestMismatch(
                f"{folder / path}: differs from what its model gives when it is embedded again"
            )
    return again


def _content(folder: Path, path: str) -> bytes:
    try:
        return read_inside(folder, path, MODEL_BYTES)
    except OSError as error:
        raise ManifestMismatch(
            f"{folder / path}: named in {RECORD} but not readable ({error.strerror})"
        ) from None
