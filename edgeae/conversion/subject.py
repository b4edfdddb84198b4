"""What is converted: a model's data, its original made ready, and the parts cut out of it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeae import data
from edgeae.artifacts.model import Training
from edgeae.compression.folding import fold
from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tflite import convert as tflite
from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph
from edgeae.originals.original import Original, from_keras
from edgeae.recipe import Recipe


def dataset_of(training: Training) -> Dataset:
    """Load the dataset that a model was trained on.

    Raises:
        BadInput: what is there now is another one.
    """
    dataset = data.load(
        training.data,
        normalization=Normalization(**training.normalization),
        train=training.train_data,
    )
    if dataset.sha256 != training.dataset["sha256"]:
        raise BadInput(
            f"dataset {training.data}: sha256 {dataset.sha256[:12]}…, "
            f"{training.model} was trained on {training.dataset['sha256'][:12]}…"
        )
    return dataset


def folded(original: Original, training: Training) -> Original:
    """Fold batch normalisation before anything else: QAT and pruning know none, TFLite some."""
    if original.model is None:
        return original
    model = fold(original.model, keep={training.code_layer})
    return original if model is original.model else from_keras(model, training.code_layer)


def cut_original(
    subject: Original,
    recipe: Recipe,
    chosen: NDArray[np.float32] | None,
    bounds: tuple[float, float] | None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Graph]:
    """Convert and cut; with a fence at the code where the converter moved arithmetic over it.

    Args:
        subject: what to convert.
        recipe: how.
        chosen: the representative images, where the recipe calibrates.
        bounds: the least and largest real value of an input, where that is known.
        say: told what the integers of each layer keep of the original's weights, a line each.

    Raises:
        BadInput: see `tflite.convert` and `cut_parts`; and OutOfTolerance.
    """
    made = tflite.convert(subject, recipe, chosen)
    try:
        parts = cut_parts(made.graph, recipe, bounds, made.kept)
    except BadInput:
        # the original itself can be cut there, or it could not have been opened
        made = tflite.convert(subject, recipe, chosen, fenced=True)
        parts = cut_parts(made.graph, recipe, bounds, made.kept)
    for line in filter(None, (item.to_text() for item in made.kept)):
        say(line)
    return parts
