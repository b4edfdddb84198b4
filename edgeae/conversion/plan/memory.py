"""Computes how many exports fit into this machine's memory at once."""

from collections.abc import Iterable

from edgeae.recipe import Recipe
from edgeae.system.machine import cores

#: Peak private memory of a child process in bytes, from measurements with MNIST and TensorFlow
#: 2.21: 630 to 770 MB if it converts, 1280 MB if it fine-tunes.
CONVERTS = 800_000_000
FINE_TUNES = 1_400_000_000


def need(recipe: Recipe) -> int:
    """Return the bytes of memory that an export needs."""
    return FINE_TUNES if recipe.fine_tunes else CONVERTS


def workers(asked: int | None, recipes: Iterable[Recipe], free: int | None) -> tuple[int, str]:
    """Return how many exports may run at once, and a message if that is fewer than asked.

    Args:
        asked: the number that the user asked for; None for the number of processors.
        recipes: the recipe of each export that is to be made; not empty.
        free: free memory in bytes, from `edgeae.system.memory.available()`; None if not known.
    """
    needs = [need(recipe) for recipe in recipes]
    wanted = min(cores() if asked is None else asked, len(needs))
    if free is None:
        return wanted, ""
    fit = max(1, free // max(needs))
    if fit >= wanted:
        return wanted, ""
    note = (
        f"{fit} at once, not {wanted}: {free / 1e9:.1f} GB of memory are free, "
        f"and an export takes up to {max(needs) / 1e9:.1f} GB"
    )
    return fit, note if asked is not None else ""
