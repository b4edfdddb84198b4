"""Results rows: one per worker process, in `results.jsonl`, appended as they come.

Schema of a row, its history:
1   the first; such a row has no key `schema`.
2   fixed cost, cold start, batch as an axis, rounds in shuffled order, software devices, why a
    figure is unstable, the machine's conditions around the blocks.
"""

import fcntl
import io
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, naming, system_error
from edgeae.reading import files
from edgeae.reading.parsing import parse_json
from edgeae.reading.typed_json import rebuild

SCHEMA = 2


@dataclass(frozen=True)
class Result:
    """One results row: one worker process.

    Attributes:
        model, recipe, part, format, flavour, artifact_sha256, bytes: what was timed.
        runtime, runtime_version, device, software, threads, batch: how; whether the device is
            emulated on the processor; examples per call.
        process: number of the process within this bench, from 0.
        session, round, seed: which bench; of its rounds, which; what their order was drawn from.
        start_ns, import_ns, load_ns, first_ns: from the start of the process to its first answer;
            of that, importing the engine, opening the artifact, and the first call.
        rss_peak_bytes: of the worker, up to its first answer.
        block: calls per sample.
        samples_ns: duration of each block; raw.
        settled: whether the median's interval reached its target.
        fixed_block, fixed_samples_ns: the same of one operator between the same edges, its blocks
            taken between the others: what a call costs before any arithmetic.
        warm_up_ns, warmed_up: how long that took, and whether the trend was gone by then.
        resolution_ns, clock_ns, loop_ns: see `edgeae.timing.clock.Overhead`.
        unstable: why not to believe this row, a sentence part each; see `timing/conditions.py`.
        conditions: `before` and `after` the blocks; see `edgeae.timing.conditions.Conditions`.
        machine: see `machine.describe`.
        commit: of the repository that the bench was run in, or None.
        error: why there are no samples, or None.
        code: exit code of that error; 0 without one.
        note: what else a reader should know.
        schema: version of this layout.
    """

    model: str
    recipe: str
    part: str
    format: str
    flavour: str
    artifact_sha256: str
    bytes: int
    runtime: str
    threads: int
    machine: dict[str, Any]
    commit: str | None
    runtime_version: str = ""
    device: str = ""
    batch: int = 1
    process: int = 0
    load_ns: int | None = None
    first_ns: int | None = None
    block: int | None = None
    samples_ns: tuple[int, ...] = ()
    settled: bool = False
    rss_peak_bytes: int | None = None
    error: str | None = None
    code: int = 0
    note: str = ""
    # from here on: schema 2
    software: bool = False
    session: str = ""
    round: int = 0
    seed: int | None = None
    start_ns: int | None = None
    import_ns: int | None = None
    fixed_block: int | None = None
    fixed_samples_ns: tuple[int, ...] = ()
    warm_up_ns: int | None = None
    warmed_up: bool | None = None
    resolution_ns: int | None = None
    clock_ns: float | None = None
    loop_ns: float | None = None
    unstable: tuple[str, ...] = ()
    conditions: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


_NAMES = [item.name for item in fields(Result)]
#: Schema → the keys of its rows.
_KEYS = {1: set(_NAMES[: _NAMES.index("software")]), SCHEMA: set(_NAMES)}
#: Figures and the least that they can be.
_FROM_1 = ("batch", "block", "fixed_block")
_FROM_0 = (
    *("bytes", "threads", "process", "round", "samples_ns", "fixed_samples_ns", "code"),
    *("start_ns", "import_ns", "load_ns", "first_ns"),
    *("rss_peak_bytes", "warm_up_ns", "resolution_ns", "clock_ns", "loop_ns"),
)
#: A row of 3,600 s has about a megabyte.
_LINE_BYTES = 1 << 24
_TUPLES = ("samples_ns", "fixed_samples_ns", "unstable")


def append(results: Path, row: Result) -> None:
    """Append one row; see `append_line`."""
    append_line(results, asdict(row))


def append_line(path: Path, table: dict[str, Any]) -> None:
    """Append one line of JSON to a file; it is written whole or not at all.

    What follows the last line's end is cut off: a process was killed while it wrote that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(table, allow_nan=False).encode() + b"\n"
    with naming(path), path.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # two benches may share the file
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
    """Return how much of a file is whole lines."""
    size = stream.seek(0, os.SEEK_END)
    if not size or os.pread(stream.fileno(), 1, size - 1) == b"\n":
        return size
    stream.seek(0)
    return stream.readall().rfind(b"\n") + 1


def read_results(results: Path) -> list[Result]:
    """Read all rows, the oldest first; no file is no rows, nor is a last line without its end.

    Raises:
        BadInput: a line is not a results row.
    """
    try:
        with files.open_regular(results) as stream:
            return [
                _row(parse_json(line, f"{place}: not a results row"), place)
                for place, line in _lines(results, stream)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise system_error(error) from None


def _lines(results: Path, stream: io.BufferedIOBase) -> Iterator[tuple[str, bytes]]:
    """Yield each whole line with its place; one at a time, so that none can fill the memory.

    Raises:
        BadInput: a line is longer than any row is.
    """
    for number in itertools.count(1):
        line = stream.readline(_LINE_BYTES)
        place = f"{results}:{number}"
        if len(line) == _LINE_BYTES:
            raise BadInput(f"{place}: not a results row: a line of {_LINE_BYTES:,} bytes or more")
        if not line.endswith(b"\n"):
            return  # a process was killed while it wrote that, or nothing
        yield place, line[:-1]


def _row(table: Any, place: str) -> Result:
    try:
        if not isinstance(table, dict):
            raise BadInput("not an object")
        schema = table.get("schema", 1)
        if type(schema) is not int or schema not in _KEYS:
            raise BadInput(f"schema = {schema!r:.40}: this edgeae reads 1 to {SCHEMA}")
        if table.keys() != _KEYS[schema]:
            raise BadInput(f"keys {sorted(table.keys() ^ _KEYS[schema])} are missing or unknown")
        row: Result = rebuild(Result, {"schema": 1, **table})
        for fact, value in row.machine.items():
            if not isinstance(value, str | int | float | None):
                raise BadInput(f"machine.{fact} = {value!s:.40}: not text, a number or null")
        _check_figures(row)
    except BadInput as error:
        raise BadInput(f"{place}: not a results row: {error}") from None
    return row


def _check_figures(row: Result) -> None:
    """Refuse figures that nothing was measured with.

    Raises:
        BadInput: names the key.
    """
    least = dict.fromkeys(_FROM_1, 1) | dict.fromkeys(_FROM_0, 0)
    for key, lowest in least.items():
        value = getattr(row, key)
        found = value if isinstance(value, tuple) else (value,)
        wrong = next((item for item in found if item is not None and item < lowest), None)
        if wrong is not None:
            raise BadInput(f"{key} = {wrong}: allowed are numbers from {lowest}")


def frozen(table: dict[str, Any]) -> dict[str, Any]:
    """Return fields as a row holds them, from JSON: lists become tuples."""
    return {key: tuple(item) if key in _TUPLES else item for key, item in table.items()}
