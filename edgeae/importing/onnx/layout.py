"""How the axes of an ONNX tensor lie in the axes of the Keras layer that holds its values.

ONNX has channels first, Keras channels last. Reshape, Flatten, Transpose and the like move no
values here: they only change the `axes` of a view. Values move where a layer needs an order that
they do not have, once.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Atom:
    """A run of values that no operator has taken apart so far.

    Attributes:
        number: tells atoms of the same size apart.
        size: number of values; above 1.
    """

    number: int
    size: int


#: Each axis as the atoms that it consists of, the slowest first; an axis of size 1 has none.
Axes = tuple[tuple[Atom, ...], ...]


@dataclass(frozen=True)
class View:
    """The values of an ONNX tensor in the output of a Keras layer; both without the batch.

    Attributes:
        layer: name of the layer.
        held: axes of the layer's output.
        axes: axes of the ONNX tensor, of the same atoms.
    """

    layer: str
    held: Axes
    axes: Axes

    @property
    def shape(self) -> Shape:
        """The shape of the ONNX tensor."""
        return sizes(self.axes)

    @property
    def in_order(self) -> bool:
        """Whether the layer holds the values in the order of the ONNX tensor."""
        return flat(self.held) == flat(self.axes)


def axes_of(shape: Shape) -> Axes:
    """Return axes of new atoms."""
    return tuple(() if size == 1 else (Atom(next(_NUMBERS), size),) for size in shape)


def sizes(axes: Axes) -> Shape:
    """Return the shape that axes have."""
    return tuple(math.prod(atom.size for atom in axis) for axis in axes)


def flat(axes: Axes) -> tuple[Atom, ...]:
    """Return all atoms in their order."""
    return tuple(atom for axis in axes for atom in axis)


def channels_last(axes: Axes) -> Axes:
    """Return the axes with the first one moved to the end."""
    return (*axes[1:], axes[0])


def regrouped(view: View, shape: Shape) -> View | None:
    """Return the view of the same values in another shape; None if axes have to be mixed for it.

    An atom is split where the shape asks for a part of it: 32 channels become 8 times 4.
    """
    left, parts = list(flat(view.axes)), dict[Atom, tuple[Atom, ...]]()
    axes = []
    for size in shape:
        axis, wanted = list[Atom](), size
        while wanted > 1:
            atom = left.pop(0)
            if atom.size > wanted and atom.size % wanted == 0:
                (outer,), (inner,) = axes_of((wanted, atom.size // wanted))
                parts[atom] = (outer, inner)
                left.insert(0, inner)
                atom = outer
            if wanted % atom.size:
                return None
            axis.append(atom)
            wanted //= atom.size
        axes.append(tuple(axis))
    return View(view.layer, _with_parts(view.held, parts), tuple(axes))


def _with_parts(axes: Axes, parts: dict[Atom, tuple[Atom, ...]]) -> Axes:
    """Return the axes with split atoms replaced; a part may be split again."""

    def whole(atom: Atom) -> tuple[Atom, ...]:
        if atom not in parts:
            return (atom,)
        return tuple(item for part in parts[atom] for item in whole(part))

    return tuple(tuple(item for atom in axis for item in whole(atom)) for axis in axes)


def aligned(first: View, second: View) -> View | None:
    """Return the second view with the atoms of the first; None if their axes differ in atoms."""
    ours, theirs = flat(first.axes), flat(second.axes)
    if first.shape != second.shape or [a.size for a in ours] != [a.size for a in theirs]:
        return None
    names = dict(zip(theirs, ours, strict=True))
    held, axes = (
        tuple(tuple(names[atom] for atom in axis) for axis in item)
        for item in (second.held, second.axes)
    )
    return View(second.layer, held, axes)


def order(atoms: tuple[Atom, ...], wanted: tuple[Atom, ...]) -> NDArray[np.intp]:
    """Return the index that takes values in the order of `atoms` to the order of `wanted`."""
    count = math.prod(atom.size for atom in atoms)
    places = np.arange(count).reshape([atom.size for atom in atoms])
    moved: NDArray[np.intp] = places.transpose([atoms.index(atom) for atom in wanted]).reshape(-1)
    return moved
