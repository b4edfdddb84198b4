"""Computes how many exports fit into this machine's memory at once."""

from collections.abc import Iterable

from edgeae.artifacts.model import Training
from edgeae.conversion.plan.work import BATCH, Work
from edgeae.recipe import Recipe
from edgeae.system.machine import cores

#: Resident memory of a child process in bytes, with TensorFlow 2.21 and its converters loaded.
_LOADED = 640_000_000
_FLOAT = 4


def need(recipe: Recipe, training: Training) -> int:
    """Return the bytes of resident memory that an export needs at its peak.

    `bench/conv_export.py` measures it. TensorFlow and the converters are most of it for a small
    model. Added are the test images as floats with their reconstructions, the weights, which the
    converter copies several times, and for fine-tuning the training images twice, as an array and
    as TensorFlow's constant, and the activations of a batch, which the gradient needs.
    """
    work = Work.of(training, recipe)
    images = _FLOAT * work.width * (3 * work.test + 2 * work.train + work.representative)
    weights = 6 * _FLOAT * work.parameters
    layers = _FLOAT * (work.activations or work.width)
    tape = 4 * BATCH * layers if recipe.fine_tunes else 0
    runs = 2 * 1000 * layers  # the original runs a thousand images at once
    return _LOADED + images + weights + tape + runs


def workers(asked: int | None, needs: Iterable[int], free: int | None) -> tuple[int, str]:
    """Return how many exports may run at once, and a message if that is fewer than asked.

    Args:
        asked: the number that the user asked for; None for the number of processors.
        needs: the memory of each export that is to be made, see `need`; not empty.
        free: free memory in bytes, from `edgeae.system.memory.available()`; None if not known.
    """
    counted = sorted(needs, reverse=True)
    wanted = min(cores() if asked is None else asked, len(counted))
    if free is None:
        return wanted, ""
    # whichever exports run at once, they need no more than the largest ones together
    fit = max(1, sum(sum(counted[: number + 1]) <= free for number in range(wanted)))
    if fit >= wanted:
        return wanted, ""
    note = (
        f"{fit} at once, not {wanted}: {free / 1e9:.1f} GB of memory are free, "
        f"and an export takes up to {counted[0] / 1e9:.1f} GB"
    )
    return fit, note if asked is not None else ""
