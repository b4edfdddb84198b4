"""The fine-tuning steps of a recipe, and their settings."""

from dataclasses import dataclass, field
from typing import Literal

from edgeae.reading.typed import require
from edgeae.recipe.later import LATER

#: The steps in their only possible order, in which each step preserves the results of the steps
#: before. Pruning after clustering would break the clusters; either of them after
#: quantization-aware training would move weights off its grid.
STEPS = ("prune", "cluster", "qat")
_LEAST_STEPS = 100

Engine = Literal["edgeae", "tfmot"]
Scope = Literal["layer", "model"]
Criterion = Literal["saliency", "magnitude"]
Schedule = Literal["polynomial", "constant"]
Centroids = Literal["kmeans++", "linear", "random", "density-based"]


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
        engine: `edgeae`, or `tfmot`: `prune_low_magnitude` of tensorflow-model-optimization, which
            allows only `scope = "layer"` and `criterion = "magnitude"`.
        m_by_n: with `engine = "tfmot"` and `schedule = "constant"`: [m, n], of each n weights in a
            row m become zero; `sparsity` is then m ÷ n.
    """

    sparsity: float
    scope: Scope = "layer"
    criterion: Criterion = "saliency"
    schedule: Schedule = "polynomial"
    steps: int = 1720
    learning_rate: float = 1e-3
    layers: dict[str, float] = field(default_factory=dict)
    engine: Engine = field(default="edgeae", kw_only=True, metadata=LATER)
    m_by_n: tuple[int, int] | None = field(default=None, kw_only=True, metadata=LATER)

    def __post_init__(self) -> None:
        require(0 < self.sparsity < 1, "sparsity", self.sparsity, "above 0 and below 1")
        if self.scope == "model":  # magnitudes of different layers are not comparable
            told = "saliency with scope = 'model'"
            require(self.criterion == "saliency", "criterion", self.criterion, told)
        for layer, share in self.layers.items():
            require(0 <= share < 1, f"layers.{layer}", share, "0 or more and below 1")
        self._check_spared()
        self._check_engine()
        _check_fit(self.steps, self.learning_rate)

    def least(self, share: float, size: int) -> float:
        """Return the least share of zeros of `size` weights; tfmot rounds the number it keeps."""
        return share - 0.5 / size if self.engine == "tfmot" else share

    def _check_engine(self) -> None:
        if self.engine == "tfmot":
            require(self.scope == "layer", "scope", self.scope, "layer with engine = 'tfmot'")
            allowed = "magnitude with engine = 'tfmot'"
            require(self.criterion == "magnitude", "criterion", self.criterion, allowed)
        if self.m_by_n is None:
            return
        m, n = self.m_by_n
        key, pair = "m_by_n", list(self.m_by_n)
        require(self.engine == "tfmot", key, pair, "only with engine = 'tfmot'")
        require(0 < m < n, key, pair, "two whole numbers above 0, the first below the second")
        require(self.schedule == "constant", key, pair, "only with schedule = 'constant'")
        require(self.sparsity == m / n, key, pair, f"one of {self.sparsity:g}, the sparsity")


@dataclass(frozen=True)
class Cluster(_Spared):
    """Weight clustering: each weight matrix has only a few distinct values.

    Attributes:
        clusters: distinct values of a weight matrix; with `[prune]`, zero is one of them.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's; it decays to 1 % of this along a cosine.
        layers: layer → its number of distinct values; 0 does not cluster the layer.
        engine: `edgeae`, or `tfmot`: `cluster_weights` of tensorflow-model-optimization.
        centroids: with `engine = "tfmot"`: where the values begin.
    """

    clusters: int
    steps: int = 860
    learning_rate: float = 5e-4
    layers: dict[str, int] = field(default_factory=dict)
    engine: Engine = field(default="edgeae", kw_only=True, metadata=LATER)
    centroids: Centroids = field(default="kmeans++", kw_only=True, metadata=LATER)

    def __post_init__(self) -> None:
        require(2 <= self.clusters <= 256, "clusters", self.clusters, "2 to 256")
        for layer, number in self.layers.items():
            fits = number == 0 or 2 <= number <= 256
            require(fits, f"layers.{layer}", number, "0, or 2 to 256")
        if self.engine != "tfmot":
            allowed = "kmeans++ unless engine = 'tfmot'"
            require(self.centroids == "kmeans++", "centroids", self.centroids, allowed)
        self._check_spared()
        _check_fit(self.steps, self.learning_rate)


@dataclass(frozen=True)
class Qat:
    """Quantization-aware training: the forward pass rounds to the grids of the export.

    Attributes:
        steps: training steps, batches of 128.
        learning_rate: Adam's; it decays to 1 % of this along a cosine.
        engine: `edgeae`, or `tfmot`: `quantize_apply` of tensorflow-model-optimization with the
            default 8-bit scheme, or the scheme that preserves zeros, values or both.
    """

    steps: int = 1720
    learning_rate: float = 5e-4
    engine: Engine = field(default="edgeae", kw_only=True, metadata=LATER)

    def __post_init__(self) -> None:
        _check_fit(self.steps, self.learning_rate)
