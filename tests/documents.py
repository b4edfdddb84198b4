"""The pages that users read: README and the others at the root, and those of `docs/`."""

import re
from pathlib import Path

from edgeae_cli import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
#: First words of a page that is written from the code.
GENERATED = "<!-- Generated from the code"
#: Pages at the root of the repository, which the site includes or the README links.
ROOT_PAGES = [README, *(ROOT / name for name in ("CHANGELOG.md", "SECURITY.md"))]
ROOT_PAGES += [ROOT / "bench" / "SELFTEST.md"]
PAGES = [*ROOT_PAGES, *sorted(DOCS.rglob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
#: What people wrote to teach: README, quickstart, guides and the other pages of `docs/`.
WRITTEN = {
    path: text
    for path, text in TEXTS.items()
    if (path == README or path.is_relative_to(DOCS)) and not text.startswith(GENERATED)
}


def name(path: Path) -> str:
    """Return a page's path below the root."""
    return path.relative_to(ROOT).as_posix()


def without_blocks(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def without_code(text: str) -> str:
    """Return a page without its blocks of code and its inline code."""
    return re.sub(r"`[^`\n]*`", "", without_blocks(text))


def blocks(text: str) -> list[str]:
    """Return the contents of a page's blocks of code."""
    return re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
