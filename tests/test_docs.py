"""What README and docs show is what edgeae takes: commands, options, recipes, targets, links."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from documents import (
    DOCS,
    PAGES,
    README,
    TEXTS,
    WRITTEN,
    blocks,
    name,
    without_blocks,
    without_code,
)
from edgeae_cli import ROOT

from edgeae import recipe
from edgeae.cli.main import app

GROUP = typer.main.get_command(app)


def command_lines() -> list[tuple[str, str]]:
    """Return page and line of every `edgeae` command in a block of code, each line once a page."""
    found = {
        (name(path), line.partition("  #")[0].partition(" # ")[0].strip()): None
        for path, text in WRITTEN.items()
        for block in blocks(text)
        for line in block.splitlines()
    }
    return [(page, line) for page, line in found if line.startswith("edgeae ")]


def test_there_are_command_lines():
    pages = [page for page, _ in command_lines()]
    assert len(pages) > 60
    assert {"README.md", "docs/quickstart.md"} <= set(pages)
    guides = {f"docs/guides/{path.name}" for path in (DOCS / "guides").glob("*.md")}
    assert guides <= set(pages)


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_is_taken(page, line):
    _, command_name, *words = shlex.split(line)
    command = GROUP.commands[command_name]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    context = command.make_context(command_name, words)
    # some recipes are made by a command line of the same page
    made = re.findall(r"export/(\S+)\.toml", TEXTS[ROOT / page])
    for plan in re.findall(r" (?:-r|--recipe) (\S+)", line):
        assert plan in (*recipe.available(), *made), f"no recipe {plan}"
    for setting in context.params.get("settings") or ():
        recipe.find(context.params["recipe"][0], [setting])


def options(command) -> set[str]:
    own = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
    return own.union(*(options(item) for item in getattr(command, "commands", {}).values()))


def test_every_option_that_is_named_is_one():
    known = options(GROUP) | {"--help"}
    spans = re.findall(r"`((?:--|edgeae )[^`\n]+)`", "\n".join(TEXTS.values()))
    named = {option for span in spans for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)}
    assert len(named) > 60
    assert named <= known


def test_every_target_of_make_that_is_named_is_one():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [
        part for text in TEXTS.values() for part in (*blocks(text), *re.findall("`[^`]+`", text))
    ]
    named = {word for text in texts for word in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)}
    assert {"demo", "test", "docs", "reference"} <= named
    assert named <= targets


def test_help_lists_the_documentation():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^docs:.*## ", makefile, re.MULTILINE)


@pytest.mark.parametrize("command", GROUP.commands)
def test_a_command_is_explained_and_listed(command):
    assert re.search(rf"\bedgeae {command}\b", "\n".join(WRITTEN.values()))
    reference = TEXTS[DOCS / "reference" / "commands.md"]
    assert re.search(rf"^## edgeae {command}$", reference, re.MULTILINE)


def test_the_readme_is_short_and_shows_the_report():
    assert len(README.read_bytes()) <= 7000
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXTS[README])
    content = (ROOT / picture).read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) < 150_000


# --- links ---


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", item.lower()).strip()) for item in headings}


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", without_code(text))


def broken(path: Path, link: str) -> bool:
    """Return whether a relative link leads to no file, or to no heading of its page."""
    place, _, anchor = link.partition("#")
    target = (path.parent / place).resolve() if place else path
    if not target.is_file() or not target.is_relative_to(ROOT):
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def test_there_are_links():
    assert sum(len(links(text)) for text in TEXTS.values()) > 80
    assert len(links(TEXTS[README])) > 20


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_somewhere(path):
    relative = [link for link in links(TEXTS[path]) if not link.startswith("https://")]
    assert [link for link in relative if broken(path, link)] == []


def test_a_broken_link_is_noticed():
    assert broken(README, "docs/none.md") and broken(README, "docs/quickstart.md#none")
    assert not broken(README, "docs/quickstart.md#install")


def test_every_page_is_in_the_sites_menu():
    menu = set(re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert menu == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


@pytest.mark.parametrize("page", ["security", "changelog", "selftest"])
def test_a_page_that_is_included_exists(page):
    (included,) = re.findall(r'^--8<-- "(.+)"$', TEXTS[DOCS / f"{page}.md"], re.MULTILINE)
    assert (ROOT / included).is_file()
