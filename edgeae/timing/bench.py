"""The stage: jobs in, one results row each, appended to `results.jsonl` as it comes."""

import random
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import EdgeaeError
from edgeae.system import children
from edgeae.system.machine import describe
from edgeae.text.progress import Progress
from edgeae.timing.measurement import StoppingRule
from edgeae.timing.results import Result, append, frozen
from edgeae.timing.suite import Job

#: For everything that a worker does besides timing.
_TIMEOUT_S = 120.0
_PROBE_TIMEOUT_S = 60.0


def probe(runtime: str) -> dict[str, Any]:
    """Ask a runtime for its version and device, in a child process.

    Returns:
        What `edgeae.runtimes.child` reports first, or `{error, code}` when it is absent or broken.
    """
    job = {"runtime": runtime, "tasks": []}
    try:
        return children.run("edgeae.runtimes.child", job, timeout_s=_PROBE_TIMEOUT_S)[0]
    except EdgeaeError as error:
        return {"error": str(error), "code": error.code}


@dataclass(frozen=True)
class _Session:
    """What all rows of one bench share."""

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
) -> Iterator[Result]:
    """Run each job once per round in a worker process of its own, one after the other.

    The order is shuffled anew for each round. A runtime that is absent costs one row, not one per
    artifact.

    Args:
        jobs: what to time.
        seconds: the longest that one worker times blocks.
        results: the `.jsonl` file that rows are appended to.
        say: told of each absence.
        rounds: how often each job is run.
        seed: of the order; drawn when it is None. Every row records it.
    """
    seed = draw_seed() if seed is None else seed
    shared = _Session(uuid.uuid4().hex[:12], seed, describe(), commit())
    absent = {
        name: found
        for name in dict.fromkeys(job.runtime for job in jobs)
        if "error" in (found := probe(name))
    }
    for name, found in absent.items():
        say(f"{name}: {found['error']}")
        row = Result("", "", "", "", "", "", 0, name, 0, **asdict(shared), **found)
        append(results, row)
        yield row
    present = [job for job in jobs if job.runtime not in absent]
    patience = StoppingRule(max_ns=int(seconds * 1e9))
    with Progress(len(present) * rounds, "bench", "worker") as progress:
        for process, (number, job) in enumerate(in_rounds(present, rounds, seed)):
            row = _run(job, number, process, patience, shared)
            append(results, row)
            told = f"{job.name} on {job.runtime}"
            progress.advance(told + (f": {row.error}" if row.error else ""))
            yield row


def draw_seed() -> int:
    """Return a number to draw an order from, for a record that the order can be had again from."""
    return random.SystemRandom().getrandbits(32)


def in_rounds(jobs: list[Job], rounds: int, seed: int) -> Iterator[tuple[int, Job]]:
    """Yield the number of the round and the job, each round in an order of its own."""
    for number in range(rounds):
        order = list(jobs)
        random.Random(f"{seed} {number}").shuffle(order)
        yield from ((number, job) for job in order)


def _run(job: Job, number: int, process: int, patience: StoppingRule, shared: _Session) -> Result:
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
    timeout_s = _TIMEOUT_S + (patience.warm_up_ns * 2 + patience.max_ns) / 1e9
    try:
        (found,) = children.run("edgeae.timing.worker", order, timeout_s=timeout_s)
    except EdgeaeError as error:
        return Result(**who, error=str(error), code=error.code)
    return Result(**who, **frozen(found))


def commit() -> str | None:
    """Return the commit that the current folder is at, or None where there is none."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
