"""Child process: change one kernel at a time, without training, and measure the loss."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import recipe
from edgeae.artifacts.model import open_model
from edgeae.compression.clustering import k_means
from edgeae.compression.codebook import at_least, lowest, nearest
from edgeae.compression.constraints import integers, on_grid
from edgeae.compression.kernels import Kernel, compressible, shared_axes
from edgeae.compression.saliency import curvatures
from edgeae.conversion.subject import dataset_of, folded
from edgeae.errors import BadInput
from edgeae.formats.packed import weight_bytes
from edgeae.metrics.loss import image_losses
from edgeae.originals.original import open_original
from edgeae.recipe import Recipe
from edgeae.sensitivity.curves import BITS, CLUSTERS, SPARSITY, Layer, Measured
from edgeae.system import children
from edgeae.training.fit import deterministic, reconstruct

_SEED = 0
#: Number of validation images on which losses are measured. The original is measured on the same
#: images, so that the choice of images matters far less than a changed kernel.
_IMAGES = 1000
#: Quantization → bits of a weight.
_WIDTHS = {"float32": 32, "float16": 16, "int4": 4}
_INTEGER = 8

Weights = NDArray[np.float32]


def one_shot(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure the curves of each kernel of a job's model.

    Args:
        job: `model` (a folder) and `recipe`, which defines how a kernel is stored; on another
            machine than the model's, also `rows`, as in an export.

    Yields:
        `{"doing": …}` for each stage; `{"n", "loss", "dataset"}` of the original; then
        `{"layer": …}`, the fields of a `Layer`, for each kernel.

    Raises:
        BadInput: the dataset is not the one of the training, or there is no kernel.
        ManifestMismatch: the weights are not those of `train.json`.
    """
    deterministic(_SEED)
    folder = Path(job["model"])
    plan = recipe.from_table(job["recipe"])
    training = open_model(folder).with_rows_at(job.get("rows", {}))
    dataset = dataset_of(training)
    model = folded(open_original(folder, training), training).model
    images = dataset.images("validation", training.input_shape)[:_IMAGES]

    def loss() -> float:
        mean_loss = float(image_losses(reconstruct(model, images), images).mean())
        if not np.isfinite(mean_loss):
            raise BadInput(f"model {training.model}: its loss is {mean_loss}")
        return mean_loss

    kernels = compressible(model)
    if not kernels:
        raise BadInput(f"model {training.model}: it has no layer with weights to compress")
    yield {"n": len(images), "loss": loss(), "dataset": dataset.name}
    yield {"doing": "measure the saliency of each weight"}
    matters = curvatures(model, kernels, dataset, _SEED)
    for place, (kernel, curvature) in enumerate(zip(kernels, matters, strict=True), 1):
        yield {"doing": f"layer {kernel.name}, {place} of {len(kernels)}"}
        yield {"layer": asdict(_layer(kernel, curvature, plan, loss))}


def _layer(kernel: Kernel, curvature: Weights, plan: Recipe, loss: Callable[[], float]) -> Layer:
    """Measure a kernel's curves; each setting is applied as the recipe's step begins.

    Args:
        kernel: the kernel; it has its original values afterwards.
        curvature: curvature of the loss by weight, in the kernel's shape.
        plan: the recipe.
        loss: measures the model's loss.
    """
    whole: Weights = kernel.variable.numpy()
    width = _WIDTHS.get(plan.quantization, _INTEGER)
    others = shared_axes(kernel, plan)

    def measured(at: float, values: Weights, size: int) -> Measured:
        kernel.variable.assign(values)
        try:
            return Measured(at, loss(), size)
        finally:
            kernel.variable.assign(whole)

    def stored(values: Weights) -> int:
        return weight_bytes(_stored(values, width, others), width)[0]

    magnitude = plan.prune is not None and plan.prune.criterion == "magnitude"
    importance = np.abs(whole) * (1.0 if magnitude else np.sqrt(curvature))
    zeros = [(share, pruned(whole, share, importance)) for share in SPARSITY]
    few = [(k, _clustered(whole, k, curvature)) for k in CLUSTERS]
    grids = [(bits, on_grid(whole, bits, others)) for bits in BITS]
    return Layer(
        kernel.name,
        tuple(whole.shape),
        whole.size,
        stored(whole),
        width,
        tuple(measured(share, values, stored(values)) for share, values in zeros),
        tuple(measured(k, values, weight_bytes(values, width)[0]) for k, values in few),
        tuple(measured(bits, values, -(-whole.size * bits // 8)) for bits, values in grids),
    )


def pruned(values: Weights, share: float, importance: NDArray[np.floating]) -> Weights:
    """Return the weights with the least important ones set to zero, at least `share` of them.

    Args:
        values: weights of any shape.
        share: 0 to 1.
        importance: importance of each weight, in the shape of `values`.
    """
    gone = lowest(importance, at_least(share, values.size))
    return np.where(gone, np.float32(0), values)


def _clustered(values: Weights, clusters: int, curvature: Weights) -> Weights:
    few = k_means(values, clusters, _SEED, sparse=False, counts=curvature)
    clustered: Weights = few[nearest(values, few)]
    return clustered


def _stored(values: Weights, width: int, others: tuple[int, ...] | None) -> NDArray[Any]:
    """Return weights as a file stores them: integers on their grid, or floats."""
    if width == 32:
        return values
    if width == 16:
        return values.astype(np.float16)
    return integers(values, width, others).astype(np.int8)


if __name__ == "__main__":
    children.serve(one_shot)
