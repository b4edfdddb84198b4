"""Results as text: aligned columns, three significant digits whatever the unit."""

import math
from collections.abc import Sequence

from edgeae.columns import align
from edgeae.timing.bench import Result
from edgeae.timing.statistics import median_interval, percentile

__all__ = ["duration", "machine_line", "render", "size"]

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def duration(nanoseconds: float) -> str:
    """Return a duration with three significant digits: `1.23 µs`, `45.6 ms`.

    The unit is chosen after rounding, so that 999.7 µs is `1.00 ms`.
    """
    rounded = float(f"{nanoseconds:.3g}")
    size_ns, unit = next((item for item in _UNITS if rounded >= item[0]), _UNITS[-1])
    value = rounded / size_ns
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def size(count: int) -> str:
    """Return a number of bytes with thousands separators: `55,256 B`."""
    return f"{count:,} B"


def machine_line(machine: dict[str, object]) -> str:
    """Return one line that says what machine the figures are from."""
    gigabytes = int(str(machine["memory_bytes"])) / 2**30
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {gigabytes:.0f} GiB, {machine['system']}, "
        f"Python {machine['python']}, load {machine['load_average']}"
    )


def render(rows: Sequence[Result]) -> str:
    """Return the table of a bench: timed rows by model, part and median; then what is absent."""
    timed = [row for row in rows if row.samples_ns]
    failed = [row for row in rows if not row.samples_ns]
    out = []
    if rows:
        out.append(machine_line(rows[0].machine))
    if timed:
        header = ["model/recipe", "part", "runtime", "version", "thr"]
        header += ["p50", "p90", "p99", "±95 %", "load", "first", "RSS", "size"]
        timed.sort(key=lambda row: (row.model, row.part, _per_call(row, 0.5)))
        out.append(align([header, *(_line(row) for row in timed)], left=4))
        out.append("p50, p90, p99 are over blocks of calls lasting about 0.3 ms; ! means unsettled")
    for row in failed:
        what = f"{row.model}/{row.recipe} {row.part}.{row.format} on " if row.model else ""
        out.append(f"{what}{row.runtime}: {row.error}")
    notes = dict.fromkeys(
        f"{row.runtime} on {row.flavour}: {row.note}" for row in timed if row.note
    )
    return "\n".join([*out, *notes])


def _per_call(row: Result, share: float) -> float:
    return percentile(row.samples_ns, share) / (row.block or 1)


def _line(row: Result) -> list[str]:
    low, high = median_interval(row.samples_ns)
    middle = percentile(row.samples_ns, 0.5)
    spread = (high - low) / 2 / middle if middle else math.inf
    return [
        f"{row.model}/{row.recipe}",
        f"{row.part}.{row.format}",
        row.runtime,
        row.runtime_version,
        str(row.threads),
        *(duration(_per_call(row, share)) for share in (0.5, 0.9, 0.99)),
        f"{spread:.1%}" + ("" if row.settled else "!"),
        duration(row.load_ns or 0),
        duration(row.first_ns or 0),
        f"{(row.rss_peak_bytes or 0) / 1e6:.0f} MB" if row.rss_peak_bytes else "unknown",
        size(row.bytes),
    ]
