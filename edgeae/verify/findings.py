"""Read the findings of a bundle from its `verify.json`."""

from edgeae.artifacts.beside import damaged, read_beside
from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput
from edgeae.reading import typed
from edgeae.verify.rows import VERIFY, Composition, Row


def read_findings(bundle: Bundle) -> tuple[tuple[Row, ...], tuple[Composition, ...]]:
    """Return the rows and compositions in a bundle's `verify.json`.

    Both are empty if the file is missing or belongs to another export.

    Raises:
        BadInput: the file is damaged.
    """
    table = read_beside(bundle, VERIFY, 1)
    if table is None or table.get("golden_only") or table.get("runtimes"):
        return (), ()  # a check of only a part gives no verdict on this export
    try:
        rows = typed.value(tuple[Row, ...], table.get("rows"), "rows")
        return rows, typed.value(tuple[Composition, ...], table.get("composition"), "composition")
    except BadInput as error:
        raise damaged(bundle, VERIFY, error) from None
