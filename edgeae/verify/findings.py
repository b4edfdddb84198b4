"""What `verify.json` says of a bundle, read back."""

import json
from pathlib import Path
from typing import Any

from edgeae.bundle import Bundle
from edgeae.errors import BadInput, ManifestMismatch
from edgeae.verify.rows import VERIFY, Composition, Row

__all__ = ["read_findings"]


def read_findings(bundle: Bundle) -> tuple[tuple[Row, ...], tuple[Composition, ...]]:
    """Read `verify.json`; nothing when there is none, or when it is about another export.

    Raises:
        BadInput: it is damaged.
    """
    path = bundle.root / VERIFY
    if not path.exists():
        return (), ()
    table = _table(path)
    same = table.get("manifest_sha256") == bundle.sha256
    if not same or table.get("golden_only") or table.get("runtimes"):
        return (), ()  # a check of a part, or of other files, is no verdict on this export
    try:
        bundle.check()
    except ManifestMismatch:
        return (), ()  # a file changed since
    try:
        rows = tuple(Row(**_frozen(row)) for row in table["rows"])
        return rows, tuple(Composition(**_frozen(row)) for row in table["composition"])
    except (KeyError, TypeError) as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae verify` writes it anew") from None


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable: {error}") from None
    if not isinstance(table, dict) or table.get("schema") != 1:
        raise BadInput(f"{path}: this edgeae reads schema 1; `edgeae verify` writes it anew")
    return table


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "reasons": tuple(row["reasons"])}
