"""The values that a file keeps of a layer and of the wrapper around it, by name.

Keras would need tfmot's code to open such a file; here it is read as what it is: named arrays in
the HDF5 files and checkpoints of Keras 2, numbered ones in its `.keras` files.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.importing.keras import hdf5
from edgeae.importing.keras.architecture import LayerSpec
from edgeae.importing.tfmot.wrappers import CLUSTERED, PRUNED, QUANTIZED, Wrapper

Arrays = dict[str, NDArray[Any]]

_KERNEL = ("kernel", "bias")
_SEPARABLE = ("depthwise_kernel", "pointwise_kernel", "bias")
#: Class of a layer → its weights, in the order of Keras.
_WEIGHTS = {
    **dict.fromkeys(("Dense", "Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose"), _KERNEL),
    "DepthwiseConv2D": ("depthwise_kernel", "bias"),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _SEPARABLE),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("gamma", "beta"),
    "PReLU": ("alpha",),
    "Normalization": ("mean", "variance", "count"),
}
#: Weight → the key of the configuration without which a layer does not have it.
_OPTIONAL = {"bias": "use_bias", "gamma": "scale", "beta": "center"}
_WEIGHTS_FILE = "model.weights.h5"


class Stored(Protocol):
    """The arrays of a file."""

    def of_layer(self, layer: LayerSpec) -> Arrays:
        """Return the weights of a layer, and the values of its wrapper, by name."""

    def of_quantizer(self, wrapper: Wrapper) -> Arrays:
        """Return `min` and `max` of tfmot's quantizer of the input, if the file has them."""


def weight_names(layer: LayerSpec) -> list[str]:
    """Return the names of a layer's weights, in the order of Keras."""
    if layer.kind == "Normalization" and layer.config.get("mean") is not None:
        return []  # its statistics are settings
    return [
        name
        for name in _WEIGHTS.get(layer.kind, ())
        if layer.config.get(_OPTIONAL.get(name, ""), True)
    ]


def open_stored(path: Path, source: str, model: dict[str, Any]) -> Stored:
    """Open the values of a file that was checked.

    Args:
        path: a file of `KerasFile.judged`, with the suffix of its form.
        source: the user's file, for errors.
        model: the architecture, as in `KerasFile`.

    Raises:
        OSError, KeyError, ValueError: the file is damaged.
    """
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            content = archive.read(_WEIGHTS_FILE)
        return _Numbered(hdf5.open_hdf5(Path(source), content), source, model)
    if path.suffix == ".h5":
        file = hdf5.open_hdf5(Path(source), path.read_bytes())
        return _Named(dict(_datasets(file["model_weights"])), source, grouped=True)
    with np.load(path, allow_pickle=False) as arrays:
        return _Named(dict(arrays), source, grouped=False)


def _datasets(group: Any) -> Iterator[tuple[str, Any]]:
    import h5py

    for name, item in group.items():
        if isinstance(item, h5py.Dataset):
            yield name, item
        else:
            yield from ((f"{name}/{below}", found) for below, found in _datasets(item))


class _Named:
    """Arrays named `layer/weight`; in HDF5 files below the name of the outermost layer."""

    def __init__(self, arrays: dict[str, Any], source: str, *, grouped: bool) -> None:
        self._arrays = arrays
        self._source = source
        self._grouped = grouped

    def of_layer(self, layer: LayerSpec) -> Arrays:
        wrapper = layer.wrapper
        if wrapper is None:
            return self._of(layer.path, (layer.path[-1],))
        return self._of(wrapper.path, (wrapper.inner, wrapper.path[-1]))

    def of_quantizer(self, wrapper: Wrapper) -> Arrays:
        found = self._of(wrapper.path, wrapper.path[-1:])
        return {name.removeprefix(f"{wrapper.inner}_"): array for name, array in found.items()}

    def _of(self, path: Sequence[str], owners: Sequence[str]) -> Arrays:
        found: Arrays = {}
        for written, array in self._arrays.items():
            head, _, name = written.partition("/") if self._grouped else (path[0], "", written)
            owner, _, weight = name.rpartition("/")
            if head != path[0] or owner.rpartition("/")[2] not in owners:
                continue
            weight = weight.partition(":")[0]
            if weight in found:
                raise BadInput(
                    f"{self._source}: two weights are called {owner}/{weight}; layers of nested "
                    "models need names of their own"
                )
            found[weight] = np.asarray(array)
        return found


class _Numbered:
    """Arrays numbered below the classes of the layers, as in `layers/dense_1/vars/0`."""

    def __init__(self, file: Any, source: str, model: dict[str, Any]) -> None:
        self._file = file
        self._source = source
        self._model = model

    def of_layer(self, layer: LayerSpec) -> Arrays:
        wrapper, names = layer.wrapper, weight_names(layer)
        if wrapper is None:
            return self._inner(layer.path, "vars", names)
        own = self._numbered(f"{self._place(wrapper.path)}/vars")
        if wrapper.kind == PRUNED:
            tail = ["mask", "threshold", "pruning_step"][-len(own) :]
            values = dict(zip(tail, own[-3:], strict=True))
            return self._inner(wrapper.path, "layer/vars", names) | values
        if wrapper.kind == CLUSTERED:
            return self._clustered(wrapper, names, own)
        assert wrapper.kind in QUANTIZED
        return self._quantized(wrapper, names, own)

    def of_quantizer(self, wrapper: Wrapper) -> Arrays:
        own = self._numbered(f"{self._place(wrapper.path)}/vars")
        return dict(zip(("min", "max", "optimizer_step"), own, strict=False))

    def _clustered(self, wrapper: Wrapper, names: list[str], own: list[NDArray[Any]]) -> Arrays:
        # of each clustered weight: the weight itself, its centroids, and at the end its indices
        count = len(own) // 3
        taken = [name for name in names if "kernel" in name][-count:] if count else []
        values: Arrays = {}
        for place, name in enumerate(taken):
            values[name] = own[2 * place]
            values[f"cluster_centroids_{name}"] = own[2 * place + 1]
            values[f"pulling_indices_{name}"] = own[2 * count + place]
        left = [name for name in names if name not in taken]
        return self._inner(wrapper.path, "layer/vars", left) | values

    def _quantized(self, wrapper: Wrapper, names: list[str], own: list[NDArray[Any]]) -> Arrays:
        # trained values, the step, indices of preserved clusters, then ends of ranges in pairs
        steps = [
            place for place, item in enumerate(own) if not item.ndim and item.dtype.kind == "i"
        ]
        first = steps[0] if steps else len(own)
        values: Arrays = {}
        if wrapper.weights and first:
            (name,) = wrapper.weights
            values[name] = own[first - 1]
        ends = [item for item in own[first + 1 :] if item.dtype.kind == "f"]
        pairs = [f"{point}_{end}" for point in wrapper.points for end in ("min", "max")]
        values |= dict(zip(pairs, ends, strict=False))
        left = [name for name in names if name not in wrapper.weights]
        return self._inner(wrapper.path, "layer/vars", left) | values

    def _inner(self, path: Sequence[str], below: str, names: Sequence[str]) -> Arrays:
        return dict(zip(names, self._numbered(f"{self._place(path)}/{below}"), strict=False))

    def _numbered(self, place: str) -> list[NDArray[Any]]:
        group = self._file.get(place, {})
        return [np.asarray(group[key]) for key in sorted(group, key=int)]

    def _place(self, path: Sequence[str]) -> str:
        """Return the group of a layer: Keras numbers the layers of each class of a model."""
        model, place = self._model, []
        for name in path:
            counts: dict[str, int] = {}
            for item in model["config"]["layers"]:
                kind = _snake_case(item["class_name"])
                counts[kind] = counts.get(kind, -1) + 1
                if item["config"]["name"] == name:
                    number = counts[kind]
                    place.append(f"layers/{kind}_{number}" if number else f"layers/{kind}")
                    model = item
                    break
        return "/".join(place)


def _snake_case(name: str) -> str:
    """Return the name of a class as Keras writes it in its files."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
