"""Inspection of a Keras file: zeros, distinct values and learned ranges of each layer.

The file is checked and read as for an import; neither Keras nor tfmot opens it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.artifacts.ranges import Ends, LayerRanges
from edgeae.importing.keras import architecture
from edgeae.importing.keras import reading as keras_reading
from edgeae.importing.keras.architecture import LayerSpec
from edgeae.importing.keras.weights import key
from edgeae.importing.tfmot.stored import weight_names
from edgeae.importing.tfmot.weights import taken
from edgeae.system.scratch import scratch
from edgeae.text.columns import align

_COLUMNS = (
    *("layer", "class", "by tfmot", "weight", "shape", "zeros", "values"),
    *("its range", "before", "after"),
)


@dataclass(frozen=True)
class InspectedWeight:
    """One weight of a layer.

    Attributes:
        name: Keras's name of it, such as `kernel`.
        shape: its shape.
        zeros: share of its values that are 0.
        values: number of distinct values.
    """

    name: str
    shape: tuple[int, ...]
    zeros: float
    values: int


@dataclass(frozen=True)
class InspectedLayer:
    """One layer of the flat model.

    Attributes:
        name, kind: name and class of the layer.
        wrapper: class of tfmot's wrapper around it, or empty.
        weights: its weights, in the order of Keras.
        ranges: the ranges that quantization-aware training learned, or None.
    """

    name: str
    kind: str
    wrapper: str
    weights: tuple[InspectedWeight, ...]
    ranges: LayerRanges | None


@dataclass(frozen=True)
class KerasInspection:
    """The content of a Keras file.

    Attributes:
        path: path of the file, as given.
        version: major version of the Keras that wrote it.
        layers: the layers of the flat model that have weights or ranges.
        input: the learned range of the input, or None.
        notes: a line for each layer whose values do not agree with its mask or centroids.
    """

    path: str
    version: int
    layers: tuple[InspectedLayer, ...]
    input: Ends | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as lists, dicts, strings and numbers."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the inspection as text: aligned, without a final line break."""
        head = (
            f"{self.path}: Keras {self.version}, {len(self.layers)} layers with weights or ranges"
        )
        rows = [row for layer in self.layers for row in _rows(layer)]
        if self.input is not None:
            rows.insert(0, ["(input)", *[""] * 8, _told(self.input)])
        filled = [place for place in range(len(_COLUMNS)) if any(row[place] for row in rows)]
        table = [[row[place] for place in filled] for row in (list(_COLUMNS), *rows)]
        return "\n".join([head, "", align(table, left=4), *self.notes])


def inspect_keras(path: Path) -> KerasInspection:
    """Return what a `.keras` or `.h5` file, or a SavedModel with tfmot's wrappers, has of weights.

    Raises:
        BadInput: the file cannot be imported; see `keras_reading.read`, `architecture.flatten` and
            `tfmot.weights`.
        OSError: the file cannot be read.
        RuntimeUnavailable: the package h5py is not installed.
    """
    file = keras_reading.read(path)
    flat = architecture.flatten(file)
    with scratch() as folder:
        found = taken(file, flat, folder)
        with np.load(found.weights, allow_pickle=False) as arrays:
            layers = [
                InspectedLayer(
                    layer.name,
                    layer.kind,
                    "" if layer.wrapper is None else layer.wrapper.kind,
                    _weights(layer, number, arrays),
                    None if found.ranges is None else found.ranges.layers.get(layer.name),
                )
                for number, layer in enumerate(flat.layers)
            ]
    kept = tuple(item for item in layers if item.weights or item.ranges)
    entrance = None if found.ranges is None else found.ranges.input
    return KerasInspection(str(path), file.version, kept, entrance, found.notes)


def _weights(layer: LayerSpec, number: int, arrays: Any) -> tuple[InspectedWeight, ...]:
    names = weight_names(layer) if layer.path else []
    values = [arrays[key(number, place)] for place in range(len(names))]
    return tuple(
        InspectedWeight(name, item.shape, float((item == 0).mean()), len(np.unique(item)))
        for name, item in zip(names, values, strict=True)
    )


def _rows(layer: InspectedLayer) -> list[list[str]]:
    ranges = layer.ranges or LayerRanges()
    ends = [_told(ranges.before), _told(ranges.after)]
    rows = [
        [
            *(weight.name, "×".join(map(str, weight.shape)), f"{weight.zeros:.1%}"),
            *(f"{weight.values:,}", _told(ranges.weights.get(weight.name))),
        ]
        for weight in layer.weights
    ] or [[""] * 5]
    first = [layer.name, layer.kind, layer.wrapper]
    return [
        [*(first if not place else [""] * 3), *row, *(ends if not place else [""] * 2)]
        for place, row in enumerate(rows)
    ]


def _told(ends: Ends | None) -> str:
    if ends is None:
        return ""
    many = f", {len(ends.least)} channels" if ends.per_channel and len(ends.least) > 1 else ""
    return f"{min(ends.least):.4g} to {max(ends.most):.4g}{many}"
