"""How many exports fit into this machine's memory at once."""

import os
from collections.abc import Iterable

from edgeae.recipe import Recipe

#: Private memory of a child at its peak, bytes, measured with MNIST under TensorFlow 2.21: 630 to
#: 770 MB where it converts, 1280 MB where it fine-tunes.
CONVERTS = 800_000_000
FINE_TUNES = 1_400_000_000


def need(recipe: Recipe) -> int:
    """Return the memory that an export takes, bytes."""
    return FINE_TUNES if recipe.fine_tunes else CONVERTS


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers(asked: int | None, recipes: Iterable[Recipe], free: int | None) -> tuple[int, str]:
    """Return how many exports may run at once, and what to say if it is fewer than asked.

    Args:
        asked: by the user; None for as many as there are processors.
        recipes: of the exports that are to be made, one each; not empty.
        free: `edgeae.system.memory.available()`.
    """
    needs = [need(recipe) for recipe in recipes]
    wanted = min(cores() if asked is None else asked, len(needs))
    if free is None:
        return wanted, ""
    fit = max(1, free // max(needs))
    if fit >= wanted:
        return wanted, ""
    told = (
        f"{fit} at once, not {wanted}: {free / 1e9:.1f} GB of memory are free, "
        f"and an export takes up to {max(needs) / 1e9:.1f} GB"
    )
    return fit, told if asked is not None else ""
