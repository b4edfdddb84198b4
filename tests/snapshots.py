"""Texts that edgeae prints or writes, kept whole in `tests/snapshots/`.

`UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/report` writes them again; `git diff` then
shows what changed for users.
"""

import difflib
import os
from pathlib import Path

import pytest

__all__ = ["FOLDER", "snapshot"]

FOLDER = Path(__file__).parent / "snapshots"


def snapshot(text: str, name: str) -> None:
    """Fail, with the difference, unless a text is the content of a file in `tests/snapshots/`."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != kept:
        lines = [item.splitlines(keepends=True) for item in (kept, text)]
        difference = "".join(difflib.unified_diff(*lines, f"tests/snapshots/{name}", "this run"))
        pytest.fail(f"{difference}\nUPDATE_SNAPSHOTS=1 writes the file again", pytrace=False)
