"""The loss that a training minimises, a sum of named terms, and the variables that it changes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.originals.legacy_keras import keras, tf
from edgeae.training.starting import start_at_mean

RECONSTRUCTION = "reconstruction"
_NOT_COMPILED = (
    *(keras.layers.UpSampling2D, keras.layers.Conv2D),
    *(keras.layers.MaxPooling1D, keras.layers.MaxPooling2D),
)


class Objective:
    """The reconstruction loss; subclasses add the terms of a family.

    The terms are computed outside `model`, so that they are never in the exported graph.

    Args:
        model: flat Keras model, image → reconstruction, which will be exported.
        loss: `mse`, or `bce` (binary cross-entropy, for images in [0, 1]).

    Attributes:
        jit: whether XLA compiles a training step.
    """

    def __init__(self, model: Any, loss: str = "mse") -> None:
        self.model = model
        # XLA has no gradient of a nearest-neighbour resize and no deterministic one of a maximum,
        # and its convolutions are no faster
        self.jit = not any(isinstance(layer, _NOT_COMPILED) for layer in model.layers)
        self._loss = loss

    @property
    def extras(self) -> list[Any]:
        """Variables that the training needs and that are not in the model."""
        return []

    @property
    def trainable(self) -> list[Any]:
        """Variables that gradients update."""
        return [*self.model.trainable_variables, *(item for item in self.extras if item.trainable)]

    @property
    def variables(self) -> list[Any]:
        """All variables that a resumed training must restore."""
        return [*self.model.variables, *self.extras]

    def start(self, images: NDArray[np.float32]) -> None:
        """Set initial weights that depend on the training images (n, …), in place."""
        start_at_mean(self.model, images)

    def inputs(self, images: Any, step: Any) -> Any:
        """Return the model's inputs, (n, …), for images (n, …); randomness depends on `step`."""
        del step
        return images

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        """Return the terms of the loss, name → scalar.

        Args:
            inputs: (n, …) the model's inputs.
            targets: (n, …) the images to reconstruct.
            step: scalar int32, the number of steps done; the only source of randomness.
        """
        del step
        output = self.model(inputs, training=True)
        return {RECONSTRUCTION: reconstruction_loss(self._loss, targets, output)}

    def settle(self) -> None:
        """Restore the constraints on the weights; called after each step."""

    def between(self, step: int) -> None:
        """Update state that changes rarely; called before the first step and then every 40 steps.

        Args:
            step: number of steps done.
        """

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Return the reconstructions (n, …) that the final model would give for images (n, …)."""
        return self.model(images, training=training)


def reconstruction_loss(kind: str, targets: Any, outputs: Any) -> Any:
    """Return the mean over all values of the squared error, or of binary cross-entropy in nats."""
    if kind == "mse":
        return tf.reduce_mean(tf.square(outputs - targets))
    # clipped by 1e-7, as Keras does, so that the loss of a saturated sigmoid is finite
    outputs = tf.clip_by_value(outputs, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(
        targets * tf.math.log(outputs) + (1 - targets) * tf.math.log(1 - outputs)
    )
