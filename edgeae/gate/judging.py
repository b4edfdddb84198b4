"""Judge pairs, one finding each: processes run until every figure has a clear verdict."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from edgeae.errors import EdgeaeError, OutOfTolerance
from edgeae.gate.budget import Budget
from edgeae.gate.exact import exact_figures
from edgeae.gate.figures import agreement, count, timed_figures
from edgeae.gate.finding import Cell, Figure, Finding
from edgeae.gate.rows import PairRow, processes
from edgeae.gate.sequential import ERROR_RATE
from edgeae.gate.sides import Pair
from edgeae.gate.verdict import is_open, machine_error
from edgeae.reading import typed
from edgeae.system import children
from edgeae.timing.emulated import is_emulated

#: Called with the row of each process when the process ends.
OnRow = Callable[[Cell, PairRow], None]

_TIMEOUT_S = 180.0
#: The probability that any cell of a suite fails although every ratio is at the budget.
FAMILY_RATE = 0.05


def judge_all(
    pairs: Sequence[Pair],
    budget: Budget,
    *,
    seed: int,
    on_row: OnRow | None = None,
    planted: Mapping[int, float] = MappingProxyType({}),
) -> Iterator[tuple[int, Finding]]:
    """Judge each pair, in an order drawn from the seed.

    In a suite of several cells, a cell that fails is judged again with fresh processes, and the
    cell fails only if it fails twice: otherwise one of many cells would often fail by chance.

    Args:
        pairs: the pairs to judge.
        budget: the limits.
        seed: seed of the order of the cells, and of the blocks within each process.
        on_row: called with the row of each process.
        planted: index of a pair → injected slowdown of its candidate; see
            `edgeae.gate.worker.work`.

    Yields:
        The pair's index in `pairs`, and its finding.
    """
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    timed = [budget.on(pair.runtime) for pair in pairs if needs_timing(pair, budget)]
    rate = _second_rate(sum(map(count, timed)))
    for place in order:
        pair = pairs[place]
        work = _Work(
            pair, budget.on(pair.runtime), seed + 1000 * place, on_row, planted.get(place, 0.0)
        )
        yield place, work.finding(confirm=len(timed) > 1, rate=rate)


def needs_timing(pair: Pair, budget: Budget) -> bool:
    """Return whether a pair must be timed.

    A pair of identical bytes needs no timing, because both sides run in the same engine and have
    the same figures; it is timed only if the budget has an absolute limit. An emulated core is
    never timed.
    """
    if pair.baseline is None or is_emulated(pair.runtime):
        return False
    return not pair.is_identical or budget.on(pair.runtime).times_absolutely


def _second_rate(figures: int) -> float:
    """Return the error rate of a second judgement that keeps the family-wise error rate.

    The two judgements of a figure err independently, so figures × first rate × second rate must be
    at most the family rate (Bonferroni).
    """
    return min(ERROR_RATE, FAMILY_RATE / (max(1, figures) * ERROR_RATE))


def run_process(
    pair: Pair, number: int, seed: int, *, planted: float = 0.0, baseline_runtime: str | None = None
) -> PairRow:
    """Run one process of a pair that has a baseline; return its row, which may hold an error.

    Args:
        pair: the pair to run.
        number: number of the process; an odd-numbered process loads the candidate first.
        seed: seed of the order of the blocks.
        planted: see `edgeae.gate.worker.work`.
        baseline_runtime: the baseline's runtime; None if it is the candidate's runtime.
    """
    assert pair.baseline is not None
    job = {
        "baseline": {**pair.baseline.to_job(), "runtime": baseline_runtime or pair.runtime},
        "candidate": {**pair.candidate.to_job(), "runtime": pair.runtime},
        "threads": pair.threads,
        "batch": pair.batch,
        "process": number,
        "seed": seed,
        "planted": planted,
    }
    try:
        (report,) = children.run("edgeae.gate.worker", job, timeout_s=_TIMEOUT_S)
    except EdgeaeError as error:
        return PairRow(number, error=str(error), code=error.code)
    return typed.build(PairRow, report)


class _Work:
    """The judgement of one cell."""

    def __init__(
        self, pair: Pair, budget: Budget, seed: int, on_row: OnRow | None, planted: float
    ) -> None:
        self._pair, self._budget, self._seed = pair, budget, seed
        self._on_row, self._planted = on_row, planted
        self._started = time.monotonic()
        self._process = 0

    def finding(self, *, confirm: bool, rate: float) -> Finding:
        pair = self._pair
        if pair.baseline is None:
            return self._missing(pair.absence, 0)
        try:
            exact = exact_figures(pair, self._budget)
        except OutOfTolerance as error:
            return self._found([Figure("answer", "", None, "fail", reason=str(error))], [], [])
        except EdgeaeError as error:
            return self._missing(str(error), error.code)
        if is_emulated(pair.runtime):
            return self._found(exact, [], [])
        if not needs_timing(pair, self._budget):
            return self._found([_same(self._budget), *exact], [], [])
        rows = self._rows(ERROR_RATE)
        figures = self._figures(rows, ERROR_RATE)
        failed = [item for item in figures if item.verdict == "fail" and item.value is not None]
        if not (confirm and failed):
            return self._found([*figures, *exact], rows, [])
        again = self._rows(rate)
        second = self._figures(again, rate)
        if len(second) != len(figures):  # only the second judgement met a wrong answer
            return self._found([*second, *exact], again, [])
        notes = [
            f"failed at first ({old.reason}), then {new.verdict} with fresh processes"
            for old, new in zip(figures, second, strict=True)
            if old in failed
        ]
        merged = [new if old in failed else old for old, new in zip(figures, second, strict=True)]
        return self._found([*merged, *exact], again, notes)

    def _rows(self, rate: float) -> list[PairRow]:
        """Run processes until every verdict is clear, or the largest number of them has run."""
        rows: list[PairRow] = []
        while True:
            row = self._run()
            rows.append(row)
            if self._on_row is not None:
                self._on_row(self._pair.cell, row)
            if row.error is not None or not is_open(self._figures(rows, rate), len(rows)):
                return rows

    def _run(self) -> PairRow:
        number = self._process
        self._process += 1
        return run_process(self._pair, number, self._seed + number, planted=self._planted)

    def _figures(self, rows: Sequence[PairRow], rate: float) -> list[Figure]:
        figures = timed_figures(rows, self._budget, rate=rate)
        bare = self._pair.candidate.bundle is None
        return [*figures, agreement(rows)] if self._budget.parity and bare else figures

    def _missing(self, reason: str, code: int) -> Finding:
        quantity = "instructions" if is_emulated(self._pair.runtime) else "p50"
        figure = Figure(f"{quantity} ratio", "×", None, "missing", reason=reason)
        return Finding(self._pair.cell, (figure,), code=code)

    def _found(
        self, figures: Sequence[Figure], rows: Sequence[PairRow], notes: Sequence[str]
    ) -> Finding:
        timed = processes(rows)
        codes = [row.code for row in rows if row.code not in (0, OutOfTolerance.code)]
        sides = [side for side in (self._pair.candidate, self._pair.baseline) if side]
        every_note = [*notes, *(side.note for side in sides if side.note)]
        every_note += [item.reason for item in figures if item.verdict == "pass" and item.reason]
        every_note += sorted({note for row in timed for note in row.notes})
        if any(item.verdict == "inconclusive" for item in figures):
            every_note += _disturbances(timed)
        return Finding(
            cell=self._pair.cell,
            figures=tuple(figures),
            runtime_version=timed[0].runtime_version if timed else "",
            device=_device(timed[0]) if timed else "",
            processes=self._process if timed else 0,
            fixed_ns=_middle([row.fixed_p50_ns for row in timed]),
            machine_error=machine_error(timed),
            seconds=time.monotonic() - self._started,
            notes=tuple(every_note),
            code=codes[0] if codes else 0,
        )


def _same(budget: Budget) -> Figure:
    return Figure("p50 ratio", "×", 1.0, "pass", limit=budget.max_ratio)


def _disturbances(rows: Sequence[PairRow]) -> list[str]:
    """Return a line about disturbed processes, with the reasons of the first; empty if none was."""
    disturbed = [row for row in rows if row.unstable]
    if not disturbed:
        return []
    first = "; ".join(disturbed[0].unstable)
    return [f"{len(disturbed)} of {len(rows)} processes were disturbed: {first}"]


def _device(row: PairRow) -> str:
    return f"{row.device} (software device)" if row.software else row.device


def _middle(values: Sequence[float]) -> float | None:
    ordered: list[Any] = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
