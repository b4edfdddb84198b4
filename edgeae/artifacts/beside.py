"""Findings about a bundle in a JSON file beside its manifest, such as `verify.json`.

The manifest never changes after export. Each file of findings contains the hash of the manifest, so
that nobody takes findings about an older export for those about the current one.
"""

import json
from collections.abc import Callable
from typing import Any

from edgeae.artifacts.bundle import Bundle, holding
from edgeae.errors import BadInput, ManifestMismatch, naming, system_error
from edgeae.reading.json_file import read_written
from edgeae.system import atomic

#: Key of the manifest's hash in every such file.
BOUND = "manifest_sha256"


def write_beside(
    pinned: Bundle, name: str, table: dict[str, Any], say: Callable[[str], None]
) -> None:
    """Write findings beside the manifest; a failure to write them does not change the verdict.

    Args:
        pinned: a bundle that `holding` holds; nothing is written if a newer export replaced it.
        name: name of the file.
        table: the file's content.
        say: receives the reason if the file is not written.
    """
    place, command = pinned.shown / name, _command(name)
    if not pinned.is_current:
        say(f"{place} was not written, because a newer export replaced the bundle; {command} again")
        return
    text = json.dumps(table, indent=1, allow_nan=False) + "\n"
    try:
        with naming(place):
            atomic.write_text(pinned.root / name, text, parents=False)
    except OSError as error:
        say(f"{system_error(error)}; the verdict was not written")


def read_beside(bundle: Bundle, name: str, schema: int) -> dict[str, Any] | None:
    """Return the content of a file of findings; None if it is missing or about another export.

    It is also None if a file of the bundle has changed since, because the findings are then about
    other bytes.

    Raises:
        BadInput: the file is damaged.
    """
    with holding(bundle.root) as now:
        # a newer export of the bundle has its own findings
        return _read(now, name, schema) if now.sha256 == bundle.sha256 else None


def _read(bundle: Bundle, name: str, schema: int) -> dict[str, Any] | None:
    try:
        table = read_written(bundle.shown / name, schema)
    except BadInput as error:
        raise BadInput(f"{error}; {_remedy(name)}") from None
    if table is None:
        return None
    if table.get(BOUND) != bundle.sha256:
        return None
    try:
        bundle.check()
    except ManifestMismatch:
        return None
    return table


def damaged(bundle: Bundle, name: str, error: BadInput) -> BadInput:
    """Return the error for content of a file of findings that is not valid."""
    return BadInput(f"{bundle.shown / name}: damaged: {error}; {_remedy(name)}")


def _remedy(name: str) -> str:
    return f"`edgeae {_command(name)}` writes it again"


def _command(name: str) -> str:
    """Return the command that writes a file: `verify` of `verify.json` and of `verify.pi4.json`."""
    return name.partition(".")[0]
