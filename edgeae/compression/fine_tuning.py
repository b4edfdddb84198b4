"""Fine-tuning of a model, with or without constraints on its kernels."""

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
        constrained: the kernels that are under constraints.
        graph: computes the model with quantized activations; None for float activations.
        between: called every few steps with the number of the step, to tighten the constraints.
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
    """Train an objective's model in place for the number of steps in `settings`.

    Args:
        objective: the objective to minimise.
        dataset: its training and validation images are used.
        settings: `steps` and `learning_rate` of a `Prune`, `Cluster` or `Qat`.
        seed: seed for the image order.
        label: name in the progress line.
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
    """Train a model in place under constraints; its kernels satisfy them afterwards.

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
    """Replace the latent weights of each kernel by its effective weights."""
    for item in constrained:
        item.kernel.variable.assign(item.exact())
