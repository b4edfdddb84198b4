"""Fitting: squared error, Adam on a cosine, XLA, the same bytes from the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.legacy_keras import keras, tf
from edgeae.progress import Progress

__all__ = ["Fit", "deterministic", "fit", "reconstruct"]

#: A small dataset is repeated until an epoch has about this many steps (MNIST's has 429).
STEPS_PER_EPOCH = 400
_FINAL_RATE = 0.01
_EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Fit:
    """What came of a fit: the curve, MSE per epoch, and the epoch whose weights were kept."""

    curve: list[dict[str, float]]
    best_epoch: int


def deterministic(seed: int) -> None:
    """Seed everything, and forbid operators whose result depends on the order of threads."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    model: Any,
    dataset: Dataset,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    seed: int,
    label: str,
    steps: int | None = None,
    keep_best: bool = True,
    callbacks: Sequence[Any] = (),
    steps_per_call: int = 40,
) -> Fit:
    """Train a model in place to reconstruct its input.

    Args:
        model: a Keras model whose output has its input's shape.
        dataset: trains on `train`, keeps the best epoch on `validation`.
        epochs: passes; a dataset of under `STEPS_PER_EPOCH` steps is repeated within an epoch.
        batch: images per step.
        learning_rate: Adam's at the start; 1 % of it at the end.
        seed: of the images' order.
        label: what to call it in the progress line.
        steps: total steps, instead of `epochs` whole ones.
        keep_best: end with the weights of the best epoch rather than the last.
        callbacks: further Keras callbacks.
        steps_per_call: steps that Keras runs as one compiled call, between two callbacks.

    Raises:
        BadInput: the loss became NaN or infinite.
    """
    shape = tuple(model.input_shape[1:])
    images = dataset.images("train", shape)
    batch = min(batch, len(images))
    per_epoch = _steps_per_epoch(len(images), batch)
    total = epochs * per_epoch if steps is None else steps
    per_epoch = min(per_epoch, total)
    epochs = -(-total // per_epoch)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, total, alpha=_FINAL_RATE)
    model.compile(
        keras.optimizers.Adam(rate),
        loss="mse",
        jit_compile=True,
        steps_per_execution=min(steps_per_call, per_epoch),
    )
    best = _Best(model, keep_best)
    with Progress(epochs, label, "epoch") as progress:
        model.fit(
            _batches(images, batch, seed),
            epochs=epochs,
            steps_per_epoch=per_epoch,
            validation_data=(validation := dataset.images("validation", shape), validation),
            validation_batch_size=_EVALUATION_BATCH,
            callbacks=[best, _Talk(progress), *callbacks],
            verbose=0,
        )
    best.restore()
    return Fit(best.curve, best.epoch)


def reconstruct(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a Keras model over images, (n, …) → (n, …), float32."""
    outputs = [
        model(images[start : start + _EVALUATION_BATCH], training=False).numpy()
        for start in range(0, len(images), _EVALUATION_BATCH)
    ]
    return np.concatenate(outputs)


def _steps_per_epoch(images: int, batch: int) -> int:
    steps = images // batch
    return steps * max(1, round(STEPS_PER_EPOCH / steps))


def _batches(images: NDArray[np.float32], batch: int, seed: int) -> Any:
    pipeline = tf.data.Dataset.from_tensor_slices(images)
    pipeline = pipeline.shuffle(len(images), seed=seed).repeat().batch(batch, drop_remainder=True)
    return pipeline.map(lambda x: (x, x)).prefetch(2)


class _Best(keras.callbacks.Callback):  # type: ignore[misc]
    """Remembers the curve, and the weights of the epoch with the least validation loss."""

    def __init__(self, subject: Any, keep_best: bool) -> None:
        super().__init__()
        self._subject, self._keep = subject, keep_best
        self._weights: list[Any] | None = None
        self.curve: list[dict[str, float]] = []
        self.epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not np.isfinite(logs["loss"]):
            raise BadInput(
                f"training diverged: loss {logs['loss']} in epoch {epoch + 1}; lower --lr"
            )
        losses = [row["validation_loss"] for row in self.curve]
        self.curve.append({"loss": logs["loss"], "validation_loss": logs["val_loss"]})
        if not self._keep or logs["val_loss"] < min(losses, default=np.inf):
            self.epoch = epoch + 1
            self._weights = self._subject.get_weights() if self._keep else None

    def restore(self) -> None:
        if self._weights is not None:
            self._subject.set_weights(self._weights)


class _Talk(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._progress.advance(f"loss {logs['loss']:.5f}, validation {logs['val_loss']:.5f}")
