"""What an export has to compute, from which its time and its memory are estimated."""

import math
from dataclasses import dataclass

from edgeae.artifacts.model import Training
from edgeae.recipe import Recipe

#: Images of one training step of a fine-tuning.
BATCH = 128


@dataclass(frozen=True)
class Work:
    """The amounts that determine the time and the memory of an export.

    Attributes:
        macs: multiply-accumulates of one inference of the model; None if they are not known.
        activations: values that its layers output for one image; None if they are not known.
        parameters: number of weights.
        width: values of one image.
        test: number of test images, on which the loss is measured.
        train: number of training and validation images.
        representative: number of images that calibrate; 0 without calibration.
        steps: training steps of the recipe; its control takes as many again.
    """

    macs: int | None
    activations: int | None
    parameters: int
    width: int
    test: int
    train: int
    representative: int
    steps: int

    @classmethod
    def of(cls, training: Training, recipe: Recipe) -> "Work":
        """Return the work of an export of a model under a recipe."""
        sizes = training.dataset
        return cls(
            macs=training.macs or None,
            activations=training.activations or None,
            parameters=training.parameters,
            width=math.prod(training.input_shape),
            test=sizes.get("test", 0),
            train=sizes.get("train", 0) + sizes.get("validation", 0),
            representative=recipe.representative if recipe.calibrates else 0,
            steps=sum(settings.steps for settings in recipe.settings),
        )
