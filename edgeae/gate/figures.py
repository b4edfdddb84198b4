"""Everything that was timed of a cell, judged under its budget: pure functions over rows."""

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
    """Judge the ratio and each absolute limit; a figure keeps the first decision that it came to.

    A wrong answer of the candidate is the only figure, and fails.

    Args:
        rows: one per process, in their order.
        budget: the limits.
        rate: see `edgeae.gate.verdict.judge`.
    """
    wrong = next((row for row in rows if row.code == OutOfTolerance.code), None)
    if wrong is not None:
        return [Figure("answer", "", None, "fail", reason=str(wrong.error))]
    return [_first_decision(judge, rows, rate) for judge in _judges(budget)]


def count(budget: Budget) -> int:
    """Return how many figures of a cell are timed."""
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
        # where the baseline came first, the engine had started, and its memory was taken, already
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
#: Figures of a start, which is one only in a process that loads the candidate first.
_COLD = ("max_first_ms", "max_load_ms", "max_rss_mb")


def agreement(rows: Sequence[PairRow]) -> Figure:
    """Judge whether a bare candidate answers as its baseline does."""
    figure = Figure("parity", "", None, "missing", reason="parity: not measured")
    timed = processes(rows)
    if not timed:
        return figure
    row = timed[0]
    if row.difference is None:
        reason = "parity: its edges are quantized otherwise, or of other types, than the baseline's"
        return replace(figure, reason=reason)
    unit = row.difference_unit
    figure = replace(figure, unit=unit, value=row.difference, limit=row.agreement)
    if row.difference <= row.agreement:
        return replace(figure, verdict="pass", reason="")
    told = f"answers differ by {row.difference:.3g} {unit}".rstrip()
    limit = f"budget {row.agreement:.3g} {unit}".rstrip()
    return replace(figure, verdict="fail", reason=f"{told}, {limit}")
