"""From rows and a limit to a verdict: pure functions, with no clock and no file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from edgeae.gate.finding import Figure, Verdict
from edgeae.gate.rows import PairRow, processes
from edgeae.gate.sequential import ERROR_RATE, FEWEST, MOST, decisive, interval
from edgeae.timing.table import duration

__all__ = ["absolute", "is_open", "judge", "machine_error", "ratio_figure"]


def judge(values: Sequence[float], limit: float, *, rate: float = ERROR_RATE) -> Verdict:
    """Return whether the true median of independent values is above the limit or below it.

    Args:
        values: one per process; a value that is not finite is no measurement.
        limit: what the median may be at most. At the limit itself nothing is ever decided.
        rate: the chance, over all looks, of a `fail` (or a `pass`) on a median at the limit.

    Returns:
        `fail`, `pass`, or `inconclusive`; `missing` where a value is not finite, or there is none.
    """
    if not values or not all(map(math.isfinite, values)):
        return "missing"
    enough = decisive(len(values), rate)
    if sum(value > limit for value in values) >= enough:
        return "fail"
    if sum(value < limit for value in values) >= enough:
        return "pass"
    return "inconclusive"


def machine_error(rows: Sequence[PairRow]) -> float | None:
    """Return how far from 1 the ratio of an artifact to itself lies: |median − 1|; None unknown."""
    controls = [row.control_ratio for row in processes(rows) if row.control_ns]
    if not controls or not all(map(math.isfinite, controls)):
        return None
    return abs(median(controls) - 1)


def ratio_figure(rows: Sequence[PairRow], max_ratio: float, *, rate: float = ERROR_RATE) -> Figure:
    """Judge the ratio of the medians, candidate ÷ baseline, above the fixed cost.

    The machine's own error widens the interval on both sides; where it is larger than the budget
    itself, nothing can be said.

    Args:
        rows: one per process, with or without times.
        max_ratio: the budget; above 0.
        rate: see `judge`.
    """
    timed = processes(rows)
    figure = Figure("p50 ratio", "×", None, "missing", limit=max_ratio, side_unit="ns")
    errors = [row.error for row in rows if row.error is not None]
    if errors:
        return replace(figure, reason=f"not timed: {errors[0]}")
    if not timed:
        return replace(figure, reason="not timed: no process ran")
    ratios = [row.ratio for row in timed]
    error = machine_error(timed)
    if error is None or not all(map(math.isfinite, ratios)):
        return replace(figure, reason="not timed: the blocks hold no usable times")
    low, high = _widened(ratios, error, rate)
    figure = replace(
        figure,
        value=median(ratios),
        low=low,
        high=high,
        baseline=median(row.baseline_p50_ns for row in timed),
        candidate=median(row.candidate_p50_ns for row in timed),
    )
    verdict = _against(ratios, max_ratio, error, rate)
    return replace(figure, verdict=verdict, reason=_reason(figure, verdict, len(timed), error))


def _widened(
    ratios: Sequence[float], error: float, rate: float
) -> tuple[float | None, float | None]:
    found = interval(ratios, rate)
    return (None, None) if found is None else (found[0] / (1 + error), found[1] * (1 + error))


def _against(ratios: Sequence[float], max_ratio: float, error: float, rate: float) -> Verdict:
    if _hides_the_budget(error, max_ratio):
        return "inconclusive"
    slow = judge([ratio / (1 + error) for ratio in ratios], max_ratio, rate=rate)
    quick = judge([ratio * (1 + error) for ratio in ratios], max_ratio, rate=rate)
    if slow == "fail":
        return "fail"
    return "pass" if quick == "pass" else "inconclusive"


def _hides_the_budget(error: float, max_ratio: float) -> bool:
    return error > abs(max_ratio - 1) > 0


def _reason(figure: Figure, verdict: Verdict, n: int, error: float) -> str:
    if verdict == "pass" or figure.value is None or figure.limit is None:
        return ""
    limit = f"budget {figure.limit:.3f}"
    if figure.low is None or figure.high is None:
        return f"ratio {figure.value:.3f}, {limit}: {n} processes are too few, {FEWEST} at least"
    told = f"ratio {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}], {limit}"
    if verdict == "inconclusive" and _hides_the_budget(error, figure.limit):
        return f"{told}: the machine's own error, {error:.1%}, is larger than the budget"
    if verdict == "inconclusive":
        return f"{told}: the budget lies inside the interval after {n} processes"
    return told


def absolute(
    rows: Sequence[PairRow],
    quantity: str,
    value: Callable[[PairRow], float],
    limit: float,
    unit: str = "ns",
) -> Figure:
    """Judge one figure of the candidate against an absolute limit, over processes."""
    timed = processes(rows)
    figure = Figure(quantity, unit, None, "missing", limit=limit)
    if not timed or len(timed) < len(rows):
        return replace(figure, reason=f"{quantity}: not measured")
    values = [value(row) for row in timed]
    found = interval(values) or (None, None)
    figure = replace(figure, value=median(values), low=found[0], high=found[1])
    verdict = judge(values, limit)
    shown = duration if unit == "ns" else lambda number: f"{number:,.0f} {unit}"
    told = f"{quantity} {shown(median(values))}, budget {shown(limit)}"
    reason = "" if verdict == "pass" else told
    if verdict == "inconclusive":
        reason += f": not clear after {len(timed)} processes"
    return replace(figure, verdict=verdict, reason=reason)


def is_open(figures: Sequence[Figure], n: int) -> bool:
    """Whether another process could still decide something."""
    return n < MOST and any(figure.verdict == "inconclusive" for figure in figures)
