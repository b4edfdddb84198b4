"""Rows of text laid out in columns, for every table that a command prints."""

from collections.abc import Sequence


def align(rows: Sequence[Sequence[str]], left: int) -> str:
    """Return rows as columns two spaces apart; the first `left` columns are aligned left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
