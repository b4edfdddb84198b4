"""Amounts as people read them: three significant digits whatever the unit."""

from collections.abc import Sequence

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_RATES = ((1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s"))


def duration(nanoseconds: float) -> str:
    """Return a duration with three significant digits: `1.23 µs`, `45.6 ms`.

    The unit is chosen after rounding, so that 999.7 µs is `1.00 ms`.
    """
    return _three_digits(nanoseconds, _UNITS)


def throughput(per_second: float) -> str:
    """Return a rate with three significant digits: `385 k/s`."""
    return _three_digits(per_second, _RATES)


def _three_digits(amount: float, units: Sequence[tuple[float, str]]) -> str:
    rounded = float(f"{amount:.3g}")
    scale, unit = next((item for item in units if rounded >= item[0]), units[-1])
    value = rounded / scale
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def size(count: int) -> str:
    """Return a number of bytes with thousands separators: `55,256 B`."""
    return f"{count:,} B"


def plain(value: float) -> str:
    """A value for an axis: `0.01`, `2e-5`."""
    text = f"{value:g}"
    return plain_exponent(text) if "e" in text else text


def plain_exponent(text: str) -> str:
    """`1.4e-04` → `1.4e-4`."""
    digits, _, exponent = text.partition("e")
    return f"{digits}e{int(exponent)}"
