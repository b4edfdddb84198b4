"""Render the tables of what devices count on their own as Markdown."""

from edgeae.report.counted_tables import CountedRow, CountedTable
from edgeae.text.markdown import plain, table

_WHAT = ("model", "recipe", "part")


def counted(found: CountedTable) -> list[str]:
    """Return the blocks of a table's section."""
    shown = [place for place, column in enumerate(found.columns) if not column.page_only]
    what = (*_WHAT, found.device)
    head = (*what, *(found.columns[place].name for place in shown))
    words = {*what, *(column.name for column in found.columns if column.words)}
    rows = [
        [row.model, row.recipe, row.part, row.device, *(row.cells[place] for place in shown)]
        for row in found.rows
        if not row.error
    ]
    blocks = [
        f"## {found.heading}",
        table(head, words, rows) if rows else "",
        found.method,
        "\n".join(_failure(row) for row in found.rows if row.error),
    ]
    return [block for block in blocks if block]


def _failure(row: CountedRow) -> str:
    return f"- – {plain(f'{row.model}/{row.recipe} {row.part} on {row.device}: {row.error}')}"
