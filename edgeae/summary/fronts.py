"""Pareto fronts of each model's exports: loss against packed bytes, and against latency."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.metrics import pareto
from edgeae.runtimes import RUNTIMES
from edgeae.summary.exports import Export
from edgeae.summary.latency import Latency, p50_of

BYTES, LATENCY = "packed bytes", "latency"
#: Parts whose latency is compared: the first of them that was timed.
_PARTS = ("autoencoder", "encoder")
#: The runtime that measures the harness instead of the export.
_NULL = "null"


@dataclass(frozen=True)
class Point:
    """An export in a plot.

    Attributes:
        recipe: the recipe's name.
        cost: packed bytes of the autoencoder, or p50 in nanoseconds.
        ratio: loss ÷ the reference's loss.
        best: whether the export is on the front: no other export dominates it.
        knee: whether the export is the front's knee; see `edgeae.metrics.pareto`.
    """

    recipe: str
    cost: float
    ratio: float
    best: bool
    knee: bool


@dataclass(frozen=True)
class Front:
    """The exports of one model against one cost.

    Attributes:
        model: the model's name.
        cost: `packed bytes` or `latency`.
        part, runtime: the timed part and its runtime; with packed bytes, `autoencoder` and ''.
        machine: index of the machine in `Latency.machines`: the figures of a front are those of one
            machine; None with packed bytes.
        points: in ascending order of cost.
    """

    model: str
    cost: str
    part: str
    runtime: str
    machine: int | None
    points: tuple[Point, ...]


def fronts(exports: Sequence[Export], measured: Latency) -> tuple[Front, ...]:
    """Return the fronts of each model that have at least two points."""
    found = []
    for model in dict.fromkeys(export.model for export in exports):
        own = [item for item in exports if item.model == model and _ratio(item)]
        sizes = [(item, item.packed) for item in own]
        found.append(_front(model, BYTES, "autoencoder", "", None, sizes))
        part, runtime, machine = _timed(own, measured)
        durations = []
        for item in own:
            timing = p50_of(measured.timings, model, item.recipe, part, runtime, machine)
            durations.append((item, None if timing is None else timing.p50_ns))
        found.append(_front(model, LATENCY, part, runtime, machine, durations))
    return tuple(item for item in found if len(item.points) > 1)


def _front(
    model: str,
    cost: str,
    part: str,
    runtime: str,
    machine: int | None,
    costs: Sequence[tuple[Export, float | None]],
) -> Front:
    held = [(item.recipe, value, _ratio(item)) for item, value in costs if value]
    held.sort(key=lambda point: point[1:])
    places = [point[1:] for point in held]
    best = pareto.front(places)
    knee = pareto.knee([places[place] for place in best])
    at = None if knee is None else best[knee]
    points = (Point(*point, n in best, n == at) for n, point in enumerate(held))
    return Front(model, cost, part, runtime, machine, tuple(points))


def _ratio(export: Export) -> float:
    return export.figure("yardstick_ratio") or 0.0


def _timed(own: Sequence[Export], measured: Latency) -> tuple[str, str, int | None]:
    """Return the part, the runtime and the machine with the most timed exports of a model."""
    recipes = {item.recipe: item.model for item in own}
    for part in _PARTS:
        counts = Counter(
            (runtime, machine)
            for recipe, runtime, machine in dict.fromkeys(
                (item.recipe, item.runtime, item.machine)
                for item in measured.timings
                if recipes.get(item.recipe) == item.model
                and (item.part, item.batch) == (part, 1)
                and item.runtime != _NULL
                and not item.software
            )
        )
        if counts:
            order = list(RUNTIMES)
            names = {runtime for runtime, _ in counts}
            rank = {name: -order.index(name) if name in order else -len(order) for name in names}
            runtime, machine = max(
                counts, key=lambda item: (counts[item], rank[item[0]], item[0], -item[1])
            )
            return part, runtime, machine
    return _PARTS[0], "", None
