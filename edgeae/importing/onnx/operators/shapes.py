"""Operators that move values, cut them off, put zeros around them, or join them."""

from collections.abc import Sequence

import numpy as np

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import Axes, View, axes_of, channels_last, flat, sizes
from edgeae.importing.onnx.translation import Translation

#: Values cut off (or put around, if below 0) at both ends of each axis.
_Ends = Sequence[tuple[int, int]]


def _unchanged(t: Translation, operator: Operator) -> None:
    t.views[operator.outputs[0]] = t.view(operator)


def _reshape(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    t.views[operator.outputs[0]] = t.reshaped(operator, view, t.shape(operator))


def _transpose(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    rank = len(view.shape) + 1
    first, *others = operator.attributes.get("perm", list(range(rank))[::-1])
    if first != 0:
        raise t.refused(operator, "moves the batch; allowed is the batch first")
    axes = tuple(view.axes[axis - 1] for axis in others)
    t.views[operator.outputs[0]] = View(view.layer, view.held, axes)


def _concat(t: Translation, operator: Operator) -> None:
    views = [t.view(operator, place) for place in range(len(operator.inputs))]
    if len(views) == 1:
        t.views[operator.outputs[0]] = views[0]
        return
    axes = axes_of(t.shape(operator))
    axis = operator.attributes["axis"] % (len(axes) + 1)
    if axis == 0:
        raise t.refused(operator, "joins batches; allowed are the axes after the batch")
    held = channels_last(axes)
    layers = [t.arranged(view, channels_last(view.axes), operator) for view in views]
    place = len(axes) if axis == 1 else axis - 1
    layer = t.add(operator, "Concatenate", {"axis": place}, layers, sizes(held))
    t.views[operator.outputs[0]] = View(layer, held, axes)


def _slice(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    starts, ends, axes, steps = (t.constant(operator, place) for place in (1, 2, 3, 4))
    if starts is None or ends is None:
        raise t.refused(operator, "has no constant ends")
    count = len(starts)
    places = np.arange(count) if axes is None else axes
    strides = np.ones(count, np.int64) if steps is None else steps
    cut = [(0, 0)] * len(view.shape)
    for axis, start, end, step in zip(places, starts, ends, strides, strict=True):
        place = int(axis) % (len(view.shape) + 1)
        if step != 1:
            raise t.refused(operator, f"has a step of {step}; allowed are steps of 1")
        if place == 0:
            continue  # the whole batch, as the shape of the output says
        size = view.shape[place - 1]
        first, last, _ = slice(int(start), int(end)).indices(size)
        cut[place - 1] = (first, size - last)
    t.views[operator.outputs[0]] = edged(t, operator, view, cut)


def _split(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    axis = operator.attributes.get("axis", 0) % (len(view.shape) + 1)
    if axis == 0:
        raise t.refused(operator, "splits the batch; allowed are the axes after it")
    first = 0
    for place, name in enumerate(operator.outputs):
        width = t.shape(operator, place)[axis - 1]
        cut = [(0, 0)] * len(view.shape)
        cut[axis - 1] = (first, view.shape[axis - 1] - first - width)
        if name in t.needed:
            t.views[name] = edged(t, operator, view, cut)
        first += width


def _gather(t: Translation, operator: Operator) -> None:
    """Translate the choice of one place along an axis."""
    view, index = t.view(operator), t.constant(operator, 1)
    axis = operator.attributes.get("axis", 0) % (len(view.shape) + 1)
    if index is None or index.size != 1 or axis == 0:
        raise t.refused(operator, "allowed is one constant place along an axis after the batch")
    size = view.shape[axis - 1]
    place = int(index.reshape(())) % size
    cut = [(0, 0)] * len(view.shape)
    cut[axis - 1] = (place, size - place - 1)
    t.views[operator.outputs[0]] = t.reshaped(
        operator, edged(t, operator, view, cut), t.shape(operator)
    )


def _pad(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    mode = operator.attributes.get("mode", "constant")
    pads, value, axes = (t.constant(operator, place) for place in (1, 2, 3))
    if mode != "constant" or (value is not None and value.size and value.reshape(()) != 0):
        raise t.refused(operator, f"mode {mode}; allowed is mode constant with the value 0")
    if pads is None:
        raise t.refused(operator, "has no constant pads")
    rank = len(view.shape) + 1
    places = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    whole = [(0, 0)] * rank
    for at, place in enumerate(places):
        whole[place] = (-int(pads[at]), -int(pads[at + len(pads) // 2]))
    if whole[0] != (0, 0):
        raise t.refused(operator, "pads the batch; allowed are the axes after it")
    t.views[operator.outputs[0]] = edged(t, operator, view, whole[1:])


def edged(t: Translation, operator: Operator, view: View, ends: _Ends) -> View:
    """Add the layers that cut off values, and put zeros, at the ends of each axis."""
    cut = [(max(a, 0), max(b, 0)) for a, b in ends]
    put = [(max(-a, 0), max(-b, 0)) for a, b in ends]
    view = _each_end(t, operator, view, "Cropping", cut)
    return _each_end(t, operator, view, "ZeroPadding", put)


def _each_end(t: Translation, operator: Operator, view: View, kind: str, ends: _Ends) -> View:
    places = _places(view)
    if not any(map(any, ends)):
        return view
    if places is not None and not any(ends[places.index(len(places) - 1)]):
        return _in_place(t, operator, view, kind, ends, places)
    spatial, rank = ends[1:], len(ends) - 1
    if rank in (1, 2) and any(map(any, spatial)):
        view = _around(t, operator, view, kind, spatial)
        spatial = [(0, 0)] * rank
    for axis, pair in enumerate((ends[0], *spatial)):
        if any(pair):
            view = _along(t, operator, view, kind, axis, pair)
    return view


def _places(view: View) -> list[int] | None:
    """Return which axis of its layer each axis of an image or a signal is; None if they differ."""
    left = list(enumerate(view.held))
    places = []
    for axis in view.axes:
        place = next((at for at, held in left if held == axis), None)
        if place is None:
            return None
        places.append(place)
        left = [item for item in left if item[0] != place]
    return places if len(places) in (2, 3) and not left else None


def _in_place(
    t: Translation, operator: Operator, view: View, kind: str, ends: _Ends, places: list[int]
) -> View:
    """Change the axes of a layer as they lie, but not its last one."""
    axes = tuple(_changed(axis, kind, pair) for axis, pair in zip(view.axes, ends, strict=True))
    held = tuple(axes[places.index(place)] for place in range(len(places)))
    pairs = tuple(ends[places.index(place)] for place in range(len(places) - 1))
    config = {
        "padding" if kind == "ZeroPadding" else "cropping": pairs if len(pairs) > 1 else pairs[0]
    }
    return t.held(operator, f"{kind}{len(pairs)}D", config, view.layer, held, axes)


def _around(t: Translation, operator: Operator, view: View, kind: str, ends: _Ends) -> View:
    """Change the spatial axes of an image or a signal."""
    layer, _ = t.as_images(operator, view)
    new = [_changed(axis, kind, pair) for axis, pair in zip(view.axes[1:], ends, strict=True)]
    axes: Axes = (view.axes[0], *new)
    pairs = tuple(ends)
    config = {
        "padding" if kind == "ZeroPadding" else "cropping": pairs if len(pairs) > 1 else pairs[0]
    }
    return t.held(operator, f"{kind}{len(pairs)}D", config, layer, channels_last(axes), axes)


def _along(
    t: Translation, operator: Operator, view: View, kind: str, axis: int, ends: tuple[int, int]
) -> View:
    """Change any one axis, by way of an image of which it is the second axis."""
    # channels, held last, are the second axis of an image one value wide
    before = flat(view.axes[1 : axis or None])
    after = flat((*view.axes[axis + 1 :], view.axes[0])) if axis else ()
    layer = t.arranged(view, (before, view.axes[axis], after), operator)
    new = _changed(view.axes[axis], kind, ends)
    axes = (*view.axes[:axis], new, *view.axes[axis + 1 :])
    config = {"padding" if kind == "ZeroPadding" else "cropping": ((0, 0), ends)}
    return t.held(operator, f"{kind}2D", config, layer, (before, new, after), axes)


def _changed(axis: tuple, kind: str, ends: tuple[int, int]) -> tuple:  # type: ignore[type-arg]
    """Return the axis that is left of one; itself, if nothing changes."""
    if not any(ends):
        return axis
    (size,) = sizes((axis,))
    (new,) = axes_of((size + sum(ends) * (1 if kind == "ZeroPadding" else -1),))
    return new


RULES = {
    **dict.fromkeys(("Cast", "CastLike", "Dropout", "Identity"), _unchanged),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _reshape),
    "Concat": _concat,
    "Gather": _gather,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "Transpose": _transpose,
}
