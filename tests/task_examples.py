"""Tasks whose children are those of `child_examples`, and folders that remember how they ended."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.scheduling.task import Folder, Task

#: With this in front of their path, processes find `child_examples` and this checkout.
PATHS = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])


class Place:
    """Where a task's files go: `place/NAME` if it was published, else nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.opened: list[str] = []

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[Path]:
        self.opened.append(name)
        part = self.root / f"{name}.part"
        part.mkdir(parents=True)
        try:
            yield part
            part.rename(self.root / name)
        finally:
            if part.exists():
                for path in sorted(part.rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
                part.rmdir()

    def task(self, name: str, do: str, *, versions: Any = None, **job: object) -> Task:
        """Return a task that does what `child_examples` calls `do`."""
        rows = self.root / "rows of a user"
        rows.mkdir(parents=True, exist_ok=True)
        (rows / "rows.csv").write_bytes(b"1,2\n" * 1000)
        (rows / "other.csv").write_bytes(b"not for tasks")
        return Task(
            name=name,
            module="child_examples",
            job={"do": do, "from": "{rows}/rows.csv", "out": "{out}", **job},
            into=lambda: self._folder(name),
            say=lambda line: self.said.append(f"{name}: {line}"),
            reads={"rows": Folder(rows, ("rows.csv",))},
            variables={"EDGEAE_EXAMPLE": "{rows}/x", "PYTHONPATH": PATHS},
            versions=versions or {},
            timeout_s=30.0,
        )

    def files(self, name: str) -> dict[str, bytes]:
        """Return path → content of what a task published."""
        folder = self.root / name
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def left(self) -> list[str]:
        """Return what is there, apart from the user's rows."""
        return sorted(path.name for path in self.root.iterdir() if path.name[:4] != "rows")
