"""The Keras layers that an ONNX graph becomes, while its operators are translated one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.importing.keras.architecture import LayerSpec
from edgeae.importing.onnx import graph as graphs
from edgeae.importing.onnx.graph import Graph, Operator
from edgeae.importing.onnx.layout import (
    Axes,
    Shape,
    View,
    axes_of,
    channels_last,
    flat,
    order,
    regrouped,
    sizes,
)

#: Name of the input.
INPUT = "image"
#: A pseudo-layer: values in another order. `settled` moves it into weights, or makes it a Permute.
REORDER = "Reorder"
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
#: What the names of an exporter add to that of a parameter.
_ENDINGS = (".weight", ".bias", ".running_mean", ".running_var")


@dataclass
class Translation:
    """The state of a translation.

    Attributes:
        graph: the graph that is translated.
        layers: the layers so far, each after its inputs.
        weights: layer → its weights, in the order of Keras.
        shapes: layer → shape of its output, without the batch.
        views: tensor of the graph → where its values are.
        names: operator or tensor → layer, for `--code-layer`.
        needed: tensors that an operator, or the user, reads.
    """

    graph: Graph
    layers: list[LayerSpec] = field(default_factory=list)
    weights: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    needed: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.needed = {self.graph.target, *self.graph.readers()}
        axes = axes_of(self.graph.shapes[self.graph.source])
        # one channel first or last is the same memory, so the rows of the data fit either
        held = channels_last(axes) if self.one_channel else axes
        self.shapes[INPUT] = sizes(held)
        self.views[self.graph.source] = View(INPUT, held, axes)

    @property
    def one_channel(self) -> bool:
        """Whether the input is an image or a signal of one channel."""
        shape = self.graph.shapes[self.graph.source]
        return len(shape) > 1 and shape[0] == 1

    def end(self) -> str:
        """Return the layer that has the output in the layout of the input."""
        view = self.views[self.graph.target]
        return self.arranged(view, channels_last(view.axes) if self.one_channel else view.axes)

    def view(self, operator: Operator, place: int = 0) -> View:
        """Return where the values of an input are.

        Raises:
            BadInput: the input is a constant, which no layer computes.
        """
        name = operator.inputs[place]
        if name not in self.views:
            raise self.refused(operator, f"takes the constant {name!r}; allowed is a computed one")
        return self.views[name]

    def shape(self, operator: Operator, place: int = 0) -> Shape:
        """Return the shape of an output of an operator, without the batch."""
        return self.graph.shapes[operator.outputs[place]]

    def constant(self, operator: Operator, place: int) -> NDArray[Any] | None:
        """Return the constant at an input; None if the input is left out.

        Raises:
            BadInput: the input is computed.
        """
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        if name and name not in self.graph.constants:
            raise self.refused(operator, f"{name!r} is computed; allowed is a constant")
        return self.graph.constants.get(name)

    def float32(self, operator: Operator, place: int) -> NDArray[np.float32]:
        """Return the float32 constant at an input."""
        return graphs.float32(self.graph, operator, place)

    def refused(self, operator: Operator, reason: str) -> BadInput:
        """Return the error for an operator."""
        where = f"operator {operator.kind} (node {operator.name!r})"
        return BadInput(f"{self.graph.origin}: {where}: {reason}")

    def add(
        self,
        operator: Operator,
        kind: str,
        config: dict[str, Any],
        inputs: str | Sequence[str],
        shape: Shape,
        weights: Sequence[NDArray[np.float32]] = (),
    ) -> str:
        """Add a layer; return its name.

        Args:
            operator: what it is named after.
            kind, config: class and configuration in Keras 2.
            inputs: the layers whose outputs it reads.
            shape: shape of its output, without the batch.
            weights: its weights, in the order of Keras.
        """
        name = self._free_name(operator)
        read = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        path = (name,) if weights else ()
        self.layers.append(LayerSpec(name, kind, config, read, path))
        self.shapes[name] = shape
        if weights:
            self.weights[name] = [np.asarray(item, np.float32) for item in weights]
        return name

    def held(
        self,
        operator: Operator,
        kind: str,
        config: dict[str, Any],
        layer: str,
        held: Axes,
        axes: Axes,
        weights: Sequence[NDArray[np.float32]] = (),
    ) -> View:
        """Add a layer with one input; return its output as a view."""
        return View(self.add(operator, kind, config, layer, sizes(held), weights), held, axes)

    def same(
        self,
        operator: Operator,
        view: View,
        kind: str,
        config: dict[str, Any],
        weights: Sequence[NDArray[np.float32]] = (),
    ) -> View:
        """Add a layer that changes each value, and no shape."""
        return self.held(operator, kind, config, view.layer, view.held, view.axes, weights)

    def arranged(self, view: View, wanted: Axes, operator: Operator | None = None) -> str:
        """Return a layer whose output has the values of a view in the axes `wanted`.

        Args:
            view: the values.
            wanted: axes of the same atoms.
            operator: what needs them, after which new layers are named; None for the output.
        """
        asker = operator or Operator("Output", "reconstruction", (), ())
        if sizes(view.held) == sizes(wanted) and flat(view.held) == flat(wanted):
            return view.layer
        shape = sizes(wanted)
        if flat(view.held) == flat(wanted):
            kind = "Flatten" if len(shape) == 1 else "Reshape"
            config = {"target_shape": shape} if kind == "Reshape" else {}
            return self.add(named_after(asker, kind.lower()), kind, config, view.layer, shape)
        atoms = flat(view.held)
        order_of: dict[str, Any] = {
            "atoms": [atom.size for atom in atoms],
            "dims": [atoms.index(atom) for atom in flat(wanted)],
        }
        return self.add(named_after(asker, "layout"), REORDER, order_of, view.layer, shape)

    def as_images(self, operator: Operator, view: View) -> tuple[str, Shape]:
        """Return the layer that has a view's values with channels last, and its shape."""
        wanted = channels_last(view.axes)
        return self.arranged(view, wanted, operator), sizes(wanted)

    def image(self, shape: Shape) -> tuple[Axes, Axes]:
        """Return new axes (held, axes) of a tensor with channels first, held with channels last."""
        axes = axes_of(shape)
        return channels_last(axes), axes

    def channels(self, operator: Operator, view: View) -> tuple[View, NDArray[np.intp] | None]:
        """Return a view whose layer has the channels, ONNX's axis 1, as its last axis.

        A vector stays in the order that its layer has; then the index says which channel is where.
        """
        if len(view.axes) == 1:
            held: Axes = (flat(view.held),)
            index = order(flat(view.axes), flat(held))
        else:
            held, index = channels_last(view.axes), None
        return View(self.arranged(view, held, operator), held, view.axes), index

    def reshaped(self, operator: Operator, view: View, shape: Shape) -> View:
        """Return a view of the same values, in ONNX's order, in another shape."""
        found = regrouped(view, shape)
        if found is None:  # axes are mixed, so the values must lie in ONNX's order
            whole = self.arranged(view, (flat(view.axes),), operator)
            axes = axes_of((int(np.prod(view.shape)),))
            found = regrouped(View(whole, axes, axes), shape)
            assert found is not None
        return found

    def _free_name(self, operator: Operator) -> str:
        taken = self.shapes.keys()
        written = name_of(operator)
        name = "".join(item if item in _SAFE else "_" for item in written).lstrip("_.-")
        name = name or "layer"
        if name in taken:
            numbers = (f"{name}_{number}" for number in range(1, len(taken) + 2))
            name = next(item for item in numbers if item not in taken)
        return name


def named_after(operator: Operator, what: str) -> Operator:
    """Return an operator that names a layer which another layer needs."""
    return replace(operator, attributes={"called": f"{name_of(operator)}.{what}"})


def name_of(operator: Operator) -> str:
    """Return a name for an operator's layer; of two files, it begins with that of the part."""
    name = _module(operator)
    prefix = f"{operator.part}." if operator.part else ""
    return name if name.startswith(prefix) else f"{prefix}{name}"


def _module(operator: Operator) -> str:
    """Return the name of the module in PyTorch, where the exporter left it; else the node's.

    Both exporters name parameters after modules, such as `encoder.0.weight`. TorchScript's names
    nodes `/encoder/encoder.1/Relu`.
    """
    called = operator.attributes.get("called")
    if called:
        return str(called)
    for written in operator.attributes.get("named", operator.inputs[1:]):
        name = written.rstrip("@")
        for ending in _ENDINGS:
            if name.endswith(ending) and not name.startswith("onnx::"):
                return str(name.removesuffix(ending)).replace("/", ".")
    # of a .tflite, a name may be that of all that was fused
    written = operator.name.partition(";")[0]
    parts = [part.removeprefix("node_") for part in written.split("/") if part]
    if len(parts) > 1 and ("." in parts[-2] or parts[-2].isdigit()):
        return parts[-2]
    return ".".join(parts) or operator.kind
