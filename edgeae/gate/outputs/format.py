"""Figures of a gate as text: amounts in their units, and names that cannot break a line."""

import math
from typing import TypeGuard

from edgeae.gate.finding import Figure
from edgeae.text.amounts import duration, size

#: Above this a number is told by its exponent.
_PLAIN_BELOW = 1e9


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number: neither None nor NaN nor infinite."""
    return value is not None and math.isfinite(value)


def amount(value: float | None, unit: str) -> str:
    """Return a value in its unit: `45.6 µs`, `55,256 B`, `1.048`, `3 LSB`; empty for None."""
    if value is None:
        return ""
    # what is no number, or no reading of a clock or of a file, has no layout of its own
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
    r"""Return text as one line that ends no cell, tag or colour: a control character is `\x1b`."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
