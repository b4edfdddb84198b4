"""Every generated page by its path below `docs/`."""

from pathlib import Path

from generate import commands, exit_codes, families, files, keys, operators, rooms, runtimes

__all__ = ["DOCS", "NOTICE", "pages"]

DOCS = Path(__file__).parent.parent
#: First line of every page that is generated as a whole.
NOTICE = "<!-- Generated from the code by `make reference`: edit the code, not this page. -->"


def pages() -> dict[str, str]:
    """Return path → text of every generated page, those with a generated part among them."""
    whole = {
        "reference/commands.md": commands.page(),
        "reference/families.md": families.page(),
        "reference/recipes.md": keys.recipes(),
        "reference/suites.md": keys.suites(),
        "reference/budget.md": keys.budget(),
        "reference/matrix.md": keys.matrix(),
        "reference/sweep.md": keys.sweep(),
        "reference/runtimes.md": runtimes.page(),
        "reference/operators.md": operators.page(),
        "reference/exit-codes.md": exit_codes.page(),
        **{f"reference/files/{name}.md": text for name, text in files.pages().items()},
    }
    found = {name: f"{NOTICE}\n\n{text.strip()}\n" for name, text in whole.items()}
    architecture = (DOCS / rooms.PAGE).read_text(encoding="utf-8")
    return {**found, rooms.PAGE: rooms.renewed(architecture)}
