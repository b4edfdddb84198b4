"""The measurements of one worker process of the gate: raw block times, and derived figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from edgeae.timing.sample_statistics import percentile

#: If the fixed cost is more than this share of a call, the gate judges the time above it.
NOTABLE_FIXED = 0.1
#: If the fixed cost is more than this share of a call, the time above it cannot be resolved:
#: subtracting the fixed cost magnifies noise by 1 ÷ (1 − share), here 20 times.
MOST_FIXED = 0.95


@dataclass(frozen=True)
class PairRow:
    """One process that ran baseline and candidate interleaved. Times are raw, in ns.

    A quad is four blocks, ABBA or BAAB, an order that cancels a linear drift. Each time of a quad
    is the sum of the two blocks of one side.

    Attributes:
        process: number of the process within the gate, from 0.
        candidate_first: whether the candidate was loaded before the baseline.
        sessions: sessions opened of each side; each quad draws one of each side.
        calls: calls per block of baseline or candidate.
        fixed_calls: calls per block of the passthrough model, which has one operator that only
            copies its input.
        orders: one letter per quad, the side of its first and last block: `A` baseline, `B`
            candidate.
        baseline_ns, candidate_ns: one time per quad, of two blocks.
        control_ns: one pair of times per control quad: a session of the baseline that was opened at
            an even turn, and one opened at an odd turn. Their ratio shows the machine's own error.
        fixed_ns: one time per block of the passthrough model.
        load_ns, first_ns: (baseline, candidate): load, and first inference. The side that is loaded
            first includes the engine's start.
        rss_peak_bytes: peak memory of the process after the candidate's first answer; None if
            unknown.
        difference: max |candidate's answer − baseline's answer| on the same inputs, in
            `difference_unit`; None if the answers were not compared.
        difference_unit: `LSB` for integers, empty for floats.
        agreement: largest difference that counts as equal.
        runtime_version, device: version and device of the runtime.
        software: whether the device is emulated on the processor.
        notes: notes for the reader.
        unstable: disturbances during the measurement; see `edgeae.timing.conditions`.
        seconds: duration of the process.
        error: the error that prevented a measurement; None without an error.
        code: exit code of the error; 0 without an error.
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
        """Median time of the baseline's call, in ns."""
        return median(self.baseline_ns) / (2 * self.calls)

    @cached_property
    def candidate_p50_ns(self) -> float:
        """Median time of the candidate's call, in ns."""
        return median(self.candidate_ns) / (2 * self.calls)

    @cached_property
    def candidate_p99_ns(self) -> float:
        """99th percentile, over pairs of blocks, of the candidate's call, in ns."""
        return percentile(self.candidate_ns, 0.99) / (2 * self.calls)

    @cached_property
    def fixed_p50_ns(self) -> float:
        """Median fixed cost of a call, in ns; 0 if it was not measured."""
        return median(self.fixed_ns) / self.fixed_calls if self.fixed_ns else 0.0

    @cached_property
    def fixed_share(self) -> float:
        """Fixed cost ÷ a call of the baseline."""
        return self.fixed_p50_ns / self.baseline_p50_ns if self.baseline_p50_ns > 0 else 0.0

    @cached_property
    def call_ratio(self) -> float:
        """Ratio of whole calls, candidate ÷ baseline: the median of the quads' ratios."""
        pairs = zip(self.candidate_ns, self.baseline_ns, strict=True)
        return median(b / a for b, a in pairs)

    @cached_property
    def control_ratio(self) -> float:
        """Ratio of whole calls of two halves of the baseline's sessions: 1 apart from error."""
        return median(b / a for a, b in self.control_ns)


def above_fixed(ratio: float, fixed_share: float) -> float:
    """Return the ratio of the times above the fixed cost, (b − f) ÷ (a − f), given b ÷ a and f ÷ a.

    If the share f ÷ a is at most `NOTABLE_FIXED`, or more than `MOST_FIXED`, where too little time
    remains to resolve, the fixed cost is not subtracted. A share that is not finite gives NaN,
    because nothing was measured.
    """
    if not math.isfinite(fixed_share):
        return math.nan
    share = fixed_share if NOTABLE_FIXED < fixed_share <= MOST_FIXED else 0.0
    return (ratio - share) / (1 - share)


def processes(rows: Sequence[PairRow]) -> tuple[PairRow, ...]:
    """Return the rows of the processes that ended without an error."""
    return tuple(row for row in rows if row.error is None)
