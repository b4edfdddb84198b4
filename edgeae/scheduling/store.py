"""A worker's files by their content: each is stored once, under its SHA-256, and checked when read.

What is not there comes from a store that all machines share, if there is one, else from the client.
"""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from edgeae.errors import naming
from edgeae.reading import files
from edgeae.scheduling.shared_store import SharedStore
from edgeae.system import atomic


class Lacking(Exception):
    """The store does not have some of the contents that are needed.

    Args:
        hashes: their hashes.
    """

    def __init__(self, hashes: Iterable[str]) -> None:
        super().__init__(*hashes)
        self.hashes = tuple(hashes)


class Store:
    """A folder of contents by their hashes.

    Args:
        root: the folder; it is created when it is first written to.
        shared: where to look for what is not here, or None.
    """

    def __init__(self, root: Path, shared: SharedStore | None = None) -> None:
        self._root, self._shared = root, shared

    def lacks(self, hashes: Iterable[str]) -> list[str]:
        """Return the hashes whose contents are not here."""
        return [item for item in hashes if not self._place(item).exists()]

    def put(self, sha256: str, content: bytes) -> None:
        """Store a content.

        Raises:
            ValueError: the content has another hash.
            OSError: the content cannot be written.
        """
        if atomic.sha256(content) != sha256:
            raise ValueError(f"a content was damaged on its way: its sha256 is not {sha256[:12]}…")
        atomic.write_bytes(self._place(sha256), content)

    def copy(self, files: dict[Path, str]) -> None:
        """Write contents as files: a task may change its own, and never those of the store.

        Args:
            files: path to write → hash.

        Raises:
            BadInput: the shared store cannot be read.
            Lacking: contents are missing, or were damaged here and are deleted.
            OSError: a file cannot be written.
        """
        missing = []
        for path, sha256 in files.items():
            if not (self._is_whole(sha256) or self._is_fetched(sha256)):
                missing.append(sha256)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with naming(path):
                shutil.copyfile(self._place(sha256), path)
        if missing:
            raise Lacking(missing)

    def _is_whole(self, sha256: str) -> bool:
        """Return whether a content is here; delete it if it is damaged."""
        place = self._place(sha256)
        if not place.exists():
            return False
        if files.sha256(place) == sha256:
            return True
        place.unlink(missing_ok=True)
        return False

    def _is_fetched(self, sha256: str) -> bool:
        """Take a content from the shared store; return whether that succeeded."""
        if self._shared is None:
            return False
        place = self._place(sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            part = Path(folder) / "part"
            if not self._shared.fetch(sha256, part) or files.sha256(part) != sha256:
                return False
            part.replace(place)
        return True

    def _place(self, sha256: str) -> Path:
        if not (len(sha256) == 64 and sha256.isalnum()):
            raise ValueError(f"no sha256: {sha256!r:.80}")
        return self._root / sha256[:2] / sha256
