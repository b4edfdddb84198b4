"""Read the findings of a bundle from its `verify.json`."""

from edgeae.artifacts.bundle import Bundle, holding
from edgeae.errors import BadInput, ManifestMismatch, system_error
from edgeae.reading import typed
from edgeae.reading.parsing import read_json
from edgeae.verify.rows import VERIFY, Composition, Row


def read_findings(bundle: Bundle) -> tuple[tuple[Row, ...], tuple[Composition, ...]]:
    """Return the rows and compositions in a bundle's `verify.json`.

    Both are empty if the file is missing or belongs to another export.

    Raises:
        BadInput: the file is damaged.
    """
    with holding(bundle.root) as now:
        # a newer export of the bundle has its own findings
        return _findings(now) if now.sha256 == bundle.sha256 else ((), ())


def _findings(bundle: Bundle) -> tuple[tuple[Row, ...], tuple[Composition, ...]]:
    path = bundle.shown / VERIFY
    try:
        table = read_json(path)
    except FileNotFoundError:
        return (), ()
    except OSError as error:
        raise system_error(error) from None
    try:
        table = typed.check_schema(table, 1)
    except BadInput as error:
        raise BadInput(f"{path}: {error}; `edgeae verify` writes it again") from None
    same = table.get("manifest_sha256") == bundle.sha256
    if not same or table.get("golden_only") or table.get("runtimes"):
        return (), ()  # a check of only a part, or of other files, gives no verdict on this export
    try:
        bundle.check()
    except ManifestMismatch:
        return (), ()  # a file has changed since the check
    try:
        rows = typed.value(tuple[Row, ...], table.get("rows"), "rows")
        return rows, typed.value(tuple[Composition, ...], table.get("composition"), "composition")
    except BadInput as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae verify` writes it again") from None
