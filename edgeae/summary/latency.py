"""Select the latencies of the artifacts on disk from the results rows."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from edgeae.system.machine import identities
from edgeae.timing.emulated import is_counted
from edgeae.timing.pooled import Pooled, pool
from edgeae.timing.results import Result
from edgeae.timing.suite import FILE

#: (model, recipe, part, format) → sha256 of the file on disk.
Current = dict[tuple[str, str, str, str], str]


@dataclass(frozen=True)
class Timing:
    """One artifact in one runtime, timed.

    Attributes:
        model, recipe, part, format, flavour, bytes, runtime, runtime_version, device, software,
            threads, batch: the artifact and the configuration; see `Result`.
        machine: index of the machine in `Latency.machines`.
        p50_ns, p90_ns, p99_ns: percentiles over the blocks of a process, per call; medians over
            the processes.
        mad_ns: median absolute deviation of the blocks; median over the processes.
        interval: half the 95 % confidence interval of p50, as a share of p50; None if there are
            fewer than six processes, or one process with fewer than six blocks.
        fixed_ns: cost of a call before any arithmetic; None if it was not measured.
        examples_per_s: throughput.
        processes, blocks: numbers of processes, and of the blocks of all processes.
        settled: whether every process reached its target, and the processes agree.
        unstable: all processes' reasons why the figure is unstable.
        start_ns, import_ns, load_ns, first_ns, rss_peak_bytes: medians over the processes; see
            `Result`; None if no process has them.
        warning: a warning that the figure is unstable, with the reason; or empty.
        block: calls per sample.
        note: see `Result`.
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
    software: bool
    threads: int
    batch: int
    machine: int
    p50_ns: float
    p90_ns: float
    p99_ns: float
    mad_ns: float
    interval: float | None
    fixed_ns: float | None
    examples_per_s: float
    processes: int
    blocks: int
    block: int
    settled: bool
    unstable: tuple[str, ...]
    warning: str
    start_ns: float | None
    import_ns: float | None
    load_ns: float | None
    first_ns: float | None
    rss_peak_bytes: float | None
    note: str


@dataclass(frozen=True)
class Failure:
    """A worker that crashed, hung or gave a wrong answer, so that there is no latency.

    Attributes:
        model, recipe, part, format, runtime, threads, batch: the artifact and the configuration;
            see `Result`.
        machine: index of the machine in `Latency.machines`.
        error: why there is no latency.
    """

    model: str
    recipe: str
    part: str
    format: str
    runtime: str
    threads: int
    batch: int
    machine: int
    error: str


@dataclass(frozen=True)
class Absent:
    """A runtime that the machine does not have.

    Attributes:
        runtime: the runtime's name.
        reason: the missing package or hardware, with the remedy.
    """

    runtime: str
    reason: str


@dataclass(frozen=True)
class Latency:
    """The results of `edgeae bench`.

    Attributes:
        machines: facts of each machine, from its latest row.
        timings: the latest bench of each artifact, runtime, number of threads and batch, with its
            processes pooled; by model, part, batch and median.
        failures: workers that ended without a latency.
        absent: runtimes that were selected but are missing.
        stale: number of rows left out because the timed artifact is no longer on disk.
    """

    machines: tuple[dict[str, Any], ...]
    timings: tuple[Timing, ...]
    failures: tuple[Failure, ...]
    absent: tuple[Absent, ...]
    stale: int


def latency(rows: Iterable[Result], current: Current) -> Latency:
    """Return the latest bench of everything on disk.

    Rows of files outside bundles, and of emulated cores, are skipped.

    Args:
        rows: the oldest first.
        current: the hashes of the artifacts on disk.
    """
    rows = list(rows)
    identity = identities(row.machine for row in rows)
    absent: dict[tuple[Any, str], str] = {}
    machines: dict[Any, dict[str, Any]] = {}
    latest: dict[tuple[Any, ...], list[Result]] = {}
    stale = 0
    for row in rows:
        machine = identity(row.machine)
        if not row.model:
            absent[machine, row.runtime] = row.error or ""
            machines[machine] = row.machine
            continue
        absent.pop((machine, row.runtime), None)
        what = (row.model, row.recipe, row.part, row.format)
        if row.recipe == FILE:
            continue
        if current.get(what) != row.artifact_sha256:
            stale += 1
            continue
        if is_counted(row.runtime):  # counts, no times of this machine
            continue
        group = latest.setdefault((*what, row.runtime, row.threads, row.batch, machine), [])
        if not row.session or any(earlier.session != row.session for earlier in group):
            group.clear()
        group.append(row)
        machines[machine] = row.machine
    number = {machine: place for place, machine in enumerate(machines)}
    timings, failures = [], []
    for group in latest.values():
        place = number[identity(group[-1].machine)]
        timed = [row for row in group if row.samples_ns]
        timings += [_timing(pool(timed), place)] if timed else []
        failures += [_failure(row, place) for row in group if not row.samples_ns]
    timings.sort(key=_order)
    gaps = dict.fromkeys(Absent(runtime, reason) for (_, runtime), reason in absent.items())
    once = tuple(dict.fromkeys(failures))
    return Latency(tuple(machines.values()), tuple(timings), once, tuple(gaps), stale)


def _order(item: Timing) -> tuple[Any, ...]:
    return (item.model, item.part, item.batch, item.p50_ns, item.runtime, item.recipe)


def _timing(pooled: Pooled, machine: int) -> Timing:
    row = pooled.row
    values = {**vars(row), **vars(pooled), "warning": pooled.warning, "block": row.block or 1}
    return Timing(**_chosen(Timing, {**values, "machine": machine}))


def _failure(row: Result, machine: int) -> Failure:
    values = {**vars(row), "error": row.error or "no samples", "machine": machine}
    return Failure(**_chosen(Failure, values))


def _chosen(kind: type[Timing | Failure], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values whose keys are fields of a dataclass."""
    return {item.name: values[item.name] for item in fields(kind)}


def p50_of(
    timings: Iterable[Timing],
    model: str,
    recipe: str,
    part: str,
    runtime: str,
    machine: int | None = None,
) -> Timing | None:
    """Return the timing of a call on one example; None if it was not measured.

    If there are several timings, the one with the fewest threads on the slowest machine is taken,
    as the most conservative. Software devices are not considered.

    Args:
        timings: the timings of a build.
        model, recipe, part, runtime: what was timed.
        machine: index of the machine in `Latency.machines`; None for all of them.
    """
    what = (model, recipe, part, runtime, 1)
    found = [
        item
        for item in timings
        if (item.model, item.recipe, item.part, item.runtime, item.batch) == what
        and machine in (None, item.machine)
        and item.p50_ns
        and not item.software
    ]
    fewest = min((item.threads for item in found), default=0)
    able = [item for item in found if item.threads == fewest]
    return max(able, key=lambda item: item.p50_ns, default=None)
