"""Stored results over commits.

History is never the judge: times of other days differ by more than the changes that people look
for. `edgeae gate` times both sides afresh.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import NotMeasured
from edgeae.reading.names import RESULTS
from edgeae.system import git as committed
from edgeae.system.machine import identity
from edgeae.timing.results import Result, read_results
from edgeae.timing.sample_statistics import median, median_interval
from edgeae.timing.suite import FILE

#: What must stand wherever a history is shown.
CAUTION = (
    "History is never the judge: stored times move with the state of the machine. "
    "`edgeae gate` times baseline and candidate afresh, side by side."
)


@dataclass(frozen=True)
class Point:
    """One artifact's time at one commit on one machine.

    Attributes:
        commit: number of the commit in `History.commits`.
        p50_ns: of one call; the median over rows.
        low_ns, high_ns: of the rows' 95 % confidence intervals, the lowest and highest end.
        rows: how many results rows, each a process of its own.
        artifact_sha256: of the bytes that were timed.
        runtime_version: of the last row.
        unstable: why not to believe it; every row's reasons.
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
    """A row without a time: a gap. `commit` numbers it in `History.commits`."""

    commit: int
    error: str


@dataclass(frozen=True)
class Line:
    """One machine's times, in the order of commits.

    Attributes:
        machine: its number in `History.machines`.
        points: may be empty, where everything failed.
        failures: gaps; no line is drawn across one.
    """

    machine: int
    points: tuple[Point, ...]
    failures: tuple[Failure, ...]

    @property
    def stretches(self) -> list[list[Point]]:
        """Its points, parted where a commit between them has nothing but failures."""
        timed = {point.commit for point in self.points}
        gaps = sorted({failure.commit for failure in self.failures} - timed)
        parts: dict[int, list[Point]] = {}
        for point in self.points:
            parts.setdefault(sum(gap < point.commit for gap in gaps), []).append(point)
        return list(parts.values())


@dataclass(frozen=True)
class Multiple:
    """One small plot: an artifact, and how it is run.

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
        """The artifact: `deep/int8 encoder.tflite`; of a bare file its path."""
        if self.recipe == FILE:
            return self.model
        return f"{self.model}/{self.recipe} {self.part}.{self.format}"

    @property
    def how(self) -> str:
        """How it is run: `litert-xnnpack, 2 threads, batch 8`."""
        threads = f", {self.threads} threads" if self.threads != 1 else ""
        batch = f", batch {self.batch}" if self.batch != 1 else ""
        software = ", software device" if self.software else ""
        return f"{self.runtime}{threads}{batch}{software}"


@dataclass(frozen=True)
class Absence:
    """A runtime that was not there, how often, and why at last."""

    runtime: str
    rows: int
    reason: str


@dataclass(frozen=True)
class History:
    """Everything that is stored.

    Attributes:
        commits: the oldest first; empty for rows from outside a repository.
        known: how many of them are in this branch's log.
        machines: facts of each, from its latest row.
        multiples: by model, part, recipe, format, runtime, threads and batch; software devices,
            whose times say nothing of a device, come last.
        absences: runtimes that were not there.
    """

    commits: tuple[str, ...]
    known: int
    machines: tuple[dict[str, Any], ...]
    multiples: tuple[Multiple, ...]
    absences: tuple[Absence, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"note": CAUTION, **asdict(self)}


def read(build: Path, project: Path) -> History:
    """Read the results of a build.

    Args:
        build: holds `results.jsonl`.
        project: whose commits are in the order of its log, if it is a repository.

    Raises:
        NotMeasured: there are no results.
        BadInput: a line is not a results row.
    """
    results = build / RESULTS
    rows = read_results(results)
    if not rows:
        raise NotMeasured(f"{results}: no results; `edgeae bench` makes them")
    return history(rows, committed.log(project))


def history(rows: Sequence[Result], log: Sequence[str]) -> History:
    """Order and group rows.

    Args:
        rows: at least one, as they were appended.
        log: commits, the oldest first; may be empty.
    """
    commits = _ordered(rows, log)
    place = {commit: number for number, commit in enumerate(commits)}
    latest = {identity(row.machine): row.machine for row in rows}
    number = {machine: at for at, machine in enumerate(latest)}
    grouped: dict[tuple[Any, ...], dict[int, list[Result]]] = {}
    for row in rows:
        if row.model:
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
    """Return commits in the log's order; others behind the one that they were appended after."""
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
