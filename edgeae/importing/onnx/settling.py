"""What is left to do when every operator is translated: orders of values, and activations.

A change of the order of values after a Dense layer becomes a permutation of its columns, so that no
transposition is left where a decoder unflattens its first layer. Where none can take it in, it
becomes a Permute. Activations that Keras's layers take as an argument become theirs, as in the
models that people write in Keras.
"""

import graphlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.importing.keras.architecture import LayerSpec
from edgeae.importing.onnx.layout import Shape
from edgeae.importing.onnx.translation import REORDER, Translation

#: Layers that compute each value by itself.
_ELEMENTWISE = ("Activation", "ELU", "LeakyReLU", "ReLU", "Rescaling")
#: Layers of a vector with one weight, or several, for each value.
_PER_VALUE = ("BatchNormalization", "PReLU")
#: Layers that take an activation, and the activations that every step of a recipe knows there.
_ACTIVATED = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "Conv1DTranspose", "Conv2DTranspose")
_FUNCTIONS = ("relu", "sigmoid", "tanh", "softmax")


@dataclass(frozen=True)
class Settled:
    """The layers as Keras builds them.

    Attributes:
        layers: the layers, each after its inputs.
        weights: layer → its weights.
        shapes: name of the input and of each layer → shape of its output.
        output: the layer whose output is the model's.
        renamed: layer that was merged into another → that one.
        moved: layers whose values have another order than that of the graph.
    """

    layers: tuple[LayerSpec, ...]
    weights: dict[str, list[NDArray[np.float32]]]
    shapes: dict[str, Shape]
    output: str
    renamed: dict[str, str]
    moved: frozenset[str]


def settled(t: Translation, output: str) -> Settled:
    """Return the layers of a translation without pseudo-layers; `output` is the model's."""
    work = _Work(t, {item.name: item for item in t.layers}, output)
    for name in [item.name for item in t.layers if item.kind == REORDER]:
        work.reorder(name)
    for name in [item.name for item in t.layers if item.kind.startswith("Cropping")]:
        while work.crop_later(name):
            pass
    for name in [item.name for item in t.layers if item.kind == "Activation"]:
        work.activate(name)
    layers = tuple(work.layers.values())
    shapes = {name: t.shapes[name] for name in (*work.others, *work.layers)}
    names = {name: work.final(name) for name in (*work.renamed, *work.swapped)}
    moved = frozenset(work.moved)
    return Settled(layers, t.weights, shapes, work.output, names, moved)


class _Work:
    """The layers while they are settled."""

    def __init__(self, t: Translation, layers: dict[str, LayerSpec], output: str) -> None:
        self.t = t
        self.layers = layers
        self.output = output
        self.renamed: dict[str, str] = {}
        self.moved: set[str] = set()
        #: Layer → the Cropping that has its values, cropped.
        self.swapped: dict[str, str] = {}
        self.others = [name for name in t.shapes if name not in layers]

    def final(self, name: str) -> str:
        """Return the layer that has what a layer of the translation computed."""
        while name in self.renamed and name not in self.swapped:
            name = self.renamed[name]
        return self.swapped.get(name, name)

    def _read(self) -> Counter[str]:
        """Return layer → how often its output is read."""
        counts = Counter(source for item in self.layers.values() for source in item.inputs)
        counts[self.output] += 1
        return counts

    def reorder(self, name: str) -> None:
        """Take a change of order into the weights before it, or make it a Permute."""
        spec = self.layers[name]
        chain = self._chain(spec.inputs[0])
        if chain is None:
            self._permute(spec)
            return
        sizes, dims = spec.config["atoms"], spec.config["dims"]
        index = np.arange(math.prod(sizes)).reshape(sizes).transpose(dims).reshape(-1)
        for item in chain:
            if item.path:
                weights = self.t.weights[item.name]
                self.t.weights[item.name] = [values[..., index] for values in weights]
        self.moved.update(item.name for item in chain)
        target = self.t.shapes[name]
        if target == self.t.shapes[spec.inputs[0]]:
            self._drop(name, spec.inputs[0])
            return
        self.layers[name] = replace(spec, kind="Reshape", config={"target_shape": target})

    def _chain(self, name: str) -> list[LayerSpec] | None:
        """Return the layers from a Dense layer to `name` if nothing else reads them, or None."""
        counts, found = self._read(), list[LayerSpec]()
        while name in self.layers and counts[name] == 1 and len(self.t.shapes[name]) == 1:
            spec = self.layers[name]
            found.append(spec)
            if spec.kind == "Dense":
                return found
            plain = spec.kind in _ELEMENTWISE and spec.config.get("activation") != "softmax"
            if not plain and spec.kind not in _PER_VALUE:
                return None
            (name,) = spec.inputs
        return None

    def _permute(self, spec: LayerSpec) -> None:
        """Put a Permute, with a Reshape before and after it where shapes ask for one."""
        sizes, dims = tuple(spec.config["atoms"]), spec.config["dims"]
        moved = tuple(sizes[axis] for axis in dims)
        (source,), steps = spec.inputs, list[tuple[str, dict[str, Any], Shape]]()
        if self.t.shapes[source] != sizes:
            steps.append(("Reshape", {"target_shape": sizes}, sizes))
        steps.append(("Permute", {"dims": tuple(axis + 1 for axis in dims)}, moved))
        target = self.t.shapes[spec.name]
        if target != moved:
            steps.append(("Reshape", {"target_shape": target}, target))
        self._insert(spec, source, steps)

    def _insert(
        self, spec: LayerSpec, source: str, steps: list[tuple[str, dict[str, Any], Shape]]
    ) -> None:
        """Put several layers in the place of one; the last has its name."""
        made: dict[str, LayerSpec] = {}
        for place, (kind, config, shape) in enumerate(steps):
            last = place == len(steps) - 1
            name = spec.name if last else f"{spec.name}.{place}"
            made[name] = LayerSpec(name, kind, config, (source,))
            self.t.shapes[name] = shape
            source = name
        items = [
            item
            for name, old in self.layers.items()
            for item in (made.items() if name == spec.name else [(name, old)])
        ]
        self.layers = dict(items)

    def crop_later(self, name: str) -> bool:
        """Exchange a Cropping with the layer of single values, or channels, that reads it.

        Then the layer stands behind the convolution, into which it is folded or fused.
        """
        spec = self.layers[name]
        readers = [item for item in self.layers.values() if name in item.inputs]
        if self._read()[name] != 1 or not readers:
            return False
        (after,) = readers
        plain = after.kind in _ELEMENTWISE and len(after.inputs) == 1
        if not plain and after.kind != "BatchNormalization":
            return False
        self.t.shapes[after.name] = self.t.shapes[spec.inputs[0]]
        moved = {after.name: replace(after, inputs=spec.inputs)}
        for item in self.layers.values():
            if item.name not in (name, after.name):
                inputs = tuple(name if one == after.name else one for one in item.inputs)
                moved[item.name] = replace(item, inputs=inputs)
        moved[name] = replace(spec, inputs=(after.name,))
        self.output = name if self.output == after.name else self.output
        self.layers = _sorted(moved)
        self.swapped[after.name] = name
        return True

    def activate(self, name: str) -> None:
        """Make an activation an argument of the layer before it."""
        spec = self.layers[name]
        (source,) = spec.inputs
        before = self.layers.get(source)
        function = spec.config["activation"]
        if before is None or before.kind not in _ACTIVATED or self._read()[source] != 1:
            return
        if function not in _FUNCTIONS or before.config.get("activation"):
            return
        self.layers[source] = replace(before, config=before.config | {"activation": function})
        self._drop(name, source)

    def _drop(self, name: str, source: str) -> None:
        """Leave out a layer whose output another layer has."""
        del self.layers[name]
        self.renamed[name] = source
        self.output = source if self.output == name else self.output
        self.layers = {
            key: replace(item, inputs=tuple(source if one == name else one for one in item.inputs))
            for key, item in self.layers.items()
        }


def _sorted(layers: dict[str, LayerSpec]) -> dict[str, LayerSpec]:
    """Return the layers in an order in which each follows its inputs."""
    order = graphlib.TopologicalSorter({name: item.inputs for name, item in layers.items()})
    return {name: layers[name] for name in order.static_order() if name in layers}
