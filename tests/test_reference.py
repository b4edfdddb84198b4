"""The pages of `docs/reference/` say what the code says today."""

import ast
import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from documents import DOCS, GENERATED, TEXTS
from generate import site
from generate.attributes import described, kind
from generate.files import VERIFY_KEYS
from test_architecture import ROOMS

from edgeae.errors import EXIT_PRIORITY
from edgeae.runtimes import RUNTIMES
from edgeae.verify.run import Findings

PAGES = site.pages()


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_current(page):
    path = DOCS / page
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    assert found == PAGES[page], f"docs/{page} is stale: `make reference` renews it"


def test_every_page_of_the_reference_is_generated_and_says_so():
    found = {path.relative_to(DOCS).as_posix() for path in (DOCS / "reference").rglob("*.md")}
    assert found == {page for page in PAGES if page.startswith("reference/")}
    assert all(TEXTS[DOCS / page].startswith(GENERATED) for page in found)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_is_documented(name):
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", PAGES["reference/runtimes.md"], re.MULTILINE)
    assert all(f"`{form}`" in row for form in RUNTIMES[name].formats)


def test_the_picture_of_the_house_is_the_rules_that_hold():
    text = TEXTS[DOCS / "architecture.md"]
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)
    shown = {room: " ".join(re.findall(r"`(\w+)`", known)) for room, known in rows}
    assert list(shown.items()) == list(ROOMS.items())
    drawn = [line.split() for line in re.findall(r"^ ?\d+  .+$", text, re.MULTILINE)]
    floors = {room: int(floor) for floor, *rooms in drawn for room in rooms}
    assert floors.keys() == ROOMS.keys()
    assert all(floors[known] < floors[room] for room in ROOMS for known in ROOMS[room].split())


def test_every_exit_code_is_documented():
    codes = re.findall(r"^\| (\d+) \| .+ \|$", PAGES["reference/exit-codes.md"], re.MULTILINE)
    assert [int(code) for code in codes] == [0, *sorted(EXIT_PRIORITY), 130]


def test_the_keys_of_a_verification_are_described():
    source = ast.parse((DOCS.parent / "edgeae" / "verify" / "run.py").read_text())
    (cls,) = [node for node in source.body if getattr(node, "name", "") == Findings.__name__]
    (method,) = [node for node in cls.body if getattr(node, "name", "") == "to_json"]
    written = next(node for node in ast.walk(method) if isinstance(node, ast.Dict))
    assert [key.value for key in written.keys] == list(VERIFY_KEYS)


# --- what the generator makes of a dataclass ---


@dataclass(frozen=True)
class Inner:
    """An inner one.

    Attributes:
        size: how many.
    """

    size: int


@dataclass(frozen=True)
class Outer:
    """An outer one.

    Attributes:
        a, b: two
            texts.
        inner: see `Inner`.
    """

    a: str
    b: str = "x"
    inner: Inner | None = None


@dataclass(frozen=True)
class Silent:
    """One that says nothing about its field."""

    size: int


def test_fields_have_their_type_default_and_description():
    found = [dataclasses.astuple(item) for item in described(Outer)]
    assert [(name, default, text) for name, _, default, text in found] == [
        ("a", None, "Two texts."),
        ("b", '"x"', "Two texts."),
        ("inner", "null", "See `Inner`."),
    ]


def test_a_field_without_a_description_is_an_error():
    with pytest.raises(ValueError, match="Silent: Attributes: size"):
        described(Silent)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "whole number"),
        (float | None, "number or null"),
        (tuple[str, ...], "list of text"),
        (tuple[float, float], "list: number, number"),
        (dict[str, Any], "table of any value"),
        (Literal["a", "b"], "`a` `b`"),
        (tuple[Inner, ...], "list of [Inner](#inner)"),
    ],
)
def test_a_type_is_said_in_the_words_of_json(hint, words):
    assert kind(hint) == words
