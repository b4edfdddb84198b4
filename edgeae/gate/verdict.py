"""Derive verdicts from rows and limits: pure functions, without clock or file access."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from edgeae.gate.finding import Figure, Verdict
from edgeae.gate.rows import MOST_FIXED, PairRow, above_fixed, processes
from edgeae.gate.sequential import ERROR_RATE, FEWEST, MOST, decisive, interval
from edgeae.text.amounts import duration


def judge(values: Sequence[float], limit: float, *, rate: float = ERROR_RATE) -> Verdict:
    """Decide whether the true median of independent values is above or below a limit.

    Args:
        values: one value per process; a value that is not finite is not a measurement.
        limit: largest allowed median. A value equal to the limit counts for neither verdict.
        rate: probability, over all looks, of a `fail` (and of a `pass`) if the true median equals
            the limit.

    Returns:
        `fail`, `pass` or `inconclusive`; `missing` if a value is not finite, or without values.
    """
    if not values or not all(map(math.isfinite, values)):
        return "missing"
    enough = decisive(len(values), rate)
    if sum(value > limit for value in values) >= enough:
        return "fail"
    if sum(value < limit for value in values) >= enough:
        return "pass"
    return "inconclusive"


def fixed_share(rows: Sequence[PairRow]) -> float:
    """Return fixed cost ÷ a call of the baseline: the median over processes."""
    return median(row.fixed_share for row in processes(rows))


def ratios(rows: Sequence[PairRow]) -> list[float]:
    """Return candidate ÷ baseline above the fixed cost, one ratio per process.

    All processes use the same share of fixed cost, their median.
    """
    share = fixed_share(rows)
    return [above_fixed(row.call_ratio, share) for row in processes(rows)]


def machine_error(rows: Sequence[PairRow]) -> float | None:
    """Return |median ratio − 1| of the baseline timed against itself, above the fixed cost.

    None if it was not measured.
    """
    timed = processes(rows)
    if not timed or not all(row.control_ns for row in timed):
        return None
    share = fixed_share(timed)
    controls = [above_fixed(row.control_ratio, share) for row in timed]
    return abs(median(controls) - 1) if all(map(math.isfinite, controls)) else None


def ratio_figure(rows: Sequence[PairRow], max_ratio: float, *, rate: float = ERROR_RATE) -> Figure:
    """Judge the ratio of the medians, candidate ÷ baseline, above the fixed cost.

    The machine's own error widens the interval on both sides. If the error is larger than the
    budget's margin above 1, an unchanged candidate cannot pass.

    Args:
        rows: one row per process, with or without times.
        max_ratio: the budget, above 0.
        rate: see `judge`.
    """
    timed = processes(rows)
    figure = Figure("p50 ratio", "×", None, "missing", limit=max_ratio, side_unit="ns")
    errors = [row.error for row in rows if row.error is not None]
    if errors:
        return replace(figure, reason=f"not timed: {errors[0]}")
    if not timed:
        return replace(figure, reason="not timed: no process ran")
    measured, error = ratios(timed), machine_error(timed)
    if error is None or not all(map(math.isfinite, measured)):
        return replace(figure, reason="not timed: the blocks hold no usable times")
    low, high = _widened(measured, error, rate)
    verdict = _against(measured, max_ratio, error, rate)
    if verdict == "pass" and fixed_share(timed) > MOST_FIXED:
        verdict = "inconclusive"
    figure = replace(
        figure,
        value=median(measured),
        low=low,
        high=high,
        baseline=median(row.baseline_p50_ns for row in timed),
        candidate=median(row.candidate_p50_ns for row in timed),
        verdict=verdict,
    )
    return replace(figure, reason=_reason(figure, len(timed), error, fixed_share(timed)))


def _widened(
    measured: Sequence[float], error: float, rate: float
) -> tuple[float | None, float | None]:
    reach = interval(measured, rate)
    return (None, None) if reach is None else (reach[0] / (1 + error), reach[1] * (1 + error))


def _against(measured: Sequence[float], max_ratio: float, error: float, rate: float) -> Verdict:
    if judge([ratio / (1 + error) for ratio in measured], max_ratio, rate=rate) == "fail":
        return "fail"
    quick = judge([ratio * (1 + error) for ratio in measured], max_ratio, rate=rate)
    return "pass" if quick == "pass" else "inconclusive"


def _reason(figure: Figure, n: int, error: float, share: float) -> str:
    if figure.verdict == "pass" or figure.value is None or figure.limit is None:
        return ""
    limit = f"budget {figure.limit:.3f}"
    if figure.low is None or figure.high is None:
        few = f"{n} processes are too few, at least {FEWEST} are needed"
        return f"ratio {figure.value:.3f}, {limit}: {few}"
    sentence = f"ratio {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}], {limit}"
    if figure.verdict == "fail":
        return sentence
    if share > MOST_FIXED:
        return (
            f"{sentence}: {share:.0%} of a call is fixed cost, which hides the model's time; "
            "use a larger batch or exact figures"
        )
    if error > figure.limit - 1 > 0:
        return f"{sentence}: the machine's own error, {error:.1%}, is larger than the budget"
    return f"{sentence}: the budget lies inside the interval after {n} processes"


def absolute(
    rows: Sequence[PairRow],
    quantity: str,
    value: Callable[[PairRow], float | None],
    limit: float,
    unit: str = "ns",
    *,
    rate: float = ERROR_RATE,
) -> Figure:
    """Judge one figure of the candidate against an absolute limit.

    Args:
        rows: one row per process.
        quantity: name of the figure.
        value: returns the figure of a row, in `unit`; None if it was not measured.
        limit: largest allowed median over processes, in `unit`.
        unit: `ns` or another unit.
        rate: see `judge`.
    """
    timed = processes(rows)
    figure = Figure(quantity, unit, None, "missing", limit=limit)
    values = [found for row in timed if (found := value(row)) is not None]
    if not timed or len(timed) < len(rows) or len(values) < len(timed):
        return replace(figure, reason=f"{quantity}: not measured")
    reach = interval(values, rate) or (None, None)
    figure = replace(figure, value=median(values), low=reach[0], high=reach[1])
    verdict = judge(values, limit, rate=rate)
    shown = duration if unit == "ns" else lambda number: f"{number:,.0f} {unit}"
    sentence = f"{quantity} {shown(median(values))}, budget {shown(limit)}"
    reason = "" if verdict == "pass" else sentence
    if verdict == "inconclusive":
        reason += f": not clear after {len(timed)} processes"
    return replace(figure, verdict=verdict, reason=reason)


def is_open(figures: Sequence[Figure], n: int) -> bool:
    """Return whether another process could turn an inconclusive figure into a clear one."""
    return n < MOST and any(figure.verdict == "inconclusive" for figure in figures)
