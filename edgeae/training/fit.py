"""Fit a model: Adam with cosine decay; the same seed gives the same bytes, also after resuming."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.model import images_at_once
from edgeae.errors import BadInput
from edgeae.families.settings import FINAL_RATE, THREADS
from edgeae.metrics.parity import mse
from edgeae.originals.legacy_keras import keras, tf
from edgeae.text.progress import Progress
from edgeae.training.journal import Journal, State
from edgeae.training.objective import Objective

#: A small dataset is repeated until an epoch has about this many steps (MNIST's has 429).
STEPS_PER_EPOCH = 400
#: Fewer steps are not compiled: compiling takes a second, which some 900 steps of `deep` gain back.
_FEWEST_COMPILED = 500
#: Steps between two checks of the loss; Ctrl-C and NaN are noticed after at most so many steps.
_STEPS_PER_CALL = 40


#: Receives a curve; see `Fit`.
Watch = Callable[[list[dict[str, float]]], None]


@dataclass(frozen=True)
class Fit:
    """The result of a fit.

    Attributes:
        curve: per epoch `loss` and each of its terms (means over the steps) and
            `validation_loss`, MSE.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        seconds: duration of the fit, summed over all processes that worked on it.
        interrupted: whether Ctrl-C ended the fit; the weights are then those of the best epoch.
    """

    curve: list[dict[str, float]]
    best_epoch: int
    seconds: float
    interrupted: bool = False


@dataclass(frozen=True)
class Budget:
    """The length and the learning rate of a fit.

    Attributes:
        epochs: passes over the images; within an epoch, a small dataset is repeated, see `least`.
        batch: images per step.
        learning_rate: Adam's learning rate at the start; it decays to 1 % of this.
        seed: seed of the images' order.
        steps: total number of steps, which replaces `epochs`; or None.
        least: a smaller dataset is repeated until an epoch has about this many steps; by default
            `STEPS_PER_EPOCH`.
    """

    epochs: int
    batch: int
    learning_rate: float
    seed: int
    steps: int | None = None
    least: int | None = None

    def lay_out(self, images: int) -> "_Layout":
        """Return the layout of the steps for a dataset of so many images."""
        batch = min(self.batch, images)
        per_epoch = images // batch
        per_epoch *= max(1, round((self.least or STEPS_PER_EPOCH) / per_epoch))
        total = self.epochs * per_epoch if self.steps is None else self.steps
        per_epoch = min(per_epoch, total)
        return _Layout(images, batch, per_epoch, total, self.seed)


@dataclass(frozen=True)
class _Layout:
    images: int
    batch: int
    per_epoch: int
    total: int
    seed: int

    @property
    def epochs(self) -> int:
        return -(-self.total // self.per_epoch)

    def order(self, epoch: int) -> NDArray[np.int32]:
        """Return the indices of each step's images, int32 (steps, batch).

        They depend only on the seed and the epoch's number, so that a resumed fit repeats them.
        """
        steps = min(self.per_epoch, self.total - epoch * self.per_epoch)
        chance = np.random.default_rng([self.seed, epoch])
        whole = self.images // self.batch * self.batch
        passes = -(-steps * self.batch // whole)
        order = np.concatenate([chance.permutation(self.images)[:whole] for _ in range(passes)])
        return order[: steps * self.batch].reshape(steps, self.batch).astype(np.int32)


def deterministic(seed: int, threads: int = THREADS) -> None:
    """Seed all generators, and make TensorFlow's operators deterministic.

    The number of threads is fixed because TensorFlow sums a convolution's gradient in one piece
    per thread.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    objective: Objective,
    train: NDArray[np.float32],
    validation: NDArray[np.float32],
    budget: Budget,
    *,
    label: str,
    journal: Journal | None = None,
    stage: str = "fit",
    keep_best: bool = True,
    watch: Watch | None = None,
) -> Fit:
    """Train an objective's model in place to reconstruct images.

    Args:
        objective: the model and the loss.
        train: (n, …) images to reconstruct.
        validation: (m, …) images on which the best epoch is chosen.
        budget: length and learning rate.
        label: the fit's name in the progress line.
        journal: stores the state after each epoch and resumes from it; or None.
        stage: this fit's name in the journal.
        keep_best: end with the weights of the best epoch instead of the last epoch.
        watch: receives the curve so far at the start, and after each epoch that the journal has.

    Returns:
        the curve and the best epoch; the model has the weights of that epoch.

    Raises:
        BadInput: the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C before the first epoch was done, or without `keep_best`.
    """
    run = _Run(objective, train, validation, budget.lay_out(len(train)), budget, keep_best)
    state = journal.load(stage) if journal else None
    if state is not None:
        run.resume(state)
    interrupted = False
    if watch:
        watch(run.curve)
    try:
        with Progress(run.layout.epochs, label, "epoch", done=run.epoch) as progress:
            while run.epoch < run.layout.epochs:
                run.advance()
                if journal:
                    journal.save(stage, run.state())
                if watch:
                    watch(run.curve)
                last = run.curve[-1]
                progress.advance(
                    f"loss {last['loss']:.5f}, validation {last['validation_loss']:.5f}"
                )
    except KeyboardInterrupt:
        if not keep_best or not run.curve:
            raise
        interrupted = True
    run.restore()
    return Fit(run.curve, run.best_epoch, run.seconds, interrupted)


def reconstruct(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of a Keras model, or of an objective, for images (n, …), float32."""
    batch = images_at_once(images.shape[1:])
    outputs = [
        model(images[start : start + batch], training=False).numpy()
        for start in range(0, len(images), batch)
    ]
    return np.concatenate(outputs)


class _Run:
    """The state of one fit: variables, optimizer, curve and best weights."""

    def __init__(
        self,
        objective: Objective,
        train: NDArray[np.float32],
        validation: NDArray[np.float32],
        layout: _Layout,
        budget: Budget,
        keep_best: bool,
    ) -> None:
        self.layout = layout
        self.epoch, self.best_epoch = 0, 0
        self._started, self._before = time.monotonic(), 0.0
        self.curve: list[dict[str, float]] = []
        self._objective, self._keep = objective, keep_best
        self._validation = validation
        self._best: list[NDArray[Any]] = []
        rate = keras.optimizers.schedules.CosineDecay(
            budget.learning_rate, layout.total, alpha=FINAL_RATE
        )
        self._optimizer = keras.optimizers.Adam(rate, jit_compile=False)
        self._optimizer.build(objective.trainable)
        compiled = objective.jit and layout.total >= _FEWEST_COMPILED
        self._call = _steps(objective, self._optimizer, train, compiled)

    @property
    def seconds(self) -> float:
        """Time spent on this fit, including earlier processes."""
        return self._before + time.monotonic() - self._started

    def advance(self) -> None:
        """Train one epoch and measure the validation loss.

        Raises:
            BadInput: the loss became NaN or infinite.
        """
        order = self.layout.order(self.epoch)
        sums: dict[str, float] = {}
        for start in range(0, len(order), _STEPS_PER_CALL):
            self._objective.between(self.epoch * self.layout.per_epoch + start)
            losses = self._call(tf.constant(order[start : start + _STEPS_PER_CALL]))
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value)
            if not np.isfinite(list(sums.values())).all():
                raise BadInput(_diverged(sums, self.epoch + 1))
        self.epoch += 1
        terms = {name: value / len(order) for name, value in sums.items()}
        self._remember({"loss": sum(terms.values()), **terms})

    def _remember(self, row: dict[str, float]) -> None:
        loss = mse(reconstruct(self._objective, self._validation), self._validation)
        if not np.isfinite(loss):
            raise BadInput(_diverged({"validation_loss": loss}, self.epoch))
        least = min((item["validation_loss"] for item in self.curve), default=np.inf)
        if not self._keep or loss < least:
            self._best = self._objective.model.get_weights() if self._keep else []
            self.best_epoch = self.epoch
        self.curve.append({**row, "validation_loss": loss})

    def restore(self) -> None:
        """Give the model the weights of the best epoch."""
        if self._best:
            self._objective.model.set_weights(self._best)

    def state(self) -> State:
        """Return everything that the next epoch depends on."""
        return State(
            epoch=self.epoch,
            finished=self.epoch == self.layout.epochs,
            seconds=self.seconds,
            curve=self.curve,
            best_epoch=self.best_epoch,
            variables=[item.numpy() for item in self._objective.variables],
            optimizer=[item.numpy() for item in self._optimizer.variables],
            best=self._best,
        )

    def resume(self, state: State) -> None:
        """Continue from a state of the same fit."""
        self.epoch, self.curve, self.best_epoch = state.epoch, state.curve, state.best_epoch
        self._best = state.best
        self._before = state.seconds
        pairs = [
            *zip(self._objective.variables, state.variables, strict=True),
            *zip(self._optimizer.variables, state.optimizer, strict=True),
        ]
        for variable, value in pairs:
            variable.assign(value)


def _steps(objective: Objective, optimizer: Any, train: NDArray[np.float32], compiled: bool) -> Any:
    """Return a function: indices, int32 (steps, batch) → name → sum of the term over the steps.

    `compiled` says whether XLA compiles a step.
    """
    images = tf.constant(train)
    trainable = objective.trainable

    @tf.function(jit_compile=compiled, autograph=False)  # type: ignore[untyped-decorator]
    def step(inputs: Any, targets: Any, number: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            terms = objective.terms(inputs, targets, number)
            loss = tf.add_n(list(terms.values()))
        gradients = tape.gradient(loss, trainable)
        optimizer.apply_gradients(zip(gradients, trainable, strict=True))
        objective.settle()
        return terms

    def one(batch: Any) -> dict[str, Any]:
        number = tf.cast(optimizer.iterations, tf.int32)
        targets = tf.gather(images, batch)
        return dict(step(objective.inputs(targets, number), targets, number))

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32)])  # type: ignore[untyped-decorator]
    def call(order: Any) -> dict[str, Any]:
        sums = one(order[0])
        for index in tf.range(1, tf.shape(order)[0]):
            losses = one(order[index])
            sums = {name: sums[name] + losses[name] for name in sums}
        return sums

    return call


def _diverged(values: dict[str, float], epoch: int) -> str:
    bad = {name: value for name, value in values.items() if not np.isfinite(value)}
    figures = ", ".join(f"{name} {value}" for name, value in bad.items())
    return f"training diverged: {figures} in epoch {epoch}; a lower learning rate may help"
