"""What training minimises: named terms, and what may change to make their sum small."""

from typing import Any

from edgeae.originals.legacy_keras import keras, tf

RECONSTRUCTION = "reconstruction"
_NOT_COMPILED = (keras.layers.UpSampling2D, keras.layers.Conv2D)


class Objective:
    """Minimises the reconstruction's loss alone; a family that wants more adds terms.

    Nothing here reaches the exported graph: terms are computed beside `model`, never in it.

    Args:
        model: flat Keras model, image → reconstruction; what will be exported.
        loss: `mse`, or `bce` (binary cross-entropy, for images in [0, 1]).

    Attributes:
        jit: whether XLA can compile a step of it.
    """

    def __init__(self, model: Any, loss: str = "mse") -> None:
        self.model = model
        # XLA knows no gradient of a nearest-neighbour resize, and convolves no faster
        self.jit = not any(isinstance(layer, _NOT_COMPILED) for layer in model.layers)
        self._loss = loss

    @property
    def extras(self) -> list[Any]:
        """Variables that training needs and the model does not hold."""
        return []

    @property
    def trainable(self) -> list[Any]:
        """Variables that gradients move."""
        return [*self.model.trainable_variables, *(item for item in self.extras if item.trainable)]

    @property
    def variables(self) -> list[Any]:
        """Everything that a resumed training must find again."""
        return [*self.model.variables, *self.extras]

    def inputs(self, images: Any, step: Any) -> Any:
        """Return what the model is shown; `step` is the only source of chance."""
        del step
        return images

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        """Return the terms, name → scalar, whose sum one step makes smaller.

        Args:
            inputs: (n, …) what the model is shown.
            targets: (n, …) what it should give.
            step: scalar int32, the number of steps before; the only source of chance.
        """
        del step
        output = self.model(inputs, training=True)
        return {RECONSTRUCTION: reconstruction_loss(self._loss, targets, output)}

    def settle(self) -> None:
        """Restore whatever must hold after each step."""

    def between(self, step: int) -> None:
        """Change what changes only now and then: called before the first step, and every 40 later.

        Args:
            step: how many there were.
        """

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Answer images (n, …) as the model that comes of the training will."""
        return self.model(images, training=training)


def reconstruction_loss(kind: str, targets: Any, outputs: Any) -> Any:
    """Mean over all values of squared error, or of binary cross-entropy in nats."""
    if kind == "mse":
        return tf.reduce_mean(tf.square(outputs - targets))
    # Keras clips by 1e-7, so that a saturated sigmoid costs much but not infinity
    outputs = tf.clip_by_value(outputs, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(
        targets * tf.math.log(outputs) + (1 - targets) * tf.math.log(1 - outputs)
    )
