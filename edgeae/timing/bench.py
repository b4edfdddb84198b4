"""The bench's stage: run jobs, and append one row per job to `results.jsonl` as each job ends."""

import random
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import EdgeaeError
from edgeae.reading import typed
from edgeae.runtimes import Line
from edgeae.system import children
from edgeae.system.machine import describe
from edgeae.text.progress import Progress
from edgeae.timing import board, emulated
from edgeae.timing.measurement import StoppingRule
from edgeae.timing.results import Result, append
from edgeae.timing.suite import Job

#: Longest duration, in seconds, of everything that a worker does besides timing.
_TIMEOUT_S = 120.0
_PROBE_TIMEOUT_S = 60.0


def probe(runtime: str, line: Line | None = None) -> dict[str, Any]:
    """Ask a runtime for its version and device, in a child process.

    Args:
        runtime: name of the runtime.
        line: where the board is, for a runtime that is one.

    Returns:
        The first report of `edgeae.runtimes.child`, or `{error, code}` if the runtime is absent or
        broken.
    """
    job: dict[str, Any] = {"runtime": runtime, "tasks": []}
    timeout_s = _PROBE_TIMEOUT_S
    if line is not None:
        job |= {"line": asdict(line)}
        timeout_s += line.answer_s
    try:
        return children.run("edgeae.runtimes.child", job, timeout_s=timeout_s)[0]
    except EdgeaeError as error:
        return {"error": str(error), "code": error.code}


@dataclass(frozen=True)
class _Session:
    """The values that all rows of one bench share."""

    session: str
    seed: int
    machine: dict[str, Any]
    commit: str | None


def bench(
    jobs: list[Job],
    seconds: float,
    results: Path,
    say: Callable[[str], None],
    *,
    rounds: int = 1,
    seed: int | None = None,
    shown: bool = True,
) -> Iterator[Result]:
    """Run each job once per round, in a worker process of its own, one after the other.

    Each round has its own shuffled order. A runtime that is absent gives one row, not one per
    artifact.

    Args:
        jobs: the artifacts to time, each in a runtime.
        seconds: longest time for which one worker times blocks.
        results: the `.jsonl` file to which rows are appended.
        say: receives a message about each absent runtime.
        rounds: number of runs of each job.
        seed: seed of the order; drawn at random if None. Every row records the seed.
        shown: whether to show the progress on standard error.
    """
    seed = draw_seed() if seed is None else seed
    shared = _Session(uuid.uuid4().hex[:12], seed, describe(), commit())
    probed = {
        name: board.checked(probe(name, line), name, jobs)
        for name, line in {job.runtime: job.line for job in jobs}.items()
    }
    absent = {name: found for name, found in probed.items() if "error" in found}
    for name, found in absent.items():
        say(f"{name}: {found['error']}")
        row = Result("", "", "", "", "", "", 0, name, 0, **asdict(shared), **found)
        append(results, row)
        yield row
    present = [job for job in jobs if job.runtime not in absent]
    patience = StoppingRule(max_ns=int(seconds * 1e9))
    planned = list(in_rounds(present, rounds, seed))
    with Progress(len(planned), "bench", "worker", shown=shown) as progress:
        for process, (number, job) in enumerate(planned):
            row = _run(job, number, process, patience, shared, probed[job.runtime]["device"])
            append(results, row)
            told = f"{job.name} on {job.runtime}"
            progress.advance(told + (f": {row.error}" if row.error else ""))
            yield row


def draw_seed() -> int:
    """Return a random seed, to be recorded so that the order can be repeated."""
    return random.SystemRandom().getrandbits(32)


def in_rounds(jobs: list[Job], rounds: int, seed: int) -> Iterator[tuple[int, Job]]:
    """Yield (number of the round, job); each round has its own order.

    Emulated cores run in the first round only: their figures are the same in each.
    """
    for number in range(rounds):
        order = [job for job in jobs if not (number and emulated.is_emulated(job.runtime))]
        random.Random(f"{seed} {number}").shuffle(order)
        yield from ((number, job) for job in order)


def _run(
    job: Job, number: int, process: int, patience: StoppingRule, shared: _Session, device: str
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
        "batch": job.batch,
        "process": process,
        "round": number,
        **asdict(shared),
    }
    order = {
        "root": str(job.root),
        "part": artifact.part,
        "format": artifact.format,
        "artifact": asdict(artifact),
        "golden": None if job.golden is None else str(job.golden),
        "runtime": job.runtime,
        "threads": job.threads,
        "batch": job.batch,
        "patience": asdict(patience),
        # CLOCK_MONOTONIC is the same for all processes
        "spawned_ns": time.monotonic_ns(),
    }
    worker = "edgeae.timing.worker"
    timeout_s = _TIMEOUT_S + (patience.warm_up_ns * 2 + patience.max_ns) / 1e9
    if emulated.is_emulated(job.runtime):
        worker, timeout_s = emulated.WORKER, emulated.TIMEOUT_S
    if job.line is not None:
        worker, timeout_s = board.WORKER, board.timeout_s(job.line, timeout_s)
        order["line"] = asdict(job.line)
        # a failure has to say of which board it is, as c-serial is the runtime of all
        who["device"] = device
    try:
        (found,) = children.run(worker, order, timeout_s=timeout_s)
    except EdgeaeError as error:
        return Result(**who, error=str(error), code=error.code)
    return typed.build(Result, {**who, **found})


def commit() -> str | None:
    """Return the commit of the current folder's repository; None outside a repository."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
