"""Time and share of each operator of an artifact in a runtime."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, about
from edgeae.formats.opening import file_format
from edgeae.runtimes import RUNTIMES, USUAL, formats
from edgeae.system import children
from edgeae.text.amounts import duration
from edgeae.text.columns import align

#: Runtimes that report no times of operators → the reason.
_SILENT = {
    "null": "it has no operators",
    "onnxruntime-cuda": "its operators still run when its profile is written",
}
#: Longest time, in seconds, for opening, calibrating and reading, in addition to the timing.
_OVERHEAD_S = 300.0
_COLUMNS = ("", "operator", "output", "MACs", "time", "±95 %", "share")


@dataclass(frozen=True)
class OperatorTime:
    """One operator, in execution order.

    Attributes:
        name: name of the operator; in onnxruntime, of the operator in the optimized graph.
        shape: shape of the first output.
        macs: multiply-accumulates of one inference.
        time_ns: time of one call, in ns; None if it cannot be separated from the next operator's.
            A difference of prefixes may be negative, if the engine fuses the operator or the time
            is below the resolution.
        low_ns, high_ns: 95 % interval of `time_ns`; None if `time_ns` is not a median of
            differences.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    time_ns: float | None
    low_ns: float | None = None
    high_ns: float | None = None


@dataclass(frozen=True)
class Profile:
    """The times of all operators of an artifact.

    Attributes:
        path: the artifact.
        runtime, runtime_version, device, threads: the runtime and its settings.
        operators: one row per operator.
        whole_ns: a whole call of the session, timed without profiling, in ns.
        fixed_ns: a call of the passthrough model, in ns, which `whole_ns` includes.
        floor_ns: time that the profile reports for an operator that does nothing, in ns, which each
            operator's time includes.
        rounds: number of times that each operator was timed.
        method: description of the method.
        notes: notes for the reader about single operators.
    """

    path: str
    runtime: str
    runtime_version: str
    device: str
    threads: int
    operators: tuple[OperatorTime, ...]
    whole_ns: float
    fixed_ns: float
    floor_ns: float
    rounds: int
    method: str
    notes: tuple[str, ...]

    @property
    def sum_ns(self) -> float:
        """Sum of all operators' times in ns, including negative differences."""
        return sum(row.time_ns or 0.0 for row in self.operators)

    @property
    def shares(self) -> list[float | None]:
        """Each operator's share of the time above the floor; None for a negative difference."""
        above = [
            None if row.time_ns is None else max(0.0, row.time_ns - self.floor_ns)
            for row in self.operators
        ]
        total = sum(part or 0.0 for part in above)
        return [None if part is None or not total else part / total for part in above]

    def to_json(self) -> dict[str, Any]:
        """Return the profile as JSON values, with `share` in each row and with `sum_ns`."""
        table = asdict(self) | {"sum_ns": self.sum_ns, "notes": list(self.notes)}
        table["operators"] = [
            asdict(row) | {"shape": list(row.shape), "share": share}
            for row, share in zip(self.operators, self.shares, strict=True)
        ]
        return table


def choose_runtime(path: Path, runtime: str | None = None) -> str:
    """Return the runtime that profiles a file: the named runtime, or the format's usual one.

    Raises:
        BadInput: the file is not an artifact, or the runtime does not exist or cannot profile it.
    """
    form = file_format(path)
    if runtime is None:
        return USUAL[form]
    can = [n for n, entry in RUNTIMES.items() if form in entry.formats and not _silent(n)]
    if form not in formats(runtime) or _silent(runtime):
        why = _silent(runtime) or f"it does not open .{form}"
        raise BadInput(f"{path}: no profile on {runtime}: {why}; allowed are {', '.join(can)}")
    return runtime


def _silent(runtime: str) -> str:
    """Return why a runtime reports no times of operators; empty if it does."""
    entry = RUNTIMES[runtime]
    if entry.named_only:
        return "a board counts whole calls" if entry.on_line else "an emulated core takes no times"
    return _SILENT.get(runtime, "")


def profile(path: Path, runtime: str | None, threads: int, seconds: float) -> Profile:
    """Time each operator of an artifact in a child process.

    Args:
        path: a `.tflite` or `.onnx` file.
        runtime: name of the runtime; None for the format's usual runtime.
        threads: threads of the engine.
        seconds: duration of the timing.

    Raises:
        BadInput: the file or the runtime does not exist, or the runtime does not open the file.
        NotMeasured: the engine is absent, or would leave the model to another engine.
        RuntimeCrashed: the engine crashed or hung.
    """
    chosen = choose_runtime(path, runtime)
    job = {"path": str(path), "runtime": chosen, "threads": threads, "seconds": seconds}
    with about(path):
        (found,) = children.run(
            "edgeae.timing.operator_worker", job, timeout_s=10 * seconds + _OVERHEAD_S
        )
    rows = tuple(OperatorTime(**{**row, "shape": tuple(row["shape"])}) for row in found.pop("rows"))
    method = found.pop("method").format(rounds=f"{found['rounds']:,}")
    return Profile(
        path=str(path),
        runtime=chosen,
        threads=threads,
        operators=rows,
        method=method,
        **{"floor_ns": 0.0, **found, "notes": tuple(found["notes"])},
    )


def render(found: Profile) -> str:
    """Return the profile as text: the table, the total, the notes and the method."""
    rows = zip(found.operators, found.shares, strict=True)
    table = [_COLUMNS, *(_line(place, *row) for place, row in enumerate(rows))]
    lines = [
        f"{found.path} on {found.runtime} {found.runtime_version}, {_threads(found.threads)}",
        align(_widest_left(table), left=3),
        _total(found),
        *(f"note: {note}" for note in (*found.notes, *_negative(found.operators))),
        f"method: {found.method}",
    ]
    return "\n".join(lines)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _widest_left(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """Right-align the numbers of the first column, which `align` would align left."""
    width = max(len(row[0]) for row in table)
    return [[row[0].rjust(width), *row[1:]] for row in table]


def _line(place: int, row: OperatorTime, share: float | None) -> list[str]:
    shape = "×".join(map(str, row.shape)) or "scalar"
    told = "" if share is None else f"{share:.1%}"
    return [str(place), row.name, shape, f"{row.macs:,}", _time(row), _interval(row), told]


def _time(row: OperatorTime) -> str:
    if row.time_ns is None:
        return "–"
    return duration(row.time_ns) if row.time_ns > 0 else "~0"


def _interval(row: OperatorTime) -> str:
    if row.low_ns is None or row.high_ns is None:
        return ""
    return duration((row.high_ns - row.low_ns) / 2)


def _total(found: Profile) -> str:
    whole, fixed = duration(found.whole_ns), duration(found.fixed_ns)
    every = duration(max(0.0, found.sum_ns))
    if not found.floor_ns:
        added = duration(max(0.0, found.fixed_ns + found.sum_ns))
        return f"total: operators {every} + fixed {fixed} = {added}; a whole call takes {whole}"
    above = duration(max(0.0, found.sum_ns - found.floor_ns * len(found.operators)))
    return (
        f"total: operators {every} in the profile, {above} above its floor of "
        f"{duration(found.floor_ns)} each; without profiling a whole call takes {whole}, of which "
        f"{fixed} fixed (one operator that only copies the model's input to its output)"
    )


def _negative(rows: Sequence[OperatorTime]) -> list[str]:
    return [
        f"operator {place}: {row.name} measured {row.time_ns:+.0f} ns; the engine fuses it with "
        "another operator, or its time is below the resolution"
        for place, row in enumerate(rows)
        if row.time_ns is not None and row.time_ns <= 0
    ]
