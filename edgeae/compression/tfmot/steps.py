"""Pruning, clustering and quantization-aware training by tfmot.

The images, their order, the steps and the learning rate are those of edgeae's own steps, so that
the two engines can be compared.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from edgeae.compression.fine_tuning import fine_tune
from edgeae.compression.kernels import check_layers, wanted
from edgeae.compression.pruning import RAMP
from edgeae.compression.tfmot import library
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.originals.keras_parts import clone
from edgeae.recipe import Prune, Recipe
from edgeae.training.objective import Objective

#: tfmot looks at its schedule every so many steps, or more often where there are few steps.
_FREQUENCY = 100
_CENTROIDS = {
    "kmeans++": library.clusters.CentroidInitialization.KMEANS_PLUS_PLUS,
    "linear": library.clusters.CentroidInitialization.LINEAR,
    "random": library.clusters.CentroidInitialization.RANDOM,
    "density-based": library.clusters.CentroidInitialization.DENSITY_BASED,
}


class _Wrapped(Objective):
    """The loss of a wrapped model; XLA does not compile what the wrappers do."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.jit = False


def check(model: Any, recipe: Recipe) -> None:
    """Refuse a model that tfmot does not take, before anything is trained.

    Raises:
        BadInput: the message names the step, the layer and tfmot's reason.
    """
    if recipe.prune is not None and recipe.prune.engine == "tfmot":
        wrapped_for_pruning(model, recipe.prune)
    if recipe.cluster is not None and recipe.cluster.engine == "tfmot":
        wrapped_for_clustering(model, recipe)
    if recipe.learned_ranges:
        wrapped_for_qat(model, recipe)


def prune(model: Any, dataset: Dataset, settings: Prune, seed: int) -> Any:
    """Return a copy that `prune_low_magnitude` pruned while it was fine-tuned, without wrappers.

    Args and errors: as of `edgeae.compression.pruning.prune`.
    """
    check_layers(model, "prune", settings)
    pruned = wrapped_for_pruning(model, settings)
    wrappers = [layer for layer in pruned.layers if hasattr(layer, "pruning_step")]
    for wrapper in wrappers:
        wrapper.pruning_step.assign(0)
    fine_tune(_Wrapped(pruned), dataset, settings, seed, "prune")
    for wrapper in wrappers:  # the last step moved the zeros
        wrapper.pruning_obj.weight_mask_op()
    return clone(library.sparsity.strip_pruning(pruned))  # which shares layers with `pruned`


def wrapped_for_pruning(model: Any, settings: Prune) -> Any:
    """Return a copy whose layers are wrapped for pruning.

    Raises:
        BadInput: tfmot does not take a layer.
    """
    shares = {kernel.name: share for kernel, share in wanted(model, settings.sparsity, settings)}
    more = {} if settings.m_by_n is None else {"sparsity_m_by_n": settings.m_by_n}

    def wrap(layer: Any) -> Any:
        schedule = _schedule(settings, shares[layer.name])
        return library.sparsity.prune_low_magnitude(layer, pruning_schedule=schedule, **more)

    return _taken(model, "prune", shares, wrap)


def _schedule(settings: Prune, share: float) -> Any:
    """Return tfmot's schedule that is edgeae's own: sparsity grows over the same share of steps."""
    end = max(1, int(settings.steps * RAMP))
    frequency = min(_FREQUENCY, max(1, end // 10))
    if settings.schedule == "constant":
        return library.sparsity.ConstantSparsity(share, 0, frequency=frequency)
    end = end // frequency * frequency  # tfmot only prunes in these steps
    return library.sparsity.PolynomialDecay(0.0, share, 0, end, frequency=frequency)


def cluster(model: Any, dataset: Dataset, recipe: Recipe, seed: int) -> Any:
    """Return a copy that `cluster_weights` clustered while it was fine-tuned, without wrappers.

    Args and errors: as of `edgeae.compression.clustering.cluster`.
    """
    assert recipe.cluster is not None
    check_layers(model, "cluster", recipe.cluster)
    clustered = wrapped_for_clustering(model, recipe)
    fine_tune(_Wrapped(clustered), dataset, recipe.cluster, seed, "cluster")
    return clone(library.clusters.strip_clustering(clustered))


def wrapped_for_clustering(model: Any, recipe: Recipe) -> Any:
    """Return a copy whose layers are wrapped for clustering.

    Raises:
        BadInput: tfmot does not take a layer.
    """
    settings, sparse = recipe.cluster, recipe.prune is not None
    assert settings is not None
    numbers = {kernel.name: number for kernel, number in wanted(model, settings.clusters, settings)}
    start = _CENTROIDS[settings.centroids]

    def wrap(layer: Any) -> Any:
        return library.cluster_weights(
            layer, int(numbers[layer.name]), start, preserve_sparsity=sparse
        )

    return _taken(model, "cluster", numbers, wrap)


def train_quantized(model: Any, dataset: Dataset, recipe: Recipe, seed: int) -> Any:
    """Return a copy that was trained with tfmot's 8-bit scheme, with its wrappers.

    The wrappers hold the ranges of weights and activations, which the converter takes over.

    Args:
        model: flat Keras model, already pruned and clustered if the recipe has these steps.
        dataset: images to train on.
        recipe: `qat` is used; the scheme keeps zeros if the recipe prunes, and values if it
            clusters.
        seed: seed for the image order.

    Raises:
        BadInput: tfmot does not take a layer.
    """
    assert recipe.qat is not None
    quantized = wrapped_for_qat(model, recipe)
    fine_tune(_Wrapped(quantized), dataset, recipe.qat, seed, "qat")
    return quantized


def wrapped_for_qat(model: Any, recipe: Recipe) -> Any:
    """Return a copy whose layers are wrapped for quantization-aware training.

    Raises:
        BadInput: tfmot does not take a layer.
    """
    scheme = library.scheme(recipe.prune is not None, recipe.cluster is not None)
    copy = clone(model)
    for layer in copy.layers:
        if layer.weights:
            with _refusals("qat", layer):
                library.quantized_alone(layer, scheme)
    annotated = library.quantization.quantize_annotate_model(copy)
    with _refusals("qat"):
        # without a prefix the code's layer keeps its name
        return library.quantization.quantize_apply(annotated, scheme, "")


def _taken(model: Any, step: str, names: Collection[str], wrap: Callable[[Any], Any]) -> Any:
    def guarded(layer: Any) -> Any:
        with _refusals(step, layer):
            return wrap(layer)

    with _refusals(step):
        return library.wrapped(model, names, guarded)


@contextmanager
def _refusals(step: str, layer: Any = None) -> Iterator[None]:
    """Turn what tfmot raises into one line that names the step, the layer and tfmot's reason."""
    try:
        yield
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        what = "the model" if layer is None else f"layer {layer.name} ({type(layer).__name__})"
        raise BadInput(
            f"[{step}] engine = 'tfmot': tfmot does not take {what}: {reason:.200}"
        ) from None
