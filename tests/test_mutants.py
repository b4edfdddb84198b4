"""The list of `make mutants` fits this checkout, and its runner tells what was caught."""

import importlib.util
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgeae_cli import ROOT
from mutants.copies import copy, planted
from mutants.listing import Mutant, Unfit, find, read
from mutants.run import hunt

MUTANTS = read()
#: A room with a function, and tests of it: one sound, one that fails whatever is planted.
FILES = {
    ".gitignore": "ignored.py\n",
    "edgeae/__init__.py": "",
    "edgeae/room/double.py": "def double(x):\n    return 2 * x\n\n\nUNUSED = 1\n",
    "tests/test_double.py": (
        "from edgeae.room.double import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    ),
    "tests/test_broken.py": "def test_broken():\n    raise AssertionError\n",
    "ignored.py": "",
}


def mutant(name: str, text: str, planted: str, *tests: str) -> Mutant:
    return Mutant(
        name, "room", "", ("edgeae/gone.py", "edgeae/room/double.py"), text, planted, tests
    )


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # half a second of each start
    root = tmp_path / "checkout"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


@pytest.mark.parametrize("item", MUTANTS, ids=lambda item: item.name)
def test_a_mutant_fits_its_module_and_names_tests(item):
    path, content = item.place(ROOT)
    assert path.is_relative_to(ROOT / "edgeae" / item.room)
    assert content != path.read_text(encoding="utf-8")
    compile(content, str(path), "exec")
    assert item.test_files(ROOT)


def test_there_are_thirty_and_more_over_all_rooms_that_compute():
    rooms = {path.parent.name for path in ROOT.glob("edgeae/*/__init__.py")}
    assert len({item.name for item in MUTANTS}) == len(MUTANTS) >= 30
    assert {item.room for item in MUTANTS} == rooms - {"plotting"}  # whose drawings are report's
    assert find(["half-to-even"])[0].room == "metrics"
    with pytest.raises(Unfit, match="no-such: no such mutant"):
        find(["no-such"])


@pytest.mark.parametrize("text", ["return 3 * x", "x"])
def test_a_text_that_is_not_there_once_is_named(checkout, text):
    with pytest.raises(Unfit, match=r"m: its text must occur once; it does 0 times in edgeae/gone"):
        list(hunt(checkout, [mutant("m", text, "", "test_double.py")], 1))


def test_a_module_may_say_it_in_other_words(checkout):
    renamed = {"text": "2 * x", "planted": "3 * x"}
    item = replace(mutant("m", "2 * y", "3 * y", "test_double.py"), also=(renamed,))
    path, content = item.place(checkout)
    assert path == checkout / "edgeae/room/double.py" and "return 3 * x" in content


def test_tests_that_are_not_there_are_named(checkout):
    with pytest.raises(Unfit, match=r"m: tests/ holds none of test_gone\.py"):
        list(hunt(checkout, [mutant("m", "2 * x", "x", "test_gone.py")], 1))


def test_a_fault_is_in_a_copy_and_is_gone_afterwards(checkout, tmp_path):
    copy(checkout, tmp_path / "copy")
    assert not (tmp_path / "copy" / "ignored.py").exists()
    path = tmp_path / "copy" / "edgeae/room/double.py"
    bytecode = Path(importlib.util.cache_from_source(str(path)))
    bytecode.parent.mkdir()
    with planted(mutant("m", "2 * x", "3 * x", "test_double.py"), tmp_path / "copy"):
        assert "3 * x" in path.read_text()
        bytecode.write_bytes(b"of the fault")
    assert path.read_text() == FILES["edgeae/room/double.py"]
    assert not bytecode.exists()
    assert (checkout / "edgeae/room/double.py").read_text() == FILES["edgeae/room/double.py"]


def test_what_is_caught_is_told_from_what_fails_anyway_and_what_passes(checkout):
    mutants = [
        mutant("caught", "2 * x", "3 * x", "test_double.py"),
        mutant("passes", "UNUSED = 1", "UNUSED = 2", "test_double.py"),
        mutant("broken", "2 * x", "3 * x", "test_broken.py"),
    ]
    found = {item.mutant.name: item for item in hunt(checkout, mutants, 1)}
    assert found["caught"].test == "tests/test_double.py::test_double"
    assert {item.test for name, item in found.items() if name != "caught"} == {None}
    assert found["passes"].note == "passed: test_double.py"
    assert found["broken"].note == "tests/test_broken.py::test_broken fails without it, too"


def test_a_test_that_does_not_end_in_time_catches_nothing(checkout):
    (found,) = hunt(checkout, [mutant("m", "2 * x", "3 * x", "test_double.py")], 1, limit_s=0.0)
    assert (found.test, found.note) == (None, "time was up in test_double.py")
