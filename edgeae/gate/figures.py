"""Judge the timed figures of a cell against its budget: pure functions over rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from edgeae.errors import OutOfTolerance
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Figure
from edgeae.gate.rows import PairRow, processes
from edgeae.gate.sequential import ERROR_RATE, FEWEST
from edgeae.gate.verdict import absolute, ratio_figure

#: Judges some rows at an error rate.
_Judge = Callable[[Sequence[PairRow], float], Figure]


def timed_figures(
    rows: Sequence[PairRow], budget: Budget, *, rate: float = ERROR_RATE
) -> list[Figure]:
    """Judge the ratio and each absolute limit; each figure keeps its first decision.

    If the candidate gave a wrong answer, the only figure is `answer`, and `answer` fails.

    Args:
        rows: one row per process, in the order of the processes.
        budget: the limits.
        rate: see `edgeae.gate.verdict.judge`.
    """
    wrong = next((row for row in rows if row.code == OutOfTolerance.code), None)
    if wrong is not None:
        return [Figure("answer", "", None, "fail", reason=str(wrong.error))]
    return [_first_decision(judge, rows, rate) for judge in _judges(budget)]


def count(budget: Budget) -> int:
    """Return the number of timed figures of a cell."""
    return sum(1 for _ in _judges(budget))


def _first_decision(judge: _Judge, rows: Sequence[PairRow], rate: float) -> Figure:
    for n in range(FEWEST, len(rows)):
        figure = judge(rows[:n], rate)
        if figure.verdict != "inconclusive":
            return figure
    return judge(rows, rate)


def _judges(budget: Budget) -> Iterator[_Judge]:
    yield lambda rows, rate: ratio_figure(rows, budget.max_ratio, rate=rate)
    for key, name, value, scale, unit in _ABSOLUTE:
        limit = getattr(budget, key)
        if limit is not None:
            yield _absolute(name, value, limit * scale, unit, cold=key in _COLD)


def _absolute(
    name: str,
    value: Callable[[PairRow], float | None],
    limit: float,
    unit: str,
    *,
    cold: bool,
) -> _Judge:
    def judge(rows: Sequence[PairRow], rate: float) -> Figure:
        # if the baseline was loaded first, the engine had already started and taken its memory
        chosen = [row for row in rows if row.candidate_first or row.error] if cold else rows
        return absolute(chosen, name, value, limit, unit, rate=rate)

    return judge


_ABSOLUTE: tuple[tuple[str, str, Callable[[PairRow], float | None], float, str], ...] = (
    ("max_p50_us", "p50", lambda row: row.candidate_p50_ns, 1e3, "ns"),
    ("max_p99_us", "p99", lambda row: row.candidate_p99_ns, 1e3, "ns"),
    ("max_first_ms", "first", lambda row: row.first_ns[1], 1e6, "ns"),
    ("max_load_ms", "load", lambda row: row.load_ns[1], 1e6, "ns"),
    ("max_rss_mb", "peak memory", lambda row: row.rss_peak_bytes, 1e6, "B"),
)
#: Cold-start figures: only a process that loads the candidate first measures them.
_COLD = ("max_first_ms", "max_load_ms", "max_rss_mb")


def agreement(rows: Sequence[PairRow]) -> Figure:
    """Judge whether a candidate that is a bare file gives the same answers as its baseline."""
    figure = Figure("parity", "", None, "missing", reason="parity: not measured")
    timed = processes(rows)
    if not timed:
        return figure
    row = timed[0]
    if row.difference is None:
        reason = "parity: input or output differs from the baseline's in type or quantization"
        return replace(figure, reason=reason)
    unit = row.difference_unit
    figure = replace(figure, unit=unit, value=row.difference, limit=row.agreement)
    if row.difference <= row.agreement:
        return replace(figure, verdict="pass", reason="")
    sentence = f"answers differ by {row.difference:.3g} {unit}".rstrip()
    limit = f"budget {row.agreement:.3g} {unit}".rstrip()
    return replace(figure, verdict="fail", reason=f"{sentence}, {limit}")
