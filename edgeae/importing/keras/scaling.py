"""Takes off the layers at a model's ends that only scale values: `Normalization` and `Rescaling`.

The first layers become the map from the stored rows to the model's rows, which edgeae applies
before rows are quantized. In a layer whose input becomes integers, one scale would have to hold all
columns. Last layers that undo the first ones are taken off with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput, about
from edgeae.importing.keras.architecture import Architecture, LayerSpec
from edgeae.importing.keras.shapes import Shape
from edgeae.importing.keras.weights import key
from edgeae.importing.request import Request
from edgeae.metrics.standardization import Standardization

_NORMALIZATION = "Normalization"
_KINDS = (_NORMALIZATION, "Rescaling")
#: Least deviation by which Keras divides: `keras.config.epsilon()`.
_EPSILON = 1e-7
#: Largest relative difference of two layers that undo each other.
_SAME = 1e-4


@dataclass(frozen=True)
class Ends:
    """A model without the scaling layers at its ends.

    Attributes:
        inner: the model between them.
        first: the layers at its start, in order.
        last: the layers at its end that undo these, in order; empty without layers at its start.
    """

    inner: Architecture
    first: tuple[LayerSpec, ...] = ()
    last: tuple[LayerSpec, ...] = ()


@dataclass(frozen=True, eq=False)
class Affine:
    """A map of values (…, columns): value × scale + offset.

    Attributes:
        scale, offset: float64, () or (columns,).
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    def then(self, scale: Any, offset: Any) -> "Affine":
        """Return this map followed by another."""
        return Affine(self.scale * scale, self.offset * scale + offset)

    def undoes(self, other: "Affine") -> bool:
        """Return whether this map after `other` gives each value back."""
        both = other.then(self.scale, self.offset)
        near = np.abs(both.scale - 1) <= _SAME
        spread = np.maximum(1.0, np.abs(self.offset))
        return bool(near.all() and (np.abs(both.offset) <= _SAME * spread).all())

    def after(self, before: Normalization) -> Normalization:
        """Return the map from stored values that applies `before`, then this.

        Raises:
            BadInput: a column's scale is not above 0.
        """
        whole = Affine(np.array(before.scale), np.array(before.offset)).then(
            self.scale, self.offset
        )
        scale, offset = np.broadcast_arrays(whole.scale, whole.offset)
        if scale.ndim == 0 or (np.ptp(scale) == 0 and np.ptp(offset) == 0):
            return Normalization(float(scale.flat[0]), float(offset.flat[0]))
        if (scale <= 0).any():
            raise BadInput("a column's scale is not above 0; allowed are scales above 0")
        means, deviations = -offset / scale, 1 / scale
        return Normalization(
            1.0, 0.0, Standardization(tuple(means.tolist()), tuple(deviations.tolist()))
        )

    def to_json(self) -> dict[str, Any]:
        """Return the two as JSON types, for child processes."""
        return {"scale": self.scale.tolist(), "offset": self.offset.tolist()}


def ends(source: str, flat: Architecture) -> Ends:
    """Return a model without the scaling layers at its ends.

    Raises:
        BadInput: a `Normalization` is elsewhere.
    """
    found = _taken_off(flat)
    for layer in found.inner.layers:
        if layer.kind == _NORMALIZATION:
            raise BadInput(
                f"{source}: layer {layer.name} ({layer.kind}): allowed are Normalization as the "
                "first layer, and with invert=True as the last, undoing the first"
            )
    return found


def _taken_off(flat: Architecture) -> Ends:
    if flat.wrapped:
        return Ends(flat)  # its ranges are those of the values between the layers
    first, last = _first(flat), tuple[LayerSpec, ...]()
    if not first:
        return Ends(flat)
    last = _last(flat)
    left_out = {layer.name for layer in (*first, *last)}
    begin = first[-1].name
    layers = tuple(
        replace(
            layer,
            inputs=tuple(flat.input if name == begin else name for name in layer.inputs),
        )
        for layer in flat.layers
        if layer.name not in left_out
    )
    output = last[0].inputs[0] if last else flat.output
    return Ends(replace(flat, layers=layers, output=output), first, last)


def _first(flat: Architecture) -> tuple[LayerSpec, ...]:
    found: list[LayerSpec] = []
    place = flat.input
    while True:
        readers = [layer for layer in flat.layers if place in layer.inputs]
        if len(readers) != 1 or readers[0].kind not in _KINDS or readers[0].config.get("invert"):
            return tuple(found)
        place = readers[0].name
        found.append(readers[0])


def _last(flat: Architecture) -> tuple[LayerSpec, ...]:
    layers = {layer.name: layer for layer in flat.layers}
    found: list[LayerSpec] = []
    place = flat.output
    while True:
        layer = layers.get(place)
        if layer is None or layer.kind not in _KINDS:
            return tuple(found)
        if layer.kind == _NORMALIZATION and not layer.config.get("invert"):
            return tuple(found)
        found.insert(0, layer)
        (place,) = layer.inputs
        if sum(place in other.inputs for other in flat.layers) > 1:
            return tuple(found)


@dataclass(frozen=True)
class Maps:
    """What the layers at the ends do.

    Attributes:
        first: the map of the layers at the start; None without such layers.
        last: the map of the layers at the end; None without such layers.
    """

    first: Affine | None
    last: Affine | None

    def applied(self, source: str, view: Dataset) -> Dataset:
        """Return rows as the model between the ends takes them.

        Args:
            source: name of the file, for errors.
            view: the rows as the file takes them.

        Raises:
            BadInput: a column's scale is not above 0.
        """
        if self.first is None:
            return view
        with about(source):
            return view.normalized(self.first.after(view.normalization))

    def to_json(self) -> dict[str, Any]:
        """Return the maps as JSON types, for the child process that rebuilds the model."""
        return {
            "first": None if self.first is None else self.first.to_json(),
            "last": None if self.last is None else self.last.to_json(),
        }


def views(ends: Ends, dataset: Dataset, request: Request) -> list[Normalization]:
    """Return the maps from stored rows to what the file may take; a model that scales chooses.

    Bytes become 0 to 1 unless the user says otherwise, but a model that scales its input itself
    may take them as they are.

    Raises:
        BadInput: the user and the model both standardise the rows.
    """
    if not ends.first:
        return [dataset.normalization]
    layer = ends.first[0]
    if dataset.normalization.standardization is not None:
        raise BadInput(
            f"{request.paths[0]}: layer {layer.name} ({layer.kind}) scales the rows already; leave "
            "out --standardize"
        )
    if request.normalization is not None or dataset.test.dtype != np.uint8:
        return [dataset.normalization]
    return [Normalization(1.0, 0.0), dataset.normalization]


def notes(ends: Ends, dataset: Dataset, converted: str | None) -> list[str]:
    """Return a line about the layers that were taken off, and one about a converted last layer.

    Args:
        ends: the layers.
        dataset: the rows as the model takes them now.
        converted: name of the layer that answered in the rows' own unit, or None.
    """
    if not ends.first:
        return []
    names = ", ".join(f"{layer.name} ({layer.kind})" for layer in (*ends.first, *ends.last))
    lines = [f"{names}: taken off; rows are {dataset.normalization.to_text()} instead"]
    if converted is not None:
        lines.append(
            f"{converted}: its outputs were in the rows' own unit, and are converted to that of "
            "the model's input"
        )
    return lines


def maps(
    source: str,
    flat: Architecture,
    ends: Ends,
    weights: Mapping[str, NDArray[Any]],
    shape: Shape,
) -> Maps:
    """Return what the layers at the ends do.

    Args:
        source: name of the file, for errors.
        flat: the whole model, by whose order the weights are numbered.
        ends: the layers.
        weights: `weights.key` → array.
        shape: shape of the model's input, without the batch.

    Raises:
        BadInput: a layer scales along another axis than the last, or those at the end do not undo
            those at the start.
    """
    if not ends.first:
        return Maps(None, None)
    first = affine(source, flat, ends.first, weights, shape)
    if not ends.last:
        return Maps(first, None)
    last = affine(source, flat, ends.last, weights, shape)
    if not last.undoes(first):
        before, after = ends.first[0], ends.last[0]
        raise BadInput(
            f"{source}: layer {after.name} ({after.kind}) does not undo {before.name} "
            f"({before.kind}); allowed at the end is a layer that undoes the first, or none"
        )
    return Maps(first, last)


def affine(
    source: str,
    flat: Architecture,
    layers: Sequence[LayerSpec],
    weights: Mapping[str, NDArray[Any]],
    shape: Shape,
) -> Affine:
    """Return what scaling layers do one after another.

    Args:
        source: name of the file, for errors.
        flat: the whole model, by whose order the weights are numbered.
        layers: the layers.
        weights: `weights.key` → array.
        shape: shape of their input, without the batch.

    Raises:
        BadInput: a layer scales along another axis than the last.
    """
    numbers = {layer.name: number for number, layer in enumerate(flat.layers)}
    whole = Affine(np.array(1.0), np.array(0.0))
    for layer in layers:
        if layer.kind == _NORMALIZATION:
            scale, offset = _normalization(layer, numbers[layer.name], weights)
        else:
            scale, offset = (
                np.array(layer.config.get(name, default), np.float64)
                for name, default in (("scale", 1.0), ("offset", 0.0))
            )
        axes = [axis % (len(shape) + 1) for axis in _axes(layer)]
        sizes = {item.size for item in (scale, offset) if item.ndim}
        if axes not in ([], [len(shape)]) or max(scale.ndim, offset.ndim) > 1:
            raise BadInput(
                f"{source}: layer {layer.name} ({layer.kind}): scales along the axes {axes}; "
                "allowed are the last axis, and one scale for all values"
            )
        if sizes - {1, shape[-1]}:
            raise BadInput(
                f"{source}: layer {layer.name} ({layer.kind}): {max(sizes)} scales for "
                f"{shape[-1]} columns"
            )
        if not (np.isfinite(scale).all() and np.isfinite(offset).all() and (scale != 0).all()):
            raise BadInput(
                f"{source}: layer {layer.name} ({layer.kind}): its scale is 0 or not finite; "
                "allowed are finite scales other than 0"
            )
        whole = whole.then(scale, offset)
    return whole


def _axes(layer: LayerSpec) -> list[int]:
    axes = layer.config.get("axis", -1) if layer.kind == _NORMALIZATION else -1
    if axes is None:
        return []
    return [axes] if isinstance(axes, int) else list(axes)


def _normalization(
    layer: LayerSpec, number: int, weights: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and offset: of (x − mean) / deviation, or of its inverse."""
    statistics = [
        np.asarray(
            weights[key(number, place)] if layer.config.get(name) is None else layer.config[name],
            np.float64,
        )
        for place, name in enumerate(("mean", "variance"))
    ]
    mean, variance = (
        item.reshape(-1) if item.size > 1 else item.reshape(()) for item in statistics
    )
    deviation = np.maximum(np.sqrt(variance), _EPSILON)
    if layer.config.get("invert"):
        return deviation, mean
    return 1 / deviation, -mean / deviation
