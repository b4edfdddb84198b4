"""The steps of a recipe that fine-tune, and their settings."""

from dataclasses import dataclass, field
from typing import Literal

from edgeae.recipe.checks import require

__all__ = ["STEPS", "Cluster", "Prune", "Qat"]

#: The one order in which they are possible: pruning would tear clusters apart, and either of them
#: would leave the grid that quantization-aware training ends on. Each step preserves what came
#: before it.
STEPS = ("prune", "cluster", "qat")
_LEAST_STEPS = 100

Schedule = Literal["polynomial", "constant"]


def _check_fit(name: str, steps: int, rate: float) -> None:
    require(steps >= _LEAST_STEPS, f"{name}.steps", steps, f"{_LEAST_STEPS} or more")
    require(0 < rate < 1, f"{name}.learning_rate", rate, "above 0 and below 1")


@dataclass(frozen=True)
class Prune:
    """Magnitude pruning.

    Attributes:
        sparsity: share of each weight matrix that becomes zero.
        schedule: `polynomial` grows from nothing over the first part of the steps; `constant`
            prunes at once.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
        layers: name of a layer → its own sparsity; 0 leaves it whole.
    """

    sparsity: float
    schedule: Schedule = "polynomial"
    steps: int = 1720
    learning_rate: float = 1e-3
    layers: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(0 < self.sparsity < 1, "prune.sparsity", self.sparsity, "above 0 and below 1")
        for layer, share in self.layers.items():
            require(0 <= share < 1, f"prune.layers.{layer}", share, "0 or more and below 1")
        _check_fit("prune", self.steps, self.learning_rate)


@dataclass(frozen=True)
class Cluster:
    """Weight clustering: each weight matrix holds a few values, zero among them.

    Attributes:
        clusters: how many values.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
        layers: name of a layer → its own number; 0 leaves it as it is.
    """

    clusters: int
    steps: int = 860
    learning_rate: float = 5e-4
    layers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(2 <= self.clusters <= 256, "cluster.clusters", self.clusters, "2 to 256")
        for layer, number in self.layers.items():
            fits = number == 0 or 2 <= number <= 256
            require(fits, f"cluster.layers.{layer}", number, "0, or 2 to 256")
        _check_fit("cluster", self.steps, self.learning_rate)


@dataclass(frozen=True)
class Qat:
    """Quantization-aware training: the forward pass sees the grids that the export will have.

    Attributes:
        steps: training steps, batches of 128.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
    """

    steps: int = 1720
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        _check_fit("qat", self.steps, self.learning_rate)
