"""From results rows to the latencies that still are about what is on disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgeae.timing.bench import Result
from edgeae.timing.statistics import median_interval, percentile

__all__ = ["Absent", "Failure", "Latency", "Timing", "latency"]

#: (model, recipe, part, format) → sha256 of the file on disk.
Current = dict[tuple[str, str, str, str], str]


@dataclass(frozen=True)
class Timing:
    """One artifact in one runtime, timed.

    Attributes:
        model, recipe, part, format, flavour, bytes, runtime, runtime_version, device, threads:
            what ran how; see `Result`.
        machine: number of the machine in `Latency.machines`, from 0.
        p50_ns, p90_ns, p99_ns: per call, over blocks of calls.
        interval: half the 95 % confidence interval of the median, as a share of it.
        blocks: samples.
        block: calls per sample.
        settled, load_ns, first_ns, rss_peak_bytes, note: see `Result`.
    """

    model: str
    recipe: str
    part: str
    format: str
    flavour: str
    bytes: int
    runtime: str
    runtime_version: str
    device: str
    threads: int
    machine: int
    p50_ns: float
    p90_ns: float
    p99_ns: float
    interval: float
    blocks: int
    block: int
    settled: bool
    load_ns: int | None
    first_ns: int | None
    rss_peak_bytes: int | None
    note: str


@dataclass(frozen=True)
class Failure:
    """A worker that crashed, hung or gave a wrong answer: there is no latency, and this is why."""

    model: str
    recipe: str
    part: str
    format: str
    runtime: str
    threads: int
    machine: int
    error: str


@dataclass(frozen=True)
class Absent:
    """A runtime that the machine does not have, and what would bring it."""

    runtime: str
    reason: str


@dataclass(frozen=True)
class Latency:
    """Everything that bench found.

    Attributes:
        machines: facts of each machine, from its latest row.
        timings: by model, part and median; the latest of each artifact, runtime and thread count.
        failures: workers that ended without a latency.
        absent: runtimes that were asked for and are not there.
        stale: rows left out, because the artifact they timed is no longer on disk.
    """

    machines: tuple[dict[str, Any], ...]
    timings: tuple[Timing, ...]
    failures: tuple[Failure, ...]
    absent: tuple[Absent, ...]
    stale: int


def latency(rows: Iterable[Result], current: Current) -> Latency:
    """Choose the latest row of everything on disk.

    Args:
        rows: the oldest first.
        current: what is on disk.
    """
    told = list(rows)
    absent, latest, machines = {}, {}, {}
    stale = 0
    for row in told:
        machine = _identity(row.machine)
        if not row.model:
            absent[machine, row.runtime] = row.error or ""
            machines[machine] = row.machine
            continue
        absent.pop((machine, row.runtime), None)
        what = (row.model, row.recipe, row.part, row.format)
        if current.get(what) != row.artifact_sha256:
            stale += 1
            continue
        latest[*what, row.runtime, row.threads, machine] = row
        machines[machine] = row.machine
    number = {machine: place for place, machine in enumerate(machines)}
    chosen = [(row, number[_identity(row.machine)]) for row in latest.values()]
    timings = [_timing(row, machine) for row, machine in chosen if row.samples_ns]
    timings.sort(key=lambda item: (item.model, item.part, item.p50_ns, item.runtime, item.recipe))
    failures = (_failure(row, machine) for row, machine in chosen if not row.samples_ns)
    gaps = dict.fromkeys(Absent(runtime, reason) for (_, runtime), reason in absent.items())
    return Latency(tuple(machines.values()), tuple(timings), tuple(failures), tuple(gaps), stale)


def _identity(machine: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two rows from the same machine; its load does not."""
    return tuple(machine.get(fact) for fact in ("cpu", "cores", "architecture", "memory_bytes"))


def _timing(row: Result, machine: int) -> Timing:
    block = row.block or 1
    low, high = median_interval(row.samples_ns)
    middle = percentile(row.samples_ns, 0.5)
    return Timing(
        row.model,
        row.recipe,
        row.part,
        row.format,
        row.flavour,
        row.bytes,
        row.runtime,
        row.runtime_version,
        row.device,
        row.threads,
        machine,
        middle / block,
        percentile(row.samples_ns, 0.9) / block,
        percentile(row.samples_ns, 0.99) / block,
        (high - low) / 2 / middle,
        len(row.samples_ns),
        block,
        row.settled,
        row.load_ns,
        row.first_ns,
        row.rss_peak_bytes,
        row.note,
    )


def _failure(row: Result, machine: int) -> Failure:
    return Failure(
        row.model,
        row.recipe,
        row.part,
        row.format,
        row.runtime,
        row.threads,
        machine,
        row.error or "no samples",
    )
