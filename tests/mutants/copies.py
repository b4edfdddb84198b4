"""Copies of a checkout: a fault is planted in a copy, never in the checkout itself."""

import contextlib
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mutants.listing import Mutant

__all__ = ["copy", "planted"]


def copy(checkout: Path, to: Path) -> None:
    """Copy the files of a checkout that git tracks, or would, as they are on the disk."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, check=True)
    for name in done.stdout.decode().split("\0"):
        source, target = checkout / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


@contextlib.contextmanager
def planted(mutant: Mutant, root: Path) -> Iterator[None]:
    """Plant a fault in a copy for the duration of a `with` block.

    Raises:
        Unfit: the copy does not hold the mutant's text.
    """
    path, content = mutant.place(root)
    sound = path.read_bytes()
    try:
        _write(path, content.encode())
        yield
    finally:
        _write(path, sound)


def _write(path: Path, content: bytes) -> None:
    """Write a module and drop its bytecode, which Python knows by seconds and length alone."""
    path.write_bytes(content)
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
