"""Format a gate's figures as text: values with units, and names without control characters."""

import math
from typing import TypeGuard

from edgeae.gate.finding import Figure
from edgeae.text.amounts import duration, size

#: Its square is the limit from which a number is shown with an exponent.
_PLAIN_BELOW = 1e9


def known(value: float | None) -> TypeGuard[float]:
    """Return whether a value is a finite number: not None, NaN or infinite."""
    return value is not None and math.isfinite(value)


def amount(value: float | None, unit: str) -> str:
    """Return a value with its unit: `45.6 µs`, `55,256 B`, `1.048`, `3 LSB`; empty for None."""
    if value is None:
        return ""
    # not finite, or larger than any time or file size: the unit's usual format does not apply
    if not math.isfinite(value) or abs(value) >= _PLAIN_BELOW**2:
        return f"{value:.3g} {unit}".rstrip(" ×")
    if unit == "ns":
        return duration(value)
    if unit == "B":
        return size(round(value))
    if unit == "×":
        return f"{value:.3f}"
    plain = f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
    return f"{plain} {unit}".rstrip()


def interval(figure: Figure) -> str:
    """Return a figure's 95 % confidence interval: `1.041–1.055`; empty for an exact figure."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{amount(figure.low, figure.unit)}–{amount(figure.high, figure.unit)}"


def printable(text: str) -> str:
    r"""Return text on one line, with control characters escaped, as in `\x1b`."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
