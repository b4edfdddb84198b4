"""Takes the weights of a model as tfmot left it in a child process, without Keras or tfmot.

Pruned kernels are compared with their masks and clustered ones with their centroids; the ranges of
quantization-aware training are collected. HDF5's library may crash on a damaged file.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.ranges import Ends, LayerRanges, Ranges
from edgeae.errors import BadInput, about, naming
from edgeae.importing.keras.architecture import Architecture, LayerSpec
from edgeae.importing.keras.file import KerasFile
from edgeae.importing.keras.hdf5 import DAMAGED
from edgeae.importing.keras.weights import key
from edgeae.importing.tfmot.stored import Arrays, Stored, open_stored, weight_names
from edgeae.importing.tfmot.wrappers import CLUSTERED, PRUNED, QUANTIZED, Wrapper
from edgeae.reading import typed
from edgeae.system import children
from edgeae.system.scratch import write_scratch

_TIMEOUT_S = 600.0
#: Layers of which tfmot prunes a weight → its name.
_PRUNED = {
    **dict.fromkeys(("Dense", "Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose"), "kernel"),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), "pointwise_kernel"),
}


@dataclass(frozen=True)
class Taken:
    """What was taken from a file.

    Attributes:
        weights: an `.npz`, as `edgeae.importing.keras.weights` writes it, without outputs.
        notes: a line for each layer whose values do not agree with its mask or centroids.
        ranges: the learned ranges, or None.
    """

    weights: Path
    notes: tuple[str, ...] = ()
    ranges: Ranges | None = None


def taken(file: KerasFile, flat: Architecture, folder: Path) -> Taken:
    """Take the weights of a file of Keras 2 into `folder`; see `take`.

    Raises:
        BadInput: values of a layer or its wrapper are missing, damaged or contradict each other.
    """
    original = folder / f"original{file.suffix}"
    write_scratch(original, file.content)
    weights = folder / "weights.npz"
    job = {
        "source": str(file.path),
        "file": str(original),
        "model": file.model,
        "layers": [asdict(layer) for layer in flat.layers],
        "input": None if flat.quantized_input is None else asdict(flat.quantized_input),
        "weights": str(weights),
    }
    (report,) = children.run("edgeae.importing.tfmot.weights", job, timeout_s=_TIMEOUT_S)
    ranges = typed.value(Ranges | None, report["ranges"], "ranges")
    return Taken(weights, tuple(report["notes"]), ranges)


def take(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write the weights of `job["layers"]`, without what tfmot added, as `job["weights"]`.

    Args:
        job: `file` to read, and `source`, its name for errors; `model`, the architecture of the
            file; `layers`, each as the fields of a `LayerSpec`; `input`, the fields of the
            quantizer of the input, or None; `weights`, the `.npz` to write.

    Yields:
        `{notes, ranges}`: a line for each layer whose values do not agree, and the fields of
        `Ranges`, or None if no range was learned.

    Raises:
        BadInput: values of a layer or its wrapper are missing, damaged or contradict each other;
            the message names file and layer.
    """
    source = str(job["source"])
    layers = [typed.build(LayerSpec, item) for item in job["layers"]]
    quantizer = typed.value(Wrapper | None, job["input"])
    arrays: dict[str, Any] = {}
    notes: list[str] = []
    try:
        stored = open_stored(Path(job["file"]), source, job["model"])
        for number, layer in enumerate(layers):
            for weight, values in enumerate(_weights(source, stored, layer, notes)):
                arrays[key(number, weight)] = values
        ranges = _ranges(source, stored, layers, quantizer)
    except DAMAGED as error:
        raise BadInput(f"{source}: damaged: {error}") from None
    with naming(job["weights"]):
        np.savez(Path(job["weights"]), **arrays)
    yield {"notes": notes, "ranges": None if ranges is None else asdict(ranges)}


def _weights(
    source: str, stored: Stored, layer: LayerSpec, notes: list[str]
) -> list[NDArray[np.float32]]:
    names = weight_names(layer)
    if not (layer.path and names):
        return []
    values = stored.of_layer(layer)
    with about(f"{source}: layer {layer.name} ({layer.kind})"):
        weights = [_required(values, name) for name in names]
        wrapper = layer.wrapper
        if wrapper is not None and wrapper.kind == PRUNED and layer.kind in _PRUNED:
            notes += _note(source, layer, _check_mask(values, _PRUNED[layer.kind]))
        if wrapper is not None and wrapper.kind == CLUSTERED:
            for place, name in enumerate(names):
                if f"cluster_centroids_{name}" in values or "kernel" in name:
                    weights[place], line = _clustered(values, name, wrapper)
                    notes += _note(source, layer, line)
    return weights


def _note(source: str, layer: LayerSpec, line: str) -> list[str]:
    return [f"{source}: layer {layer.name}: {line}"] if line else []


def _required(values: Arrays, name: str) -> NDArray[Any]:
    if name not in values:
        there = ", ".join(sorted(values)) or "nothing"
        raise BadInput(f"its {name} is missing; the file has {there}")
    return values[name]


def _check_mask(values: Arrays, name: str) -> str:
    """Return a line if a pruned weight is not zero, or empty.

    Keras computes with the weight as it is, and the mask only acts in training.

    Raises:
        BadInput: the mask is missing, or is none of this weight.
    """
    weight, mask = values[name], _required(values, "mask")
    if mask.shape != weight.shape or not np.isin(mask, (0, 1)).all():
        raise BadInput(
            f"its mask has the shape {mask.shape} and values from {mask.min():g} to "
            f"{mask.max():g}; allowed are {weight.shape}, 0 and 1"
        )
    left = int(np.count_nonzero(weight * (1 - mask)))
    if not left:
        return ""
    return (
        f"{left:,} of {int((mask == 0).sum()):,} pruned weights are not 0, as without "
        "tfmot's callback UpdatePruningStep; they stay as Keras computes with them"
    )


def _clustered(values: Arrays, name: str, wrapper: Wrapper) -> tuple[NDArray[Any], str]:
    """Return centroids[indices], and a line if the indices are not those of the nearest centroids.

    tfmot assigns each weight to its nearest centroid in every call. Where it preserves zeros, it
    first sets weights to 0 by a mask that no file keeps; there, the stored indices count.

    Raises:
        BadInput: centroids or indices are missing, or an index has no centroid.
    """
    weight = values[name]
    centroids = _required(values, f"cluster_centroids_{name}")
    indices = _required(values, f"pulling_indices_{name}")
    per_channel = centroids.ndim == 2
    if indices.shape != weight.shape or (per_channel and len(centroids) != weight.shape[-1]):
        raise BadInput(
            f"its centroids have the shape {centroids.shape}, its indices {indices.shape}; they do "
            f"not fit its {name}, {weight.shape}"
        )
    count = centroids.shape[-1]
    if not count or indices.min() < 0 or indices.max() >= count:
        raise BadInput(
            f"its indices are {indices.min()} to {indices.max()}; allowed are 0 to {count - 1}, "
            f"as it has {count} centroids"
        )
    nearest = _nearest(weight, centroids)
    taken = indices if wrapper.preserves_zeros else nearest
    differ = int(np.count_nonzero(_pulled(centroids, nearest) != _pulled(centroids, indices)))
    if not differ:
        return _pulled(centroids, taken), ""
    chosen = "stored ones" if wrapper.preserves_zeros else "nearest, as tfmot computes,"
    return _pulled(centroids, taken), (
        f"{differ:,} of {weight.size:,} weights are nearer to another centroid than to that of "
        f"their stored index; the {chosen} are taken"
    )


def _nearest(weight: NDArray[Any], centroids: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each weight the index of its nearest centroid, the first of equally near ones."""
    if centroids.ndim == 2:
        channels = [
            _nearest(weight[..., channel], centroids[channel]) for channel in range(len(centroids))
        ]
        return np.stack(channels, axis=-1)
    best = np.zeros(weight.shape, np.int64)
    distance = np.abs(weight - centroids[0])
    for index, centroid in enumerate(centroids[1:], 1):
        tried = np.abs(weight - centroid)
        best[tried < distance] = index
        distance = np.minimum(distance, tried)
    return best


def _pulled(centroids: NDArray[Any], indices: NDArray[Any]) -> NDArray[np.float32]:
    if centroids.ndim == 1:
        return np.asarray(centroids[indices], np.float32)
    channels = np.arange(len(centroids))
    return np.asarray(centroids[np.broadcast_to(channels, indices.shape), indices], np.float32)


def _ranges(
    source: str, stored: Stored, layers: list[LayerSpec], quantizer: Wrapper | None
) -> Ranges | None:
    wrapped = [
        (layer, layer.wrapper)
        for layer in layers
        if layer.wrapper is not None and layer.wrapper.kind in QUANTIZED
    ]
    if quantizer is None and not wrapped:
        return None
    found = {}
    for layer, wrapper in wrapped:
        if wrapper.points:
            with about(f"{source}: layer {layer.name} ({layer.kind})"):
                found[layer.name] = _layer_ranges(stored.of_layer(layer), wrapper)
    if quantizer is None:
        return Ranges(found)
    values = stored.of_quantizer(quantizer)
    with about(f"{source}: layer {quantizer.path[-1]} ({quantizer.kind})"):
        # without a quantizer, before a concatenation, it has no range
        return Ranges(found, _ends(values, "") if "min" in values else None)


def _layer_ranges(values: Arrays, wrapper: Wrapper) -> LayerRanges:
    return LayerRanges(
        {name: _ends(values, f"{name}_") for name in wrapper.weights},
        _ends(values, f"{wrapper.before}_") if wrapper.before else None,
        _ends(values, f"{wrapper.after}_") if wrapper.after else None,
    )


def _ends(values: Arrays, point: str) -> Ends:
    least, most = _required(values, f"{point}min"), _required(values, f"{point}max")
    with about(f"its range {point.rstrip('_') or 'of the input'}"):
        return Ends(
            tuple(map(float, least.reshape(-1))),
            tuple(map(float, most.reshape(-1))),
            per_channel=least.ndim == 1,
        )


if __name__ == "__main__":
    children.serve(take)
