"""Fitting: Adam on a cosine, the same bytes from the same seed, wherever it was interrupted."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.families.settings import THREADS
from edgeae.metrics.parity import mse
from edgeae.originals.legacy_keras import keras, tf
from edgeae.text.progress import Progress
from edgeae.training.journal import Journal, State
from edgeae.training.objective import Objective

#: A small dataset is repeated until an epoch has about this many steps (MNIST's has 429).
STEPS_PER_EPOCH = 400
_FINAL_RATE = 0.01
_EVALUATION_BATCH = 1000
#: Steps between two looks at the loss: what a Ctrl-C or a NaN may have to wait for.
_STEPS_PER_CALL = 40


@dataclass(frozen=True)
class Fit:
    """What came of a fit.

    Attributes:
        curve: per epoch: `loss` and each of its terms, means over the steps, and
            `validation_loss`, MSE.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        seconds: how long it took, in all the processes that worked on it.
        interrupted: whether Ctrl-C ended it; the weights are the best so far.
    """

    curve: list[dict[str, float]]
    best_epoch: int
    seconds: float
    interrupted: bool = False


@dataclass(frozen=True)
class Budget:
    """How long, and how fast.

    Attributes:
        epochs: passes; a dataset of under `STEPS_PER_EPOCH` steps is repeated within an epoch.
        batch: images per step.
        learning_rate: Adam's at the start; 1 % of it at the end.
        seed: of the images' order.
        steps: total steps, instead of `epochs` whole ones.
    """

    epochs: int
    batch: int
    learning_rate: float
    seed: int
    steps: int | None = None

    def lay_out(self, images: int) -> "_Layout":
        """Return the steps of each epoch over so many images."""
        batch = min(self.batch, images)
        per_epoch = images // batch
        per_epoch *= max(1, round(STEPS_PER_EPOCH / per_epoch))
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
        """Return the images of each step of an epoch, (steps, batch): of its number alone."""
        steps = min(self.per_epoch, self.total - epoch * self.per_epoch)
        chance = np.random.default_rng([self.seed, epoch])
        whole = self.images // self.batch * self.batch
        passes = -(-steps * self.batch // whole)
        order = np.concatenate([chance.permutation(self.images)[:whole] for _ in range(passes)])
        return order[: steps * self.batch].reshape(steps, self.batch).astype(np.int32)


def deterministic(seed: int, threads: int = THREADS) -> None:
    """Seed everything, and forbid operators whose result depends on the order of threads.

    Their number is fixed, too: a convolution's gradient is summed in as many pieces.
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
) -> Fit:
    """Train an objective's model in place to reconstruct images.

    Args:
        objective: the model and what is minimised.
        train: (n, …) what is reconstructed.
        validation: (m, …) what the best epoch is chosen on.
        budget: how long.
        label: what to call it in the progress line.
        journal: where to keep the state after each epoch, and to go on from; None keeps none.
        stage: this fit's name in the journal.
        keep_best: end with the weights of the best epoch rather than the last.

    Raises:
        BadInput: the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C without a best epoch to fall back on.
    """
    run = _Run(objective, train, validation, budget.lay_out(len(train)), budget, keep_best)
    state = journal.load(stage) if journal else None
    if state is not None:
        run.resume(state)
    interrupted = False
    try:
        with Progress(run.layout.epochs, label, "epoch", done=run.epoch) as progress:
            while run.epoch < run.layout.epochs:
                run.advance()
                if journal:
                    journal.save(stage, run.state())
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
    """Run a Keras model, or an objective, over images, (n, …) → (n, …), float32."""
    outputs = [
        model(images[start : start + _EVALUATION_BATCH], training=False).numpy()
        for start in range(0, len(images), _EVALUATION_BATCH)
    ]
    return np.concatenate(outputs)


class _Run:
    """One fit: its variables, its optimizer, and what is known so far."""

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
            budget.learning_rate, layout.total, alpha=_FINAL_RATE
        )
        self._optimizer = keras.optimizers.Adam(rate, jit_compile=False)
        self._optimizer.build(objective.trainable)
        self._call = _compiled(objective, self._optimizer, train)

    @property
    def seconds(self) -> float:
        """Time spent on this fit, here and before."""
        return self._before + time.monotonic() - self._started

    def advance(self) -> None:
        """Train one epoch and look at the validation images.

        Raises:
            BadInput: the loss became NaN or infinite.
        """
        order = self.layout.order(self.epoch)
        sums: dict[str, float] = {}
        for start in range(0, len(order), _STEPS_PER_CALL):
            self._objective.between(self.epoch * self.layout.per_epoch + start)
            found = self._call(tf.constant(order[start : start + _STEPS_PER_CALL]))
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + float(value)
            if not np.isfinite(list(sums.values())).all():
                raise BadInput(_diverged(sums, self.epoch + 1))
        self.epoch += 1
        terms = {name: value / len(order) for name, value in sums.items()}
        self._remember({"loss": sum(terms.values()), **terms})

    def _remember(self, row: dict[str, float]) -> None:
        found = mse(reconstruct(self._objective, self._validation), self._validation)
        if not np.isfinite(found):
            raise BadInput(_diverged({"validation_loss": found}, self.epoch))
        least = min((item["validation_loss"] for item in self.curve), default=np.inf)
        if not self._keep or found < least:
            self._best = self._objective.model.get_weights() if self._keep else []
            self.best_epoch = self.epoch
        self.curve.append({**row, "validation_loss": found})

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
        """Go on from a state of the same training."""
        self.epoch, self.curve, self.best_epoch = state.epoch, state.curve, state.best_epoch
        self._best = state.best
        self._before = state.seconds
        pairs = [
            *zip(self._objective.variables, state.variables, strict=True),
            *zip(self._optimizer.variables, state.optimizer, strict=True),
        ]
        for variable, value in pairs:
            variable.assign(value)


def _compiled(objective: Objective, optimizer: Any, train: NDArray[np.float32]) -> Any:
    """Return a function (steps, batch) int32 → sums of each term over those steps."""
    images = tf.constant(train)
    trainable = objective.trainable

    @tf.function(jit_compile=objective.jit, autograph=False)  # type: ignore[untyped-decorator]
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
            found = one(order[index])
            sums = {name: sums[name] + found[name] for name in sums}
        return sums

    return call


def _diverged(values: dict[str, float], epoch: int) -> str:
    bad = {name: value for name, value in values.items() if not np.isfinite(value)}
    told = ", ".join(f"{name} {value}" for name, value in bad.items())
    return f"training diverged: {told} in epoch {epoch}; a lower learning rate may help"
