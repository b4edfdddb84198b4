"""The record of a baseline: `baseline.json` in a bundle, `<file>.json` beside a bare file.

History of the schema:

1   the first schema.

A record states the hashes of the baseline's files and their origin. No figure in a record is ever
compared: baselines are artifacts, and every gate times them again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.errors import BadInput, ManifestMismatch, about
from edgeae.reading import files, typed
from edgeae.reading.files import plain_name
from edgeae.reading.json_file import read_written
from edgeae.system import atomic
from edgeae.system.machine import describe

SCHEMA = 1
BUNDLE_RECORD = "baseline.json"
_RUNTIMES = ("ai-edge-litert", "onnxruntime")


@dataclass(frozen=True)
class Record:
    """A baseline's record; see the module's docstring.

    Attributes:
        schema: version of this layout.
        saved: day on which the baseline was saved, in UTC, as `2026-11-25`.
        sha256: path of a file, relative to the bundle or to the file's folder → hash of its bytes.
        machine: the machine on which the baseline was saved; see `machine.describe`.
        commit: commit of the repository in which it was saved; None outside a repository.
        tools: package → version that made the bundle; empty for a bare file.
        runtimes: package → installed version, including edgeae's own.
    """

    schema: int
    saved: str
    sha256: dict[str, str]
    machine: dict[str, Any]
    commit: str | None
    tools: dict[str, str]
    runtimes: dict[str, str]

    def __post_init__(self) -> None:
        if not self.sha256:
            raise BadInput("sha256 names no file")
        for name in self.sha256:
            plain_name(name)

    def to_json(self) -> str:
        """Return the text of the record's file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"


def record_path(place: Path) -> Path:
    """Return the path of a baseline's record: in a bundle's folder, or beside a bare file."""
    return place / BUNDLE_RECORD if place.is_dir() else place.with_name(f"{place.name}.json")


def record(files: Mapping[str, bytes], tools: Mapping[str, str], commit: str | None) -> Record:
    """Make the record of a baseline that is being saved on this machine.

    Args:
        files: relative path → content.
        tools: package → version that made the files, as far as known.
        commit: the repository's commit; None outside a repository.
    """
    return Record(
        SCHEMA,
        datetime.now(UTC).date().isoformat(),
        {name: atomic.sha256(content) for name, content in sorted(files.items())},
        describe(),
        commit,
        dict(tools),
        {"edgeae": __version__, **_versions(_RUNTIMES)},
    )


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # not every machine has every engine
    return found


def read(path: Path) -> Record | None:
    """Return a record; None if the file is missing.

    Raises:
        BadInput: the record is damaged, or has another schema.
    """
    table = read_written(path, SCHEMA)
    if table is None:
        return None
    with about(f"{path}: damaged record"):
        return typed.build(Record, table)


def check(place: Path, known: Record) -> None:
    """Compare the bytes of a baseline with its record.

    Args:
        place: the bundle's folder, or the bare file.
        known: the baseline's record.

    Raises:
        ManifestMismatch: a file is missing, or is not the one that was saved.
        BadInput: the record belongs to another file.
    """
    folder = place if place.is_dir() else place.parent
    if place != folder and place.name not in known.sha256:
        raise BadInput(f"{record_path(place)}: damaged record: sha256 has no {place.name!r}")
    for name, sha256 in known.sha256.items():
        path = folder / name
        try:
            found = files.sha256_inside(folder, name, files.MODEL_BYTES)
        except BadInput as error:
            raise ManifestMismatch(
                f"{path}: in the baseline's record, but refused: {error}"
            ) from None
        except OSError as error:
            raise ManifestMismatch(
                f"{path}: in the baseline's record but not readable ({error.strerror})"
            ) from None
        if found != sha256:
            raise ManifestMismatch(
                f"{path}: sha256 {found[:12]}…, the baseline's record has {sha256!s:.12}…; "
                "`edgeae baseline save --force` replaces a baseline"
            )


def note(known: Record) -> str:
    """Return a note that a baseline comes from another kind of machine; empty if it does not."""
    here = describe()["architecture"]
    there = known.machine.get("architecture", here)
    if there == here:
        return ""
    cpu = known.machine.get("cpu", "an unknown processor")
    what = f"saved on {there} ({cpu}), timed again on this {here}"
    return f"{what}; its stored figures are not compared"
