"""The axes of a sweep: which of them the grid varies, the levels of each, and a cell's level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeae.sweep.result import Sweep, SweepCell

#: Name of an axis → its key in `[grid]`, in the order in which they are shown.
AXES = {
    "data": "data",
    "family": "families",
    "code": "codes",
    "hidden": "hidden",
    "activation": "activations",
    "recipe": "recipes",
    "seed": "seeds",
}
#: Axes whose levels are numbers, shown in ascending order; the others are in the grid's order.
_NUMBERS = ("code", "seed")
#: The level of a cell whose value the family's rule chose for the rows; that of no hidden layer.
_BY_RULE, _NONE = "by rule", "none"


@dataclass(frozen=True)
class Axis:
    """An axis that the grid varies.

    Attributes:
        name: a key of `AXES`.
        levels: its levels among the cells, at least two, in the order in which they are shown.
    """

    name: str
    levels: tuple[str, ...]


def varied(sweep: Sweep) -> tuple[Axis, ...]:
    """Return the axes with several values in the grid and several levels among the cells."""
    axes = (_axis(name, sweep) for name, key in AXES.items() if _has_several(sweep, key))
    return tuple(axis for axis in axes if len(axis.levels) > 1)


def _has_several(sweep: Sweep, key: str) -> bool:
    values = sweep.grid.get(key)
    return isinstance(values, list) and len(values) > 1


def _axis(name: str, sweep: Sweep) -> Axis:
    levels = list(dict.fromkeys(level(cell, name) for cell in sweep.cells))
    if name in _NUMBERS:
        # one that is no number stands first
        levels.sort(key=lambda text: int(text) if text != _BY_RULE else -1)
    return Axis(name, tuple(levels))


def level(cell: SweepCell, name: str) -> str:
    """Return a cell's level on an axis: `deep`, `8`, `128,64`, `none`, or `by rule`."""
    value: object = getattr(cell, name)
    if value is None:
        return _BY_RULE
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or _NONE
    return str(value)


#: Axis → how a short name writes its levels, as the names of models do.
_SHORT: dict[str, Callable[[str], str]] = {
    "code": lambda text: f"c{text}",
    "hidden": lambda text: "h" + text.replace(",", "x"),
    "seed": lambda text: f"s{text}",
}


def short_name(cell: SweepCell, axes: Sequence[Axis]) -> str:
    """Return what distinguishes a cell from others on the same data: `deep c8 int8`."""
    names = [axis.name for axis in axes if axis.name != "data"]
    words = [_SHORT.get(name, str)(level(cell, name)) for name in names]
    return " ".join(words) or cell.recipe
