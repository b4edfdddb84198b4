"""Every extra that edgeae names, in messages, pages and templates, is one that it declares."""

import re
import tomllib
from pathlib import Path

import pytest
from documents import PAGES, TEXTS
from edgeae_cli import ROOT

from edgeae.system.extras import EXTRAS

pytestmark = pytest.mark.cold

DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def places() -> list[Path]:
    """Return what a user may read an extra's name in."""
    code = [path for path in (ROOT / "edgeae").rglob("*") if path.suffix not in ("", ".pyc")]
    others = ("Makefile", "pyproject.toml", "tests/conftest.py")
    return [*code, *PAGES, *(ROOT / name for name in others)]


def named() -> dict[str, Path]:
    """Return extra → a file that names it: `edgeae[a,b]`, or `.[a]` of a checkout."""
    pattern = re.compile(r"(?:edgeae|'\.)\[([a-z][a-z,-]*)\]")
    return {
        extra: path
        for path in places()
        for names in pattern.findall(path.read_text(encoding="utf-8"))
        for extra in names.split(",")
    }


def test_the_extras_of_messages_are_declared() -> None:
    assert set(EXTRAS) == set(DECLARED) - {"dev", "docs"}


def test_every_extra_that_is_named_is_declared() -> None:
    found = named()
    assert {"host", "onnx", "report", "dev"} <= set(found)
    assert {extra: path for extra, path in found.items() if extra not in DECLARED} == {}


def packages(extra: str) -> set[str]:
    """Return the packages that an extra brings, those of other extras among them."""
    found: set[str] = set()
    for text in DECLARED[extra]:
        name, others = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?.*", text).groups()
        found |= {name} if name != "edgeae" else set()
        for other in (others or "").split(","):
            found |= packages(other) if name == "edgeae" else set()
    return found


@pytest.mark.parametrize("extra", ["onnx", "report"])
def test_an_extra_of_a_device_brings_no_tensorflow_and_the_hosts_brings_it_too(extra: str) -> None:
    assert not packages(extra) & {"tensorflow", "tf-keras", "tf2onnx"}
    assert packages(extra) < packages("host")
    assert "tensorflow" in packages("host")


def test_nobody_is_told_to_install_a_release() -> None:
    """There is none: outside an environment with edgeae, its name alone brings nothing."""
    assert not re.search(r"pip install edgeae\b", "\n".join(TEXTS.values()))
    for path in (ROOT / "edgeae" / "scaffold" / "templates").iterdir():
        assert "pip install edgeae" not in path.read_text(), path
