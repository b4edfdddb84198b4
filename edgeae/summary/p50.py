"""The one p50 of an export in a runtime, among all that were measured."""

from collections.abc import Iterable

from edgeae.summary.latency import Timing


def p50_ns(
    timings: Iterable[Timing], model: str, recipe: str, part: str, runtime: str
) -> float | None:
    """Return the median duration of a call on one example; None where it was not measured.

    Of several it is that with the fewest threads, on the slowest machine: what holds there, holds.
    Software devices do not count.
    """
    what = (model, recipe, part, runtime, 1)
    found = [
        item
        for item in timings
        if (item.model, item.recipe, item.part, item.runtime, item.batch) == what
        and item.p50_ns
        and not item.software
    ]
    fewest = min((item.threads for item in found), default=0)
    return max((item.p50_ns for item in found if item.threads == fewest), default=None)
