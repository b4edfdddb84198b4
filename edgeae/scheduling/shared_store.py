"""A place that all machines of a cluster reach: a folder, or a bucket that fsspec knows.

The client writes what tasks read, each file once, under its SHA-256; workers take it from there
instead of from the client. A folder's path is that of every machine, as of a mounted disk.

    /mnt/shared/edgeae    s3://bucket/edgeae    gs://bucket/edgeae    memory://… (of tests)
"""

import functools
import hashlib
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.system.scratch import scratch

#: What fsspec and its drivers raise for what is not there, not allowed or not reachable has no
#: common class.
_FAILURES = Exception
#: The hash of an empty file, by which a store is tried.
_EMPTY = hashlib.sha256().hexdigest()


class SharedStore:
    """Contents by their hashes.

    Args:
        url: a path or a URL.

    Raises:
        BadInput: fsspec knows no such URL.
        RuntimeUnavailable: the URL's driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._files, self._root = _opened(url)

    def put(self, sha256: str, path: Path, *, overwrite: bool = False) -> None:
        """Write a file's content, unless it is there.

        Args:
            sha256: its hash.
            path: the file.
            overwrite: whether to replace a content that is there, which may be damaged.

        Raises:
            BadInput: the store cannot be written.
        """
        place = self._place(sha256)
        try:
            if not overwrite and self._files.exists(place):
                return
            self._files.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
            # of two clients that write the same, one is last; readers check the hash
            part = f"{place}.{hashlib.sha256(str(path).encode()).hexdigest()[:8]}.part"
            self._files.put_file(str(path), part)
            self._files.mv(part, place)
        except _FAILURES as error:
            raise self._refusal("cannot be written", error) from None

    def fetch(self, sha256: str, path: Path) -> bool:
        """Copy a content to a file; return whether it is there.

        Raises:
            BadInput: the store cannot be read.
        """
        place = self._place(sha256)
        try:
            if not self._files.exists(place):
                return False
            self._files.get_file(place, str(path))
        except _FAILURES as error:
            raise self._refusal("cannot be read", error) from None
        return True

    def try_writing(self) -> None:
        """Write an empty file.

        Raises:
            BadInput: the store cannot be written.
        """
        with scratch() as folder:
            (folder / "empty").touch()
            self.put(_EMPTY, folder / "empty", overwrite=True)

    def is_written(self) -> bool:
        """Return whether the file of `try_writing` is there.

        Raises:
            BadInput: the store cannot be read.
        """
        try:
            return bool(self._files.exists(self._place(_EMPTY)))
        except _FAILURES as error:
            raise self._refusal("cannot be read", error) from None

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _refusal(self, what: str, error: Exception) -> BadInput:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return BadInput(f"--store {self.url}: {what} ({reason})")


@functools.cache
def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the folder in it."""
    from fsspec.core import url_to_fs

    if "://" not in url:
        url = str(Path(url).absolute())
    try:
        files, root = url_to_fs(url)
    except ValueError as error:
        raise BadInput(
            f"--store {url}: allowed is a folder or a URL of fsspec, such as s3://BUCKET/FOLDER "
            f"({error})"
        ) from None
    except ImportError as error:
        raise RuntimeUnavailable(f"--store {url}: {error}") from None
    return files, root.rstrip("/")
