"""The fine-tuning steps of a recipe, and their settings."""

from dataclasses import dataclass, field
from typing import Literal

from edgeae.reading.typed import require

#: The steps in their only possible order, in which each step preserves the results of the steps
#: before. Pruning after clustering would break the clusters; either of them after
#: quantization-aware training would move weights off its grid.
STEPS = ("prune", "cluster", "qat")
_LEAST_STEPS = 100

Scope = Literal["layer", "model"]
Criterion = Literal["saliency", "magnitude"]
Schedule = Literal["polynomial", "constant"]


def _check_fit(steps: int, rate: float) -> None:
    require(steps >= _LEAST_STEPS, "steps", steps, f"{_LEAST_STEPS} or more")
    require(0 < rate < 1, "learning_rate", rate, "above 0 and below 1")


@dataclass(frozen=True)
class _Spared:
    """A step that can spare small layers, which save few bytes and add much loss.

    Attributes:
        spare_below: a layer with a smaller share of the model's weights than this is not changed,
            unless `layers` names it. Depthwise kernels are not counted.
    """

    spare_below: float = field(default=0.0, kw_only=True)

    def spares(self, size: int, total: int) -> bool:
        """Return whether a kernel with `size` of the model's `total` weights is not changed."""
        return size < self.spare_below * total

    def _check_spared(self) -> None:
        share = self.spare_below
        require(0 <= share < 1, "spare_below", share, "0 or more and below 1")


@dataclass(frozen=True)
class Prune(_Spared):
    """Pruning: weights become zeros.

    Attributes:
        sparsity: share of the weights that becomes zero.
        scope: `layer` prunes each layer to `sparsity`; `model` prunes the least salient weights of
            the whole model.
        criterion: the weights with the least `saliency` (the weight's square times the curvature
            of the loss) or with the least `magnitude` become zero. `scope = "model"` allows only
            `saliency`.
        schedule: `polynomial` increases the sparsity over the first part of the steps; `constant`
            prunes at once.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's; it decays to 1 % of this along a cosine.
        layers: layer → its sparsity, with either scope; 0 does not prune the layer.
    """

    sparsity: float
    scope: Scope = "layer"
    criterion: Criterion = "saliency"
    schedule: Schedule = "polynomial"
    steps: int = 1720
    learning_rate: float = 1e-3
    layers: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(0 < self.sparsity < 1, "sparsity", self.sparsity, "above 0 and below 1")
        if self.scope == "model":  # magnitudes of different layers are not comparable
            told = "saliency with scope = 'model'"
            require(self.criterion == "saliency", "criterion", self.criterion, told)
        for layer, share in self.layers.items():
            require(0 <= share < 1, f"layers.{layer}", share, "0 or more and below 1")
        self._check_spared()
        _check_fit(self.steps, self.learning_rate)


@dataclass(frozen=True)
class Cluster(_Spared):
    """Weight clustering: each weight matrix has only a few distinct values.

    Attributes:
        clusters: distinct values of a weight matrix; with `[prune]`, zero is one of them.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's; it decays to 1 % of this along a cosine.
        layers: layer → its number of distinct values; 0 does not cluster the layer.
    """

    clusters: int
    steps: int = 860
    learning_rate: float = 5e-4
    layers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(2 <= self.clusters <= 256, "clusters", self.clusters, "2 to 256")
        for layer, number in self.layers.items():
            fits = number == 0 or 2 <= number <= 256
            require(fits, f"layers.{layer}", number, "0, or 2 to 256")
        self._check_spared()
        _check_fit(self.steps, self.learning_rate)


@dataclass(frozen=True)
class Qat:
    """Quantization-aware training: the forward pass rounds to the grids of the export.

    Attributes:
        steps: training steps, batches of 128.
        learning_rate: Adam's; it decays to 1 % of this along a cosine.
    """

    steps: int = 1720
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        _check_fit(self.steps, self.learning_rate)
