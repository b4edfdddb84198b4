"""Two artifacts, or two runtimes, side by side: figures, and no verdict."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from edgeae.columns import align
from edgeae.errors import BadInput, NotMeasured, RuntimeCrashed
from edgeae.gate.judging import run_process
from edgeae.gate.rows import MOST_FIXED, NOTABLE_FIXED, PairRow
from edgeae.gate.sequential import interval
from edgeae.gate.sides import Pair, Side, sides
from edgeae.gate.verdict import ratios
from edgeae.machine import describe
from edgeae.progress import Progress
from edgeae.runtimes import USUAL, formats
from edgeae.timing.table import duration, machine_line

__all__ = ["compare"]


def compare(
    first: Path,
    second: Path,
    runtimes: Sequence[str],
    threads: int,
    batch: int,
    processes: int,
    say: Callable[[str], None],
) -> str:
    """Time two artifacts interleaved in one process, in several fresh ones; return a table.

    Args:
        first, second: bare files, or artifacts of bundles; the same one for two runtimes.
        runtimes: of both; or of the first and of the second; the usual ones where there is none.
        threads, batch: of both.
        processes: how many; load order alternates.
        say: told of what both sessions have to say.

    Raises:
        BadInput: a path is not one artifact, or a runtime does not open it.
        NotMeasured, RuntimeCrashed: a process gave no times.
    """
    pair, first_runtime = _pair(first, second, runtimes, threads, batch)
    rows = []
    with Progress(processes, "compare", "process") as progress:
        for number in range(processes):
            row = run_process(pair, number, number, baseline_runtime=first_runtime)
            if row.error is not None:
                raise (RuntimeCrashed if row.code == RuntimeCrashed.code else NotMeasured)(
                    row.error
                )
            rows.append(row)
            progress.advance(f"ratio {row.call_ratio:.3f}")
    for note in sorted({note for row in rows for note in row.notes}):
        say(note)
    return _table(pair, first_runtime, rows)


def _pair(
    first: Path, second: Path, runtimes: Sequence[str], threads: int, batch: int
) -> tuple[Pair, str]:
    one, other = _only(first), _only(second)
    names = list(runtimes) or [USUAL[side.artifact.format] for side in (one, other)]
    names = names * 2 if len(names) == 1 else names
    for side, name in zip((one, other), names, strict=True):
        if side.artifact.format not in formats(name):
            raise BadInput(f"{side.path}: {name} opens {', '.join(formats(name))} alone")
    return Pair(other, one, names[1], threads, batch), names[0]


def _only(path: Path) -> Side:
    found = sides(path)
    if len(found) != 1:
        held = ", ".join(side.path.name for side in found)
        raise BadInput(f"{path}: name one of its artifacts ({held})")
    return found[0]


def _table(pair: Pair, first_runtime: str, rows: Sequence[PairRow]) -> str:
    assert pair.baseline is not None
    lines = [["", "artifact", "runtime", "p50", "load", "first", "size"]]
    lines += [
        _line("A", pair.baseline, first_runtime, [row.baseline_p50_ns for row in rows], rows, 0),
        _line("B", pair.candidate, pair.runtime, [row.candidate_p50_ns for row in rows], rows, 1),
    ]
    told = [
        machine_line(describe()),
        align(lines, left=3),
        f"B ÷ A {_ratio([row.call_ratio for row in rows])} of whole calls, "
        f"{len(rows)} processes, ABBA blocks interleaved in each",
    ]
    share = median(row.fixed_share for row in rows)
    if first_runtime == pair.runtime and NOTABLE_FIXED < share <= MOST_FIXED:
        told.append(
            f"B ÷ A {_ratio(ratios(rows))} above the fixed cost of a call, "
            f"{duration(median(row.fixed_p50_ns for row in rows))}"
        )
    return "\n".join(told)


def _line(
    name: str,
    side: Side,
    runtime: str,
    p50_ns: Sequence[float],
    rows: Sequence[PairRow],
    place: int,
) -> list[str]:
    return [
        name,
        side.label,
        runtime,
        duration(median(p50_ns)),
        duration(median(row.load_ns[place] for row in rows)),
        duration(median(row.first_ns[place] for row in rows)),
        f"{side.artifact.bytes:,} B",
    ]


def _ratio(ratios: Sequence[float]) -> str:
    found = interval(ratios)
    if found is None:
        return f"{median(ratios):.3f} (too few processes for an interval)"
    return f"{median(ratios):.3f} [{found[0]:.3f}, {found[1]:.3f}]"
