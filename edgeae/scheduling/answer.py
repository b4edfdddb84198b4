"""What a worker answers, as bytes: a child's reports, and the files it wrote with their hashes.

The bytes are the length of a header (8 bytes, big-endian), the header as JSON, and the files'
contents in the header's order. The client trusts none of it: a path that leaves the folder, a
length or a hash that is not the content's is refused before a file is written.
"""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from edgeae import errors
from edgeae.errors import EdgeaeError, ManifestMismatch
from edgeae.system import children
from edgeae.system.atomic import sha256
from edgeae.system.scratch import write_scratch

_LENGTH = 8


def pack(reports: Sequence[children.Message], folder: Path) -> bytes:
    """Return a child's reports and all files in its output folder as an answer."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = [path.read_bytes() for path in paths]
    files = [
        {
            "path": path.relative_to(folder).as_posix(),
            "bytes": len(content),
            "sha256": sha256(content),
        }
        for path, content in zip(paths, contents, strict=True)
    ]
    return _joined({"reports": list(reports), "files": files}, contents)


def pack_error(error: EdgeaeError) -> bytes:
    """Return a child's error as an answer."""
    return _joined({"error": children.raised(error)}, [])


def pack_lacking(hashes: Sequence[str]) -> bytes:
    """Return an answer that names the inputs that a worker does not have."""
    return _joined({"lacking": list(hashes)}, [])


def lacking(answer: bytes) -> list[str]:
    """Return the hashes of the inputs that the worker did not have; usually none."""
    found: list[str] = _header(answer).get("lacking", [])
    return found


def unpack(answer: bytes, folder: Path, origin: str) -> list[children.Message]:
    """Write the files of an answer into an empty folder, and return the child's reports.

    Args:
        answer: the result of `pack` or `pack_error` on the worker.
        folder: the client's folder.
        origin: who answered, for messages.

    Raises:
        EdgeaeError: the child raised this error.
        ManifestMismatch: the answer is damaged; nothing is written.
    """
    try:
        header = _header(answer)
        error = _error(header)
        content = memoryview(answer)[_start(answer) :]
        contents = _checked(header["files"], content) if error is None else {}
        reported: list[children.Message] = list(header.get("reports", []))
    except (ValueError, KeyError, TypeError, AttributeError) as found:
        raise ManifestMismatch(f"{origin}: its answer is damaged and refused ({found})") from None
    if error is not None:
        raise error
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_scratch(folder / path, bytes(content))
    return reported


def _joined(header: dict[str, Any], contents: list[bytes]) -> bytes:
    text = json.dumps(header).encode()
    return b"".join([len(text).to_bytes(_LENGTH, "big"), text, *contents])


def _start(answer: bytes) -> int:
    return _LENGTH + int.from_bytes(answer[:_LENGTH], "big")


def _header(answer: bytes) -> dict[str, Any]:
    header = json.loads(answer[_LENGTH : _start(answer)])
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    return header


def _error(header: dict[str, Any]) -> EdgeaeError | None:
    if "error" not in header:
        return None
    if not issubclass(getattr(errors, header["error"]["raised"]), EdgeaeError):
        raise ValueError("its error is none of edgeae's")
    return children.rebuilt(header["error"])


def _checked(files: list[dict[str, Any]], content: memoryview) -> dict[str, memoryview]:
    """Return path → content; raises ValueError if one is not what the header says."""
    found: dict[str, memoryview] = {}
    place = 0
    for file in files:
        path = PurePosixPath(file["path"])
        if path.is_absolute() or not path.parts or ".." in path.parts or str(path) in found:
            raise ValueError(f"a file is called {file['path']!r:.80}")
        part = content[place : place + file["bytes"]]
        place += file["bytes"]
        if sha256(bytes(part)) != file["sha256"]:
            raise ValueError(f"the hash of {path} is not that of its content")
        found[str(path)] = part
    if place != len(content):
        raise ValueError(f"{len(content)} bytes of files, {place} in the header")
    return found
