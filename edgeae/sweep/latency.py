"""Times bundles in a runtime, and takes from `results.jsonl` what was timed before.

Times are noisy: two of the same bytes differ by percents between days. A sweep that is run again
takes the latest bench of the same bytes, in the same version of the runtime, on the same machine,
whatever its warnings, and times only the others. `edgeae bench BUNDLE` makes a later one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.errors import BadInput, NotMeasured
from edgeae.reading.names import RESULTS
from edgeae.runtimes import formats
from edgeae.scheduling.device import Device
from edgeae.scheduling.task import Executor
from edgeae.sweep.file import Evaluate
from edgeae.system.machine import identities, machine_name
from edgeae.text.progress import Progress
from edgeae.timing.bench import bench
from edgeae.timing.host_lock import WAIT_S, host_lock
from edgeae.timing.place import Here, OnDevice, Place
from edgeae.timing.pooled import pool
from edgeae.timing.results import Result, read_results
from edgeae.timing.suite import Job

#: Longest time of blocks of a worker, in seconds.
_SECONDS = 1.5


@dataclass(frozen=True)
class Latency:
    """The latency of a bundle's part.

    Attributes:
        p50_us: median duration of one call on one example, in µs; None if it was not timed.
        host: name of the machine, a worker's or a host's.
        error: why it was not timed; empty if it was.
        code: the exit code of the error, else 0.
    """

    p50_us: float | None
    host: str
    error: str = ""
    code: int = 0


def check_place(evaluate: Evaluate, *, is_cluster: bool) -> None:
    """Check, before anything is trained, that there is a cluster if a worker is named.

    Raises:
        BadInput: there is none.
    """
    if evaluate.on and not is_cluster:
        raise BadInput(f"evaluate.on = {evaluate.on!r}: needs --scheduler tcp://HOST:PORT")


def measured_latency(
    bundles: Mapping[str, Bundle],
    evaluate: Evaluate,
    build: Path,
    say: Callable[[str], None],
    executor: Executor | None = None,
) -> Iterator[tuple[str, Latency, bool]]:
    """Time the part of each bundle in the runtime; append the rows to the build's results.

    This machine times them one after another under its lock, without anything else of the sweep; or
    a worker of a cluster that declares the resource `bench`, the same one for all bundles.

    Args:
        bundles: `model/recipe` → the bundle.
        evaluate: the runtime, the part, and the worker's name.
        build: folder of models.
        say: receives messages of one line.
        executor: runs tasks on a cluster, and nothing else meanwhile; None for this machine.

    Yields:
        `model/recipe`, its latency, and whether it was timed now.

    Raises:
        Busy: another process still measures on the machine.
        RuntimeUnavailable: there is no such worker.
        EdgeaeError: the scheduler is gone.
    """
    place: Place = Here()
    if executor is not None:
        place = OnDevice(Device(executor, evaluate.on, say), WAIT_S)
    jobs: dict[str, Job] = {}
    for name, bundle in bundles.items():
        artifact = _artifact(bundle, evaluate)
        if artifact is None:
            forms = " or ".join(f"{evaluate.part}.{form}" for form in formats(evaluate.runtime))
            yield name, Latency(None, "", f"{evaluate.runtime}: it holds no {forms}"), False
        else:
            jobs[name] = _job(bundle, artifact, evaluate.runtime)
    if jobs:
        yield from _timed(jobs, evaluate.runtime, place, build / RESULTS, say)


def _timed(
    jobs: Mapping[str, Job],
    runtime: str,
    place: Place,
    results: Path,
    say: Callable[[str], None],
) -> Iterator[tuple[str, Latency, bool]]:
    found, machine = place.probe(runtime), place.describe()
    if "error" in found:  # the runtime is absent: one line for all
        say(f"{runtime}: {found['error']}")
        for name in jobs:
            yield name, Latency(None, "", f"{runtime}: {found['error']}", found["code"]), False
        return
    rows = read_results(results)
    before = timed_before(rows, runtime, machine, found["version"])
    left: dict[str, list[str]] = {}  # two bundles may hold the same bytes
    for name, job in jobs.items():
        known = before.get(job.artifact.sha256)
        if known is None:
            left.setdefault(job.artifact.sha256, []).append(name)
        else:
            yield name, known, False
    first = [jobs[names[0]] for names in left.values()]
    if not first:
        return
    done = len(jobs) - sum(map(len, left.values()))
    with (
        ExitStack() as stack,
        Progress(len(jobs), "sweep: time", "bundle", done=done, each=True) as progress,
    ):
        if isinstance(place, Here):
            stack.enter_context(host_lock(say))
        for row in bench(first, _SECONDS, results, say, shown=False, place=place):
            latency = _latency(row)
            for name in left.get(row.artifact_sha256, ()):
                progress.advance(name + (f": {row.error}" if row.error else ""))
                yield name, latency, True


def timed_before(
    rows: Iterable[Result], runtime: str, machine: Mapping[str, Any], version: str | None = None
) -> dict[str, Latency]:
    """Return hash of an artifact → its latency in the latest bench on a machine.

    Args:
        rows: the oldest first.
        runtime: name of the runtime.
        machine: description of the machine.
        version: version of the runtime; None for any.
    """
    rows = list(rows)
    identity = identities([machine, *(row.machine for row in rows)])
    sessions: dict[str, list[Result]] = {}
    for row in rows:
        alike = (row.runtime, row.threads, row.batch) == (runtime, 1, 1) and row.samples_ns
        version_fits = version in (None, row.runtime_version)
        if alike and version_fits and identity(row.machine) == identity(machine):
            group = sessions.setdefault(row.artifact_sha256, [])
            if group and group[-1].session != row.session:
                group.clear()
            group.append(row)
    return {
        sha256: Latency(pool(group).p50_ns / 1000, machine_name(machine))
        for sha256, group in sessions.items()
    }


def _artifact(bundle: Bundle, evaluate: Evaluate) -> Artifact | None:
    for form in formats(evaluate.runtime):
        try:
            return bundle.artifact(evaluate.part, form)
        except BadInput:
            continue
    return None


def _job(bundle: Bundle, artifact: Artifact, runtime: str) -> Job:
    manifest, root = bundle.manifest, bundle.root
    return Job(manifest.model, manifest.recipe, artifact, root, root, runtime, threads=1)


def _latency(row: Result) -> Latency:
    if row.samples_ns:
        return Latency(pool([row]).p50_ns / 1000, machine_name(row.machine))
    # what a runtime does not take is a cell without a time, never a failure
    code = 0 if row.code == NotMeasured.code else row.code
    return Latency(None, "", f"{row.runtime}: {row.error}", code)
