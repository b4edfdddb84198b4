"""The list of mutants, and where each of them is in a checkout."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "Unfit", "find", "read"]

_LIST = Path(__file__).with_name("mutants.toml")


class Unfit(Exception):
    """A mutant does not fit a checkout: its text or its tests are not there; names the mutant."""


@dataclass(frozen=True)
class Mutant:
    """One fault; the fields are described at the top of `mutants.toml`."""

    name: str
    room: str
    reason: str
    files: tuple[str, ...]
    text: str
    planted: str
    tests: tuple[str, ...]
    also: tuple[dict[str, str], ...] = ()

    def place(self, checkout: Path) -> tuple[Path, str]:
        """Return the module in a checkout, and its content with the fault in it.

        Raises:
            Unfit: no module of `files` holds the text exactly once.
        """
        told = []
        for name in self.files:
            path = checkout / name
            content = path.read_text(encoding="utf-8") if path.is_file() else ""
            for form in ({"text": self.text, "planted": self.planted}, *self.also):
                count = content.count(form["text"])
                if count == 1:
                    return path, content.replace(form["text"], form["planted"])
                told.append(f"{count} times in {name}")
        raise Unfit(f"{self.name}: its text must occur once; it does {', '.join(told)}")

    def test_files(self, checkout: Path) -> list[Path]:
        """Return the tests of its room: those that are named first, in their order.

        Raises:
            Unfit: none of them is there.
        """
        tests = checkout / "tests"
        named = [path for name in self.tests for path in sorted(tests.rglob(name))]
        if not named:
            raise Unfit(f"{self.name}: tests/ holds none of {', '.join(self.tests)}")
        return list(dict.fromkeys([*named, *sorted((tests / self.room).rglob("test_*.py"))]))


def read() -> tuple[Mutant, ...]:
    """Return the whole list."""
    table = tomllib.loads(_LIST.read_text(encoding="utf-8"))
    return tuple(
        Mutant(**{key: tuple(it) if isinstance(it, list) else it for key, it in item.items()})
        for item in table["mutant"]
    )


def find(names: Iterable[str]) -> tuple[Mutant, ...]:
    """Return the mutants of these names.

    Raises:
        Unfit: there is none of such a name.
    """
    known = {item.name: item for item in read()}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise Unfit(f"{name}: no such mutant; there are {', '.join(known)}")
    return tuple(known[name] for name in wanted)
