"""Format and parse values with units: `32k` bytes, `5us`, `1.23 µs`, `180 MHz`."""

import math
import re
from collections.abc import Sequence

from edgeae.errors import BadInput

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_RATES = ((1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s"))


def duration(nanoseconds: float | None) -> str:
    """Return a duration with three significant digits: `1.23 µs`, `45.6 ms`; empty for None.

    The unit is chosen after rounding, so that 999.7 µs is `1.00 ms`.
    """
    return "" if nanoseconds is None else _three_digits(nanoseconds, _UNITS)


def short_duration(nanoseconds: float) -> str:
    """Return a duration without zeros at its end: `10 µs`, `1.5 ms`."""
    value, unit = duration(nanoseconds).split()
    return f"{float(value):g} {unit}"


def clock_time(seconds: float) -> str:
    """Return a long duration as a clock tells it: `40 s`, `2 min 10 s`, `1 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        tens = round(whole / 10) * 10
        minutes, rest = divmod(tens, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def throughput(per_second: float) -> str:
    """Return a rate with three significant digits: `385 k/s`."""
    return _three_digits(per_second, _RATES)


def frequency(hertz: int | None) -> str:
    """Return a clock's frequency: `180 MHz`, `32.768 kHz`; empty for None."""
    if hertz is None:
        return ""
    scale, unit = (1e6, "MHz") if hertz >= 1e6 else (1e3, "kHz") if hertz >= 1e3 else (1, "Hz")
    return f"{hertz / scale:g} {unit}"


def ticks(count: float | None) -> str:
    """Return a counter's ticks: `46,051`, and below 100, with three digits: `3.42`; or empty."""
    if count is None:
        return ""
    return f"{count:.3g}" if count < 99.95 else f"{count:,.0f}"


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
    """Return a value as an axis label: `0.01`, `2e-5`."""
    text = f"{value:g}"
    return plain_exponent(text) if "e" in text else text


def plain_exponent(text: str) -> str:
    """Return a number's text without leading zeros in the exponent: `1.4e-04` → `1.4e-4`."""
    digits, _, exponent = text.partition("e")
    return f"{digits}e{int(exponent)}"


#: Unit → bytes. Sizes of flash memory are powers of two, so k is 1,024.
_BYTES = {"": 1, "b": 1, "k": 2**10, "kib": 2**10, "m": 2**20, "mib": 2**20}
_BYTES |= {"g": 2**30, "gib": 2**30}
_BYTES_ALLOWED = (
    "a number of bytes above 0, as 900, 32k, 1.5M or 8G; k is 1,024, M 1,024 k and G 1,024 M"
)
#: Unit → nanoseconds; the micro sign and the Greek letter look alike.
_DURATIONS = {"ns": 1, "us": 1e3, "\N{MICRO SIGN}s": 1e3, "\N{GREEK SMALL LETTER MU}s": 1e3}
_DURATIONS |= {"ms": 1e6, "s": 1e9}
_DURATIONS_ALLOWED = "a number above 0 with its unit: 800ns, 5us, 1.5ms"


def parse_bytes(option: str, text: str) -> int:
    """Return the bytes of an option's text; k and KiB are 1,024, M 1,024 k, and G 1,024 M.

    Raises:
        BadInput: the text is not a number of bytes, or is less than one byte.
    """
    amount = _amount(text.lower(), _BYTES)
    if amount is None or amount < 1:
        raise BadInput(f"{option} {text}: allowed is {_BYTES_ALLOWED}")
    return math.floor(amount)


def parse_duration(option: str, text: str) -> float:
    """Return the duration of an option's text, in ns.

    Raises:
        BadInput: the text is not a duration, has no unit, or is not above 0.
    """
    amount = _amount(text, _DURATIONS)
    if amount is None:
        raise BadInput(f"{option} {text}: allowed is {_DURATIONS_ALLOWED}")
    return amount


def _amount(text: str, units: dict[str, float] | dict[str, int]) -> float | None:
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?([^\d\s.]*)", text.strip(), re.ASCII)
    if match is None or match[2] not in units:
        return None
    amount = float(match[1]) * units[match[2]]
    return amount if 0 < amount < math.inf else None
