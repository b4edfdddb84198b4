"""Stored results over commits.

A history is no basis for a verdict: between days, the state of a machine changes times by more
than the effects that users look for. `edgeae gate` times baseline and candidate again, side by
side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import NotMeasured
from edgeae.reading.names import RESULTS
from edgeae.system import git as committed
from edgeae.system.machine import identities
from edgeae.timing.emulated import is_counted
from edgeae.timing.results import Result, read_results
from edgeae.timing.sample_statistics import median, median_interval
from edgeae.timing.suite import FILE

#: The caution that is shown with every history.
CAUTION = (
    "A history is no basis for a verdict: stored times change with the state of the machine. "
    "`edgeae gate` times baseline and candidate again, side by side."
)


@dataclass(frozen=True)
class Point:
    """One artifact's time at one commit on one machine.

    Attributes:
        commit: index of the commit in `History.commits`.
        p50_ns: p50 of one call; the median over the rows.
        low_ns, high_ns: the lowest and the highest end of the rows' 95 % confidence intervals.
        rows: number of results rows, each from its own process.
        artifact_sha256: hash of the timed artifact.
        runtime_version: version in the last row.
        unstable: all rows' reasons why the time is unstable.
    """

    commit: int
    p50_ns: float
    low_ns: float
    high_ns: float
    rows: int
    artifact_sha256: str
    runtime_version: str
    unstable: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A row without a time, which makes a gap; `commit` is an index of `History.commits`."""

    commit: int
    error: str


@dataclass(frozen=True)
class Line:
    """One machine's times, in the order of commits.

    Attributes:
        machine: index of the machine in `History.machines`.
        points: the times; empty if every row failed.
        failures: the gaps; no line is drawn across a gap.
    """

    machine: int
    points: tuple[Point, ...]
    failures: tuple[Failure, ...]

    @property
    def stretches(self) -> list[list[Point]]:
        """The points, split at commits that have only failures."""
        timed = {point.commit for point in self.points}
        gaps = sorted({failure.commit for failure in self.failures} - timed)
        parts: dict[int, list[Point]] = {}
        for point in self.points:
            parts.setdefault(sum(gap < point.commit for gap in gaps), []).append(point)
        return list(parts.values())


@dataclass(frozen=True)
class Multiple:
    """The data of one small plot: an artifact in one configuration.

    Attributes:
        model, recipe, part, format, runtime, software, threads, batch: see `Result`.
        lines: one per machine.
    """

    model: str
    recipe: str
    part: str
    format: str
    runtime: str
    software: bool
    threads: int
    batch: int
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """The artifact: `deep/int8 encoder.tflite`, or the path of a file outside a bundle."""
        if self.recipe == FILE:
            return self.model
        return f"{self.model}/{self.recipe} {self.part}.{self.format}"

    @property
    def how(self) -> str:
        """The configuration: `litert-xnnpack, 2 threads, batch 8`."""
        threads = f", {self.threads} threads" if self.threads != 1 else ""
        batch = f", batch {self.batch}" if self.batch != 1 else ""
        software = ", software device" if self.software else ""
        return f"{self.runtime}{threads}{batch}{software}"


@dataclass(frozen=True)
class Absence:
    """A runtime that was missing, the number of rows that report it, and the latest reason."""

    runtime: str
    rows: int
    reason: str


@dataclass(frozen=True)
class History:
    """All stored results.

    Attributes:
        commits: the oldest first; an empty string stands for rows from outside a repository.
        known: number of commits that are in this branch's log.
        machines: facts of each machine, from its latest row.
        multiples: by model, part, recipe, format, runtime, threads and batch; software devices,
            whose times are those of no device, are last.
        absences: runtimes that were missing.
    """

    commits: tuple[str, ...]
    known: int
    machines: tuple[dict[str, Any], ...]
    multiples: tuple[Multiple, ...]
    absences: tuple[Absence, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the history as JSON types."""
        return {"note": CAUTION, **asdict(self)}


def read(build: Path, project: Path) -> History:
    """Read the results of a build.

    Args:
        build: folder of `results.jsonl`.
        project: folder of the project; if it is a repository, its log orders the commits.

    Raises:
        NotMeasured: there are no results.
        BadInput: a line is no results row.
    """
    results = build / RESULTS
    rows = read_results(results)
    if not rows:
        raise NotMeasured(f"{results}: no results; `edgeae bench` makes them")
    return history(rows, committed.log(project))


def history(rows: Sequence[Result], log: Sequence[str]) -> History:
    """Return the history of some rows.

    Args:
        rows: at least one row, in the order in which they were appended.
        log: commits, the oldest first; may be empty.
    """
    commits = _ordered(rows, log)
    place = {commit: number for number, commit in enumerate(commits)}
    identity = identities(row.machine for row in rows)
    latest = {identity(row.machine): row.machine for row in rows}
    number = {machine: at for at, machine in enumerate(latest)}
    grouped: dict[tuple[Any, ...], dict[int, list[Result]]] = {}
    for row in rows:
        if row.model and not is_counted(row.runtime):  # those have no times
            machines = grouped.setdefault(_what(row), {})
            machines.setdefault(number[identity(row.machine)], []).append(row)
    multiples = (
        Multiple(
            model,
            recipe,
            part,
            form,
            runtime,
            software,
            threads,
            batch,
            tuple(_line(machine, mine, place) for machine, mine in sorted(machines.items())),
        )
        for (software, model, part, recipe, form, runtime, threads, batch), machines in sorted(
            grouped.items()
        )
    )
    known = len(set(commits) & set(log))
    return History(
        tuple(commits), known, tuple(latest.values()), tuple(multiples), tuple(_absences(rows))
    )


def _what(row: Result) -> tuple[Any, ...]:
    artifact = (row.model, row.part, row.recipe, row.format)
    return (row.software, *artifact, row.runtime, row.threads, row.batch)


def _ordered(rows: Iterable[Result], log: Sequence[str]) -> list[str]:
    """Return commits in the log's order; others follow the commit that they were appended after."""
    at = {commit: number for number, commit in enumerate(log)}
    places: dict[str, int] = {}
    before = -1
    for row in rows:
        before = at.get(row.commit or "", before)
        places.setdefault(row.commit or "", before)
    return sorted(places, key=lambda commit: (places[commit], commit not in at))


def _line(machine: int, rows: Sequence[Result], place: dict[str, int]) -> Line:
    together: dict[tuple[str, str], list[Result]] = {}
    for row in rows:
        if row.samples_ns:
            together.setdefault((row.commit or "", row.artifact_sha256), []).append(row)
    points = [_point(place[commit], mine) for (commit, _), mine in together.items()]
    failures = [
        Failure(place[row.commit or ""], row.error or "no samples")
        for row in rows
        if not row.samples_ns
    ]
    return Line(
        machine,
        tuple(sorted(points, key=lambda point: point.commit)),
        tuple(sorted(failures, key=lambda failure: failure.commit)),
    )


def _point(commit: int, rows: Sequence[Result]) -> Point:
    ends = [
        (low / (row.block or 1), high / (row.block or 1))
        for row in rows
        for low, high in [median_interval(row.samples_ns)]
    ]
    return Point(
        commit,
        median([median(row.samples_ns) / (row.block or 1) for row in rows]),
        min(low for low, _ in ends),
        max(high for _, high in ends),
        len(rows),
        rows[-1].artifact_sha256,
        rows[-1].runtime_version,
        tuple(dict.fromkeys(reason for row in rows for reason in row.unstable)),
    )


def _absences(rows: Iterable[Result]) -> list[Absence]:
    told: dict[str, list[str]] = {}
    for row in rows:
        if not row.model:
            told.setdefault(row.runtime, []).append(row.error or "")
    return [Absence(name, len(reasons), reasons[-1]) for name, reasons in told.items()]
