"""The bench's stage: run jobs, and append one row per job to `results.jsonl` as each job ends."""

import random
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.reading import typed
from edgeae.runtimes import Line
from edgeae.text.progress import Progress
from edgeae.timing import board, emulated
from edgeae.timing.measurement import StoppingRule
from edgeae.timing.place import Here, Place
from edgeae.timing.results import Result, append
from edgeae.timing.suite import Job

#: Longest duration, in seconds, of everything that a worker does besides timing.
_TIMEOUT_S = 120.0


def probe(runtime: str, line: Line | None = None) -> dict[str, Any]:
    """Ask a runtime of this machine for its version and device; see `Place.probe`."""
    return Here().probe(runtime, line)


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
    place: Place | None = None,
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
        place: the machine that measures; None for this one.

    Raises:
        EdgeaeError: nothing more can be measured at `place`; rows stay appended.
    """
    place = Here() if place is None else place
    seed = draw_seed() if seed is None else seed
    shared = _Session(uuid.uuid4().hex[:12], seed, place.describe(), commit())
    probed = {
        name: board.checked(place.probe(name, line), name, jobs)
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
            device = probed[job.runtime]["device"]
            row = _run(place, job, number, process, patience, shared, device)
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
    place: Place,
    job: Job,
    number: int,
    process: int,
    patience: StoppingRule,
    shared: _Session,
    device: str,
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
        "part": artifact.part,
        "format": artifact.format,
        "artifact": asdict(artifact),
        "runtime": job.runtime,
        "threads": job.threads,
        "batch": job.batch,
        "patience": asdict(patience),
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
    found = place.measure(job, worker, order, timeout_s)
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
