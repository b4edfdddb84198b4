"""Pool several processes of one job: the process is the unit of independence.

Each figure of a job is the median over processes: of the processes' medians, of their percentiles,
and of their cold-start figures. All functions are pure functions over rows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edgeae.timing.results import Result
from edgeae.timing.sample_statistics import (
    FEWEST_FOR_P99,
    FEWEST_SAMPLES,
    mad,
    median,
    median_interval,
    percentile,
    percentile_interval,
    trend,
)

#: Target of half the confidence interval ÷ the median, the same as that of a single process.
_AGREEMENT = 0.01
#: Largest number of reasons that are listed.
_TOLD = 4


@dataclass(frozen=True)
class Pooled:
    """The pooled figures of one job; durations in ns per call.

    Attributes:
        row: the latest row, for the values that all rows share.
        processes, blocks: number of processes; number of the model's blocks in all processes.
        p50_ns, p90_ns, p99_ns: percentiles over blocks of calls; medians over processes.
        mad_ns: median absolute deviation of blocks; median over processes.
        interval: half the 95 % confidence interval of p50 ÷ p50, over at least six processes, or
            over at least six blocks of a single process; None for fewer, which cannot reach 95 %,
            and if p50 is 0.
        p99_interval_ns: 95 % confidence interval of p99, over at least 563 blocks of one process;
            None otherwise.
        drift: change from the first block to the last ÷ p50; median over processes.
        fixed_ns: time of a call before any arithmetic; None if it was not measured.
        examples_per_s: throughput.
        settled: whether every process reached its target and the processes agree.
        apart: (highest − lowest) ÷ lowest of the processes' medians; 2 % gives a warning.
        unstable: the reasons of all processes why the figures are unstable.
        unstable_processes: number of processes with such reasons.
        start_ns, import_ns, load_ns, first_ns, rss_peak_bytes: see `Result`; medians over
            processes, None if no process has the figure.
    """

    row: Result
    processes: int
    blocks: int
    p50_ns: float
    p90_ns: float
    p99_ns: float
    mad_ns: float
    interval: float | None
    p99_interval_ns: tuple[float, float] | None
    drift: float
    fixed_ns: float | None
    examples_per_s: float
    settled: bool
    apart: float
    unstable: tuple[str, ...]
    unstable_processes: int
    start_ns: float | None
    import_ns: float | None
    load_ns: float | None
    first_ns: float | None
    rss_peak_bytes: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values; the job's identity replaces the raw row."""
        shared = ("model", "recipe", "part", "format", "artifact_sha256", "runtime")
        how = ("runtime_version", "device", "software", "threads", "batch", "session")
        told = {name: getattr(self.row, name) for name in (*shared, *how)}
        figures = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**told, **{name: value for name, value in figures.items() if name != "row"}}

    @property
    def warning(self) -> str:
        """A warning with the reasons why the figures are unstable; empty if they are stable."""
        told = []
        if self.unstable:
            share = f" in {self.unstable_processes} of {self.processes} processes"
            where = share if self.processes > 1 else ""
            told.append(f"unstable{where}: {'; '.join(self.unstable)}")
        if self.apart > 2 * _AGREEMENT:
            told.append(f"the processes' medians are up to {self.apart:.1%} apart")
        return "; ".join(told)


def pool_all(rows: Iterable[Result]) -> list[Pooled]:
    """Pool the timed rows of each job of each bench, in the order of the first rows."""
    groups: dict[tuple[object, ...], list[Result]] = {}
    for row in rows:
        if row.samples_ns:
            groups.setdefault(_job(row), []).append(row)
    return [pool(group) for group in groups.values()]


def _job(row: Result) -> tuple[object, ...]:
    what = (row.model, row.recipe, row.part, row.format, row.artifact_sha256)
    return (row.session, *what, row.runtime, row.threads, row.batch)


def pool(rows: Sequence[Result]) -> Pooled:
    """Pool the rows of one job: at least one row, and only rows with times."""

    def over(figure: Callable[[Result], float]) -> float:
        return median([figure(row) for row in rows])

    p50_ns = over(lambda row: _per_call(row, median(row.samples_ns)))
    fixed = [
        median(row.fixed_samples_ns) / row.fixed_block
        for row in rows
        if row.fixed_samples_ns and row.fixed_block
    ]
    return Pooled(
        row=rows[-1],
        processes=len(rows),
        blocks=sum(len(row.samples_ns) for row in rows),
        p50_ns=p50_ns,
        p90_ns=over(lambda row: _per_call(row, percentile(row.samples_ns, 0.9))),
        p99_ns=over(lambda row: _per_call(row, percentile(row.samples_ns, 0.99))),
        mad_ns=over(lambda row: _per_call(row, mad(row.samples_ns))),
        interval=_interval(rows),
        p99_interval_ns=_p99_interval(rows),
        drift=over(lambda row: trend(row.samples_ns).change),
        fixed_ns=median(fixed) if fixed else None,
        examples_per_s=rows[-1].batch * 1e9 / p50_ns if p50_ns else 0.0,
        settled=_settled(rows),
        apart=_apart(rows),
        unstable=_reasons(rows),
        unstable_processes=sum(bool(row.unstable) for row in rows),
        start_ns=_known([row.start_ns for row in rows]),
        import_ns=_known([row.import_ns for row in rows]),
        load_ns=_known([row.load_ns for row in rows]),
        first_ns=_known([row.first_ns for row in rows]),
        rss_peak_bytes=_known([row.rss_peak_bytes for row in rows]),
    )


def _per_call(row: Result, block_ns: float) -> float:
    return block_ns / (row.block or 1)


def _medians(rows: Sequence[Result]) -> list[float]:
    return [_per_call(row, median(row.samples_ns)) for row in rows]


def _interval(rows: Sequence[Result]) -> float | None:
    values: Sequence[float] = rows[0].samples_ns if len(rows) == 1 else _medians(rows)
    if len(values) < FEWEST_SAMPLES:
        return None
    (low, high), middle = median_interval(values), median(values)
    return (high - low) / 2 / middle if middle else None


def _p99_interval(rows: Sequence[Result]) -> tuple[float, float] | None:
    if len(rows) > 1 or len(rows[0].samples_ns) < FEWEST_FOR_P99:
        return None
    low, high = percentile_interval(rows[0].samples_ns, 0.99)
    return _per_call(rows[0], low), _per_call(rows[0], high)


def _apart(rows: Sequence[Result]) -> float:
    """Return (highest − lowest) ÷ lowest of the processes' medians."""
    medians = _medians(rows)
    return max(medians) / min(medians) - 1 if min(medians) > 0 else 0.0


def _settled(rows: Sequence[Result]) -> bool:
    return all(row.settled for row in rows) and _apart(rows) <= 2 * _AGREEMENT


def _reasons(rows: Sequence[Result]) -> tuple[str, ...]:
    found = list(dict.fromkeys(reason for row in rows for reason in row.unstable))
    more = [f"and {len(found) - _TOLD} more reasons"] if len(found) > _TOLD else []
    return (*found[:_TOLD], *more)


def _known(figures: Sequence[int | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return median(known) if known else None
