"""The subject of a conversion: its data, its folded original, its parts and their loss."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae import data
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import Training
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.compression.folding import fold
from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tflite import convert as tflite
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.formats import describe
from edgeae.formats.tflite.graph import Graph, write
from edgeae.metrics.loss import image_losses
from edgeae.originals.learned_ranges import with_ranges
from edgeae.originals.original import Original, from_keras
from edgeae.recipe import Recipe
from edgeae.runtimes.inference import prepare, real
from edgeae.runtimes.reference import run_as_reference

_PART = "autoencoder"


def dataset_of(training: Training) -> Dataset:
    """Return the dataset that a model was trained on.

    Raises:
        BadInput: the data has changed since the training.
    """
    dataset = data.load_recorded(training)
    if dataset.sha256 != training.dataset["sha256"]:
        raise BadInput(
            f"dataset {training.data}: sha256 {dataset.sha256[:12]}…, "
            f"{training.model} was trained on {training.dataset['sha256'][:12]}…"
        )
    return dataset


def folded(original: Original, training: Training) -> Original:
    """Return the original with batch normalisation folded.

    This comes before all other steps: QAT and pruning do not support batch normalisation, and
    TFLite folds only some of it.
    """
    if original.model is None:
        return original
    model = fold(original.model, keep={training.code_layer})
    return original if model is original.model else from_keras(model, training.code_layer)


def subject_of(original: Original, training: Training, recipe: Recipe) -> Original:
    """Return what a recipe converts: the folded original, or one that rounds to learned ranges."""
    ranges = training.ranges
    if ranges is None or not recipe.keeps_ranges:
        return folded(original, training)
    # not folded: the ranges are those of kernels before normalisation is folded into them
    return with_ranges(original.model, training.code_layer, ranges)


def cut_original(
    subject: Original,
    recipe: Recipe,
    chosen: NDArray[np.float32] | None,
    bounds: tuple[float, float] | None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Graph]:
    """Convert an original and return part → graph.

    If the converter moves arithmetic across the code, so that the graph cannot be cut there, the
    original is converted again with a barrier at the code.

    Args:
        subject: the original to convert.
        recipe: the recipe of the conversion.
        chosen: the representative images; None if the recipe does not calibrate.
        bounds: the least and largest real value of an input; None if they are not known.
        say: receives one line per layer whose integers keep zeros or values of the original.

    Raises:
        BadInput: see `tflite.convert` and `cut_parts`.
        OutOfTolerance: see `tflite.convert` and `cut_parts`.
    """
    made = tflite.convert(subject, recipe, chosen)
    if subject.rounds:  # its training saw the images, and learned the range of the input from them
        bounds = None
    try:
        parts = cut_parts(made.graph, recipe, bounds, made.kept)
    except BadInput:
        # the original can be cut at the code (otherwise it could not have been opened), so the
        # converter moved arithmetic across the code
        made = tflite.convert(subject, recipe, chosen, fenced=True)
        parts = cut_parts(made.graph, recipe, bounds, made.kept)
    for line in filter(None, (item.to_text() for item in made.kept)):
        say(line)
    return parts


def judge(
    parts: dict[str, Graph], images: NDArray[np.float32]
) -> tuple[Artifact, NDArray[np.float64]]:
    """Return the description of the autoencoder, and the MSE of each image, float64 (n,).

    The autoencoder is in no bundle; the reference kernels run it.

    Args:
        parts: result of `cut_original`.
        images: (n, …) real values.
    """
    content = write(parts[_PART])
    artifact = describe.tflite(_PART, content, f"{_PART}.tflite")
    program = VerifiedArtifact(artifact, content, Path(artifact.path))
    outputs = run_as_reference(program, prepare(artifact, images))
    return artifact, image_losses(real(artifact, outputs), images)
