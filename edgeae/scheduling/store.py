"""A worker's files by their content: each is stored once, under its SHA-256, and checked when read.

What is not there comes from the client. A folder or a bucket that all machines share could be asked
before the client: it would be one more place to look, in `copy`.
"""

from collections.abc import Iterable
from pathlib import Path

from edgeae.system import atomic
from edgeae.system.scratch import write_scratch


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
    """

    def __init__(self, root: Path) -> None:
        self._root = root

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
            Lacking: contents are missing, or were damaged here and are deleted.
            OSError: a file cannot be written.
        """
        missing = []
        for path, sha256 in files.items():
            content = self._read(sha256)
            if content is None:
                missing.append(sha256)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_scratch(path, content)
        if missing:
            raise Lacking(missing)

    def _read(self, sha256: str) -> bytes | None:
        place = self._place(sha256)
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            return None
        if atomic.sha256(content) != sha256:
            place.unlink(missing_ok=True)
            return None
        return content

    def _place(self, sha256: str) -> Path:
        if not (len(sha256) == 64 and sha256.isalnum()):
            raise ValueError(f"no sha256: {sha256!r:.80}")
        return self._root / sha256[:2] / sha256
