"""Compare two artifacts, or one artifact in two runtimes, without a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edgeae.errors import (
    BadInput,
    EdgeaeError,
    ManifestMismatch,
    NotMeasured,
    OutOfTolerance,
    RuntimeCrashed,
)
from edgeae.gate.judging import run_process
from edgeae.gate.rows import MOST_FIXED, NOTABLE_FIXED, PairRow
from edgeae.gate.sequential import interval
from edgeae.gate.sides import Pair, Side, sides
from edgeae.gate.verdict import ratios
from edgeae.runtimes import USUAL, formats
from edgeae.system.machine import describe, machine_line
from edgeae.text.amounts import duration
from edgeae.text.columns import align
from edgeae.text.progress import Progress


@dataclass(frozen=True)
class Comparison:
    """Times of two artifacts that ran interleaved.

    Attributes:
        pair: the second artifact as candidate, the first as baseline.
        first_runtime: runtime of the first artifact; `pair.runtime` is the second's.
        rows: one row per process.
        machine: see `edgeae.system.machine.describe`.
    """

    pair: Pair
    first_runtime: str
    rows: tuple[PairRow, ...]
    machine: dict[str, Any]

    @property
    def fixed_share(self) -> float:
        """Fixed cost of a call ÷ a call of the first artifact: the median over processes."""
        return median(row.fixed_share for row in self.rows)

    @property
    def call_ratios(self) -> list[float]:
        """Ratio of whole calls, second ÷ first, one per process."""
        return [row.call_ratio for row in self.rows]

    @property
    def ratios_above_fixed(self) -> list[float] | None:
        """Ratio of the times above the fixed cost, second ÷ first, one per process.

        None if the sides run in different runtimes, or if the fixed cost is negligible or too
        large a share of a call.
        """
        told = NOTABLE_FIXED < self.fixed_share <= MOST_FIXED
        return ratios(self.rows) if told and self.first_runtime == self.pair.runtime else None

    def to_text(self) -> str:
        """Return the comparison as a table."""
        return _table(self)

    def to_json(self) -> dict[str, Any]:
        """Return the figures and the raw rows as JSON values."""
        above = self.ratios_above_fixed
        return {
            "sides": [
                {
                    "artifact": side.label,
                    "sha256": side.artifact.sha256,
                    "runtime": runtime,
                    **times_ns,
                }
                for side, runtime, times_ns in _sides(self)
            ],
            "threads": self.pair.threads,
            "batch": self.pair.batch,
            "call_ratio": _figure(self.call_ratios),
            "ratio_above_fixed": None if above is None else _figure(above),
            "fixed_ns": median(row.fixed_p50_ns for row in self.rows),
            "machine": self.machine,
            "rows": [asdict(row) for row in self.rows],
        }


def compare(
    first: Path,
    second: Path,
    runtimes: Sequence[str],
    threads: int,
    batch: int,
    processes: int,
    say: Callable[[str], None],
) -> Comparison:
    """Time two artifacts interleaved in one process, and repeat that in fresh processes.

    Args:
        first, second: bare files, or artifacts of bundles; may be the same file.
        runtimes: one runtime for both artifacts, or one for each; if empty, the usual runtime of
            each format.
        threads, batch: threads and examples per call, for both artifacts.
        processes: number of fresh processes; the load order alternates.
        say: receives the sessions' notes.

    Raises:
        BadInput: a path is not one artifact, or a runtime does not open it.
        EdgeaeError: a process gave no times; the subclass corresponds to the process's exit code.
    """
    pair, first_runtime = _pair(first, second, runtimes, threads, batch)
    rows = []
    with Progress(processes, "compare", "process") as progress:
        for number in range(processes):
            row = run_process(pair, number, number, baseline_runtime=first_runtime)
            if row.error is not None:
                raise _ERRORS.get(row.code, RuntimeCrashed)(row.error)
            rows.append(row)
            progress.advance(f"ratio {row.call_ratio:.3f}")
    for note in sorted({note for row in rows for note in row.notes}):
        say(note)
    return Comparison(pair, first_runtime, tuple(rows), describe())


_ERRORS: dict[int, type[EdgeaeError]] = {
    kind.code: kind for kind in (OutOfTolerance, BadInput, NotMeasured, ManifestMismatch)
}


def _pair(
    first: Path, second: Path, runtimes: Sequence[str], threads: int, batch: int
) -> tuple[Pair, str]:
    first_side, second_side = _only(first), _only(second)
    names = list(runtimes) or [USUAL[side.artifact.format] for side in (first_side, second_side)]
    names = names * 2 if len(names) == 1 else names
    for side, name in zip((first_side, second_side), names, strict=True):
        if side.artifact.format not in formats(name):
            raise BadInput(f"{side.path}: {name} opens only {', '.join(formats(name))}")
    return Pair(second_side, first_side, names[1], threads, batch), names[0]


def _only(path: Path) -> Side:
    artifacts = sides(path)
    if len(artifacts) != 1:
        held = ", ".join(side.path.name for side in artifacts)
        raise BadInput(f"{path}: name one of its artifacts ({held})")
    return artifacts[0]


def _sides(comparison: Comparison) -> list[tuple[Side, str, dict[str, float]]]:
    pair = comparison.pair
    assert pair.baseline is not None
    sides_of = ((pair.baseline, comparison.first_runtime), (pair.candidate, pair.runtime))
    p50_ns = (
        median(row.baseline_p50_ns for row in comparison.rows),
        median(row.candidate_p50_ns for row in comparison.rows),
    )
    return [
        (
            side,
            runtime,
            {
                "p50_ns": p50_ns[place],
                "load_ns": median(row.load_ns[place] for row in comparison.rows),
                "first_ns": median(row.first_ns[place] for row in comparison.rows),
                "bytes": side.artifact.bytes,
            },
        )
        for place, (side, runtime) in enumerate(sides_of)
    ]


def _table(comparison: Comparison) -> str:
    lines = [["", "artifact", "runtime", "p50", "load", "first", "size"]]
    for name, (side, runtime, times_ns) in zip("AB", _sides(comparison), strict=True):
        times = (duration(times_ns[key]) for key in ("p50_ns", "load_ns", "first_ns"))
        lines.append([name, side.label, runtime, *times, f"{times_ns['bytes']:,} B"])
    told_lines = [
        machine_line(comparison.machine),
        align(lines, left=3),
        f"B ÷ A {_ratio(comparison.call_ratios)} of whole calls, {len(comparison.rows)} processes, "
        "ABBA blocks interleaved in each",
    ]
    above = comparison.ratios_above_fixed
    if above is not None:
        fixed = duration(median(row.fixed_p50_ns for row in comparison.rows))
        told_lines.append(f"B ÷ A {_ratio(above)} above the fixed cost of a call, {fixed}")
    return "\n".join(told_lines)


def _figure(values: Sequence[float]) -> dict[str, float | None]:
    low, high = interval(values) or (None, None)
    return {"value": median(values), "low": low, "high": high}


def _ratio(values: Sequence[float]) -> str:
    reach = interval(values)
    if reach is None:
        return f"{median(values):.3f} (too few processes for an interval)"
    return f"{median(values):.3f} [{reach[0]:.3f}, {reach[1]:.3f}]"
