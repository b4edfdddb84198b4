"""The tables of a bench as text, with aligned columns and three significant digits."""

from collections.abc import Iterable, Sequence

from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration, size, throughput
from edgeae.text.columns import align
from edgeae.timing.board import render_board
from edgeae.timing.emulated_table import render_emulated
from edgeae.timing.pooled import Pooled, pool_all
from edgeae.timing.results import Result
from edgeae.timing.suite import FILE

_WHAT = ("model/recipe", "part", "runtime", "version", "thr", "batch")
_STEADY = ("p50", "fixed", "p90", "p99", "±95 %", "MAD", "examples", "size")
_COLD = ("start to answer", "import", "load", "first", "peak RSS")
_METHOD = (
    "p50, p90, p99 are per call, over blocks of calls lasting about 0.3 ms; ! means unsettled; "
    "±95 % needs one process or at least six. "
    "fixed is the time of a call before any arithmetic: part of p50, never subtracted."
)
_SOFTWARE = "software devices, emulated on the processor: valid for correctness, not for latency"


def render(rows: Sequence[Result]) -> str:
    """Return a bench's tables: times, software devices, cold starts, cores, boards, failures."""
    timed = sorted(
        pool_all(rows),
        key=lambda item: (item.row.model, item.row.part, item.row.batch, item.p50_ns),
    )
    real = [item for item in timed if not item.row.software]
    emulated = [item for item in timed if item.row.software]
    out = [machine_line(rows[0].machine)] if rows else []
    if real:
        out += [_steady(real), _METHOD, *_loop(real)]
    if emulated:
        out += ["", _SOFTWARE, _steady(emulated)]
    if timed:
        out += ["", "cold start", _cold([*real, *emulated]), ""]
    for counted in (render_emulated(rows), render_board(rows)):
        out += [*counted, ""] if counted else []
    out += [_failure(row) for row in rows if not row.measured]
    notes = (f"{row.runtime} on {row.flavour}: {row.note}" for row in rows if row.note)
    return "\n".join([*out, *dict.fromkeys(notes)]).rstrip("\n")


def _loop(items: Sequence[Pooled]) -> list[str]:
    """Return a line about the overhead of the loop around the calls, part of p50 and of fixed."""
    costs = [item.row.loop_ns for item in items if item.row.loop_ns is not None]
    if not costs:
        return []
    return [
        f"The loop around the calls adds {duration(max(costs))} to each call, in p50 and in fixed."
    ]


def _steady(items: Sequence[Pooled]) -> str:
    lines = align([[*_WHAT, *_STEADY], *(_steady_row(item) for item in items)], left=4).split("\n")
    out = [lines[0]]
    for line, item in zip(lines[1:], items, strict=True):
        out += [line, f"  {item.warning}"] if item.warning else [line]
    return "\n".join(out)


def _steady_row(item: Pooled) -> list[str]:
    unknown = "–" if item.processes > 1 else "?"
    spread = unknown if item.interval is None else f"{item.interval:.1%}"
    return [
        *_what(item.row),
        duration(item.p50_ns),
        "" if item.fixed_ns is None else duration(item.fixed_ns),
        duration(item.p90_ns),
        duration(item.p99_ns),
        spread + ("" if item.settled else "!"),
        "?" if not item.p50_ns else f"{item.mad_ns / item.p50_ns:.1%}",
        throughput(item.examples_per_s),
        size(item.row.bytes),
    ]


def _cold(items: Iterable[Pooled]) -> str:
    return align([[*_WHAT, *_COLD], *(_cold_row(item) for item in items)], left=4)


def _cold_row(item: Pooled) -> list[str]:
    spans = (item.start_ns, item.import_ns, item.load_ns, item.first_ns)
    memory = item.rss_peak_bytes
    return [
        *_what(item.row),
        *("" if span is None else duration(span) for span in spans),
        "unknown" if memory is None else f"{memory / 1e6:.0f} MB",
    ]


def _what(row: Result) -> list[str]:
    runtime = f"{row.runtime} on {row.device}" if row.software else row.runtime
    name = row.model if row.recipe == FILE else f"{row.model}/{row.recipe}"
    part = f"{row.part}.{row.format}"
    return [name, part, runtime, row.runtime_version, str(row.threads), str(row.batch)]


def _failure(row: Result) -> str:
    if not row.model:
        return f"{row.runtime}: {row.error}"
    how = [f"{row.threads} threads"] if row.threads != 1 else []
    how += [f"batch {row.batch}"] if row.batch != 1 else []
    where, part, *_ = _what(row)
    name = f"{where if row.recipe == FILE else f'{where} {part}'} on {row.runtime}"
    told = f" ({', '.join(how)})" if how else ""
    return f"{name}{told}: {row.error}"
