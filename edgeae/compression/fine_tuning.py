"""Fine-tuning a copy of a model under constraints on its kernels, and the control beside it."""

from collections.abc import Callable, Sequence
from typing import Any

from edgeae.compression.constraints import Constrained
from edgeae.compression.kernels import replaced
from edgeae.compression.quantized_graph import QuantizedGraph
from edgeae.data import Dataset
from edgeae.recipe import Cluster, Prune, Qat
from edgeae.training.fit import Budget, fit
from edgeae.training.objective import RECONSTRUCTION, Objective, reconstruction_loss

_BATCH = 128


class ConstrainedObjective(Objective):
    """The reconstruction loss of a model that computes with effective weights.

    Args:
        model: flat Keras model; its variables are the latent weights.
        constrained: its kernels that must keep something.
        graph: how it is computed, if with quantized activations.
        between: called every few steps with their number, to tighten what must be kept.
    """

    def __init__(
        self,
        model: Any,
        constrained: Sequence[Constrained],
        graph: QuantizedGraph | None = None,
        between: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(model)
        self._constrained, self._graph, self._between = constrained, graph, between

    @property
    def extras(self) -> list[Any]:
        trained = [variable for item in self._constrained for variable in item.variables]
        return [*trained, *(self._graph.variables if self._graph else [])]

    def between(self, step: int) -> None:
        if self._between is not None:
            self._between(step)

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        del step
        output = self._answer(inputs, training=True)
        return {RECONSTRUCTION: reconstruction_loss("mse", targets, output)}

    def __call__(self, images: Any, training: bool = False) -> Any:
        return self._answer(images, training)

    def _answer(self, images: Any, training: bool) -> Any:
        with replaced([(item.kernel, item.effective()) for item in self._constrained]):
            if self._graph is not None:
                return self._graph(images, follow=training)
            return self.model(images, training=training)


def fine_tune(
    objective: Objective,
    dataset: Dataset,
    settings: Prune | Cluster | Qat,
    seed: int,
    label: str,
) -> None:
    """Train an objective's model in place for as many steps as a recipe's step says.

    Args:
        objective: what is minimised.
        dataset: its training and validation images are used.
        settings: `steps` and `learning_rate` of a `Prune`, `Cluster` or `Qat`.
        seed: of the images' order.
        label: for the progress line.
    """
    shape = tuple(objective.model.input_shape[1:])
    fit(
        objective,
        dataset.images("train", shape),
        dataset.images("validation", shape),
        Budget(1, _BATCH, settings.learning_rate, seed, steps=settings.steps),
        label=label,
        keep_best=False,
    )


def fine_tune_constrained(
    model: Any,
    constrained: Sequence[Constrained],
    dataset: Dataset,
    settings: Prune | Cluster | Qat,
    seed: int,
    label: str,
    *,
    graph: QuantizedGraph | None = None,
    between: Callable[[int], None] | None = None,
) -> None:
    """Train a model in place under constraints, which its kernels then meet for good.

    Args:
        model, constrained, graph, between: see `ConstrainedObjective`; `between` is called once
            more at the end.
        dataset, settings, seed, label: see `fine_tune`.
    """
    objective = ConstrainedObjective(model, constrained, graph, between)
    fine_tune(objective, dataset, settings, seed, label)
    objective.between(settings.steps)
    bake(constrained)


def bake(constrained: Sequence[Constrained]) -> None:
    """Give each kernel its effective weights for good."""
    for item in constrained:
        item.kernel.variable.assign(item.exact())
