"""JSON lines: a file of records, one a line, to which several processes may append."""

import fcntl
import io
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, naming, system_error
from edgeae.reading import files
from edgeae.reading.parsing import parse_json

#: Longest line that is read; a results row of 3,600 s has about a megabyte.
_LINE_BYTES = 1 << 24


def append_line(path: Path, table: dict[str, Any]) -> None:
    """Append one line of JSON to a file; the line is written whole or not at all.

    An incomplete last line, left by a process that was killed while writing it, is cut off first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(table, allow_nan=False).encode() + b"\n"
    with naming(path), path.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # two processes may share the file
        before = _whole_bytes(stream)
        stream.truncate(before)
        try:
            while line:
                line = line[stream.write(line) :]
            os.fsync(stream.fileno())
        except BaseException:
            stream.truncate(before)
            raise


def _whole_bytes(stream: io.RawIOBase) -> int:
    """Return the number of bytes of a file up to the end of its last complete line."""
    size = stream.seek(0, os.SEEK_END)
    if not size or os.pread(stream.fileno(), 1, size - 1) == b"\n":
        return size
    stream.seek(0)
    return stream.readall().rfind(b"\n") + 1


def read_lines(path: Path, what: str) -> Iterator[tuple[str, Any]]:
    """Yield place and value of each complete line; nothing if the file is missing.

    Only one line at a time is in memory. An incomplete last line is skipped.

    Args:
        path: the file.
        what: what each line is, for errors: `a results row`.

    Raises:
        BadInput: a line is no JSON, or longer than the longest allowed line.
    """
    try:
        with files.open_regular(path) as stream:
            for place, line in _lines(path, what, stream):
                yield place, parse_json(line, f"{place}: not {what}")
    except FileNotFoundError:
        return
    except OSError as error:
        raise system_error(error) from None


def _lines(path: Path, what: str, stream: io.BufferedIOBase) -> Iterator[tuple[str, bytes]]:
    for number in itertools.count(1):
        line = stream.readline(_LINE_BYTES)
        place = f"{path}:{number}"
        if len(line) == _LINE_BYTES:
            raise BadInput(f"{place}: not {what}: a line of {_LINE_BYTES:,} bytes or more")
        if not line.endswith(b"\n"):
            return  # the end of the file, or a line whose writer was killed
        yield place, line[:-1]
