"""Computes how many exports fit into this machine's memory at once."""

from collections.abc import Iterable

from edgeae.artifacts.model import Training, images_at_once
from edgeae.conversion.plan.work import BATCH, Work
from edgeae.recipe import Recipe
from edgeae.system.machine import cores

#: Resident memory of a child process in bytes, with TensorFlow 2.21 loaded, and what the converters
#: add; and what the compiled steps of a fine-tuning add.
_LOADED, _COMPILED = 740_000_000, 300_000_000
_FLOAT = 4
#: Copies of the test images as floats: real, reconstructed, as errors in float64, ….
_TESTED = 8
#: Copies of the weights: Keras, the converters and their graphs.
_WEIGHTS = 8


def need(recipe: Recipe, training: Training) -> int:
    """Return the bytes of resident memory that an export needs at its peak.

    `bench/conv_export.py` compares it with what was measured. TensorFlow and the converters are
    most of it for a small model. The rows of the data are held as they are stored and as floats;
    fine-tuning holds the training rows once more, as TensorFlow's constant, and the activations of
    a batch, of which it needs the gradients.
    """
    work = Work.of(training, recipe)
    # stored pixels have one byte each, and become 0…1
    stored = 1 if training.normalization["scale"] == 1 / 255 else _FLOAT
    rows = work.width * (stored * (work.train + work.test) + _FLOAT * _TESTED * work.test)
    if recipe.calibrates or recipe.fine_tunes:
        rows += _FLOAT * work.width * work.train
    values = work.activations or 2 * work.width
    at_once = images_at_once(training.input_shape)
    tuned = 0
    if recipe.fine_tunes:
        tuned = _COMPILED + _FLOAT * (work.width * work.train + 4 * BATCH * values)
    weights = _WEIGHTS * _FLOAT * work.parameters
    return _LOADED + rows + weights + _FLOAT * at_once * values + tuned


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
