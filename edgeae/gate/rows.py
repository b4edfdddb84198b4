"""What one worker process of the gate measured: raw blocks, and the figures drawn from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from edgeae.timing.sample_statistics import percentile

#: The gate judges the time above the fixed cost where that is more than this share of a call.
NOTABLE_FIXED = 0.1
#: Above this share the time above the fixed cost is not resolved: noise is magnified by
#: 1 ÷ (1 − share), here 20 times.
MOST_FIXED = 0.95


@dataclass(frozen=True)
class PairRow:
    """One process: baseline and candidate interleaved. Times are raw, nanoseconds.

    A quad is four blocks, ABBA or BAAB, which cancels a drift; the times of a quad are those of the
    two blocks of one side together.

    Attributes:
        process: its number within the gate, from 0.
        candidate_first: which was loaded first.
        sessions: how many sessions of each side were opened and drawn from.
        calls: per block, of either side.
        fixed_calls: per block of the one-operator model.
        orders: of each quad, the side that came first and last: `A` baseline or `B` candidate.
        baseline_ns, candidate_ns: per quad, two blocks each.
        control_ns: per control quad, the times of two sessions of the baseline, of those opened at
            even and at odd turns: the baseline against itself, the machine's own error.
        fixed_ns: per block of the one-operator model.
        load_ns, first_ns: of baseline and candidate: opening, and the first call; the side that is
            loaded first pays for the engine's own start.
        rss_peak_bytes: of the process, when the candidate had given its first answer.
        difference: max |candidate's answer − baseline's| on the same inputs, in `difference_unit`;
            None where their element types differ.
        difference_unit: `LSB` for integers, empty for floats.
        agreement: the difference that counts as none.
        runtime_version, device, software: of the runtime.
        notes: what else a reader should know.
        unstable: what the machine did meanwhile; see `edgeae.timing.conditions`.
        seconds: from the start of the process to its end.
        error, code: why there are no times, and the exit code of that; None and 0 without one.
    """

    process: int
    candidate_first: bool = False
    sessions: int = 0
    calls: int = 0
    fixed_calls: int = 0
    orders: str = ""
    baseline_ns: tuple[int, ...] = ()
    candidate_ns: tuple[int, ...] = ()
    control_ns: tuple[tuple[int, int], ...] = ()
    fixed_ns: tuple[int, ...] = ()
    load_ns: tuple[int, int] = (0, 0)
    first_ns: tuple[int, int] = (0, 0)
    rss_peak_bytes: int | None = None
    difference: float | None = None
    difference_unit: str = ""
    agreement: float = 0.0
    runtime_version: str = ""
    device: str = ""
    software: bool = False
    notes: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    code: int = 0

    @cached_property
    def baseline_p50_ns(self) -> float:
        """The baseline's median, per call."""
        return median(self.baseline_ns) / (2 * self.calls)

    @cached_property
    def candidate_p50_ns(self) -> float:
        """The candidate's median, per call."""
        return median(self.candidate_ns) / (2 * self.calls)

    @cached_property
    def candidate_p99_ns(self) -> float:
        """The candidate's 99th percentile over pairs of blocks, per call."""
        return percentile(self.candidate_ns, 0.99) / (2 * self.calls)

    @cached_property
    def fixed_p50_ns(self) -> float:
        """The fixed cost's median, per call."""
        return median(self.fixed_ns) / self.fixed_calls if self.fixed_ns else 0.0

    @cached_property
    def fixed_share(self) -> float:
        """The fixed cost as a share of a call of the baseline."""
        return self.fixed_p50_ns / self.baseline_p50_ns if self.baseline_p50_ns > 0 else 0.0

    @cached_property
    def call_ratio(self) -> float:
        """Candidate ÷ baseline of whole calls: the median of the quads' ratios."""
        pairs = zip(self.candidate_ns, self.baseline_ns, strict=True)
        return median(b / a for b, a in pairs)

    @cached_property
    def control_ratio(self) -> float:
        """Baseline ÷ itself, of whole calls: two halves of its sessions; 1 but for error."""
        return median(b / a for a, b in self.control_ns)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "PairRow":
        """Rebuild a row from JSON's lists."""
        return cls(**{key: _frozen(value) for key, value in table.items()})


def above_fixed(ratio: float, fixed_share: float) -> float:
    """Return the ratio of the times above the fixed cost, (b − f) ÷ (a − f), given b ÷ a and f ÷ a.

    A fixed cost of a tenth or less is left in, and so is one of more than `MOST_FIXED`, which
    leaves too little to resolve. A share that is not finite gives NaN: nothing was measured.
    """
    if not math.isfinite(fixed_share):
        return math.nan
    share = fixed_share if NOTABLE_FIXED < fixed_share <= MOST_FIXED else 0.0
    return (ratio - share) / (1 - share)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def processes(rows: Sequence[PairRow]) -> tuple[PairRow, ...]:
    """Return the rows that hold times."""
    return tuple(row for row in rows if row.error is None)
