"""The stage: jobs in, one results row each, appended to `results.jsonl` as it comes."""

import fcntl
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgeae import children
from edgeae.errors import BadInput, EdgeaeError
from edgeae.machine import describe
from edgeae.progress import Progress
from edgeae.timing.measurement import Patience
from edgeae.timing.suite import Job

__all__ = ["Result", "append", "bench", "probe", "read_results"]

#: For everything that a worker does besides timing.
_TIMEOUT_S = 120.0
_PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Result:
    """One results row: one worker process.

    Attributes:
        model, recipe, part, format, flavour, artifact_sha256, bytes: what was timed.
        runtime, runtime_version, device, threads, batch: how.
        process: number of the process within this bench, from 0.
        load_ns, first_ns: opening the artifact; the first call after it.
        block: calls per sample.
        samples_ns: duration of each block; raw.
        settled: whether the median's interval reached its target.
        rss_peak_bytes: of the whole worker.
        machine: see `machine.describe`.
        commit: of the repository that the bench was run in, or None.
        error: why there are no samples, or None.
        code: exit code of that error; 0 without one.
        note: what else a reader should know.
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


def probe(runtime: str) -> dict[str, Any]:
    """Ask a runtime for its version and device, in a child process.

    Returns:
        `{version, device}`, or `{error, code}` when it is absent or broken.
    """
    job = {"runtime": runtime, "tasks": []}
    try:
        return children.run("edgeae.verify.child", job, timeout_s=_PROBE_TIMEOUT_S)[0]
    except EdgeaeError as error:
        return {"error": str(error), "code": error.code}


def bench(
    jobs: list[Job], seconds: float, results: Path, say: Callable[[str], None]
) -> Iterator[Result]:
    """Run each job in a worker process of its own, one after the other.

    A runtime that is absent costs one row, not one per artifact.

    Args:
        jobs: what to time.
        seconds: the longest that one worker times blocks.
        results: the `.jsonl` file that rows are appended to.
        say: told of each absence.
    """
    machine, commit = describe(), _commit()
    absent = {
        name: found
        for name in dict.fromkeys(job.runtime for job in jobs)
        if "error" in (found := probe(name))
    }
    for name, found in absent.items():
        say(f"{name}: {found['error']}")
        row = Result("", "", "", "", "", "", 0, name, 0, machine, commit, **found)
        append(results, row)
        yield row
    present = [job for job in jobs if job.runtime not in absent]
    patience = Patience(max_ns=int(seconds * 1e9))
    with Progress(len(present), "bench", "worker") as progress:
        for number, job in enumerate(present):
            row = _run(job, number, patience, machine, commit)
            append(results, row)
            what = f"{job.model}/{job.recipe} {job.artifact.part}.{job.artifact.format}"
            progress.advance(f"{what} on {job.runtime}" + (f": {row.error}" if row.error else ""))
            yield row


def _run(
    job: Job, number: int, patience: Patience, machine: dict[str, Any], commit: str | None
) -> Result:
    artifact = job.artifact
    who: dict[str, Any] = {
        "model": job.model,
        "recipe": job.recipe,
        "part": artifact.part,
        "format": artifact.format,
        "flavour": artifact.flavour,
        "artifact_sha256": artifact.sha256,
        "bytes": artifact.bytes,
        "runtime": job.runtime,
        "threads": job.threads,
        "process": number,
        "machine": machine,
        "commit": commit,
    }
    order = {
        "root": str(job.root),
        "part": artifact.part,
        "format": artifact.format,
        "golden": str(job.golden),
        "runtime": job.runtime,
        "threads": job.threads,
        "patience": asdict(patience),
    }
    timeout_s = _TIMEOUT_S + (patience.warm_up_ns + patience.max_ns) / 1e9
    try:
        (found,) = children.run("edgeae.timing.worker", order, timeout_s=timeout_s)
    except EdgeaeError as error:
        return Result(**who, error=str(error), code=error.code)
    return Result(**who, **{**found, "samples_ns": tuple(found["samples_ns"])})


def append(results: Path, row: Result) -> None:
    """Append one row; a line is written whole or not at all.

    What follows the last line's end is cut off: a process was killed while it wrote that.
    """
    results.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(row), allow_nan=False).encode() + b"\n"
    with results.open("a+b", buffering=0) as stream:
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
    if not results.exists():
        return []
    known = {item.name for item in fields(Result)}
    rows = []
    *lines, _torn = results.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            table = json.loads(line)
            if table.keys() != known:
                raise ValueError(f"keys {sorted(table.keys() ^ known)} are missing or unknown")
            rows.append(Result(**{**table, "samples_ns": tuple(table["samples_ns"])}))
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInput(f"{results}:{number}: not a results row: {error}") from None
    return rows


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
