"""Layers with kernels: Linear (Gemm, MatMul), Conv and ConvTranspose.

Formulas for sizes and padding are those of ONNX's `docs/Operators.md`, and TensorFlow's of "same".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import Shape, View, axes_of, flat, order, sizes
from edgeae.importing.onnx.translation import Translation, named_after

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """How a window moves over one spatial axis.

    Attributes:
        taken, given: sizes of the axis before and after.
        width, stride, dilation: of the window.
        before: padding before the first value; for a transposed convolution, what is cut there.
        after: the same at the end, where it counts.
    """

    taken: int
    given: int
    width: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def reach(self) -> int:
        """Number of values from the first of a window to its last."""
        return (self.width - 1) * self.dilation + 1

    @property
    def is_same(self) -> bool:
        """Whether TensorFlow's padding "same" is this padding."""
        total = max((self.given - 1) * self.stride + self.reach - self.taken, 0)
        ends = (total // 2, total - total // 2)
        return self.given == -(-self.taken // self.stride) and ends == (self.before, self.after)


def windows(operator: Operator, widths: Sequence[int], taken: Shape, given: Shape) -> list[Window]:
    """Return the windows of a convolution or a pooling over its spatial axes.

    Padding at the end that no window reaches is left out.
    """
    rank = len(widths)
    options = operator.attributes
    strides = options.get("strides", [1] * rank)
    dilations = options.get("dilations", [1] * rank)
    found = []
    for axis in range(rank):
        reach = (widths[axis] - 1) * dilations[axis] + 1
        total = (given[axis] - 1) * strides[axis] + reach - taken[axis]
        before = _before(operator, axis, max(total, 0))
        sides = (before, max(total - before, 0))
        steps = (widths[axis], strides[axis], dilations[axis])
        found.append(Window(taken[axis], given[axis], *steps, *sides))
    return found


def _before(operator: Operator, axis: int, total: int) -> int:
    way = operator.attributes.get("auto_pad", "NOTSET")
    if way == "SAME_UPPER":
        return total // 2
    if way == "SAME_LOWER":
        return total - total // 2
    pads = operator.attributes.get("pads", ())
    return int(pads[axis]) if pads and way == "NOTSET" else 0


def zero_padded(
    t: Translation, operator: Operator, layer: str, shape: Shape, pads: Pads
) -> tuple[str, Shape]:
    """Add a layer that puts zeros around the spatial axes; return it, and its shape."""
    wide = tuple(size + sum(ends) for size, ends in zip(shape, pads, strict=False))
    config = {"padding": pads if len(pads) > 1 else pads[0]}
    name = t.add(
        named_after(operator, "padding"),
        f"ZeroPadding{len(pads)}D",
        config,
        layer,
        (*wide, shape[-1]),
    )
    return name, (*wide, shape[-1])


def _rank(t: Translation, operator: Operator) -> int:
    rank = len(t.view(operator).shape) - 1
    if rank not in (1, 2):
        raise t.refused(operator, f"of {rank} spatial axes; allowed are one and two")
    return rank


def _bias(t: Translation, operator: Operator) -> list[NDArray[np.float32]]:
    return [t.float32(operator, 2)] if len(operator.inputs) > 2 and operator.inputs[2] else []


def _linear(t: Translation, operator: Operator) -> None:
    """Translate x @ w + b; the rows of w follow the order in which a layer holds x."""
    view, weights = t.view(operator), t.float32(operator, 1)
    *others, features = view.axes
    if len(others) == 0:
        features = flat(view.held)
        weights = weights[order(flat(view.axes), features)]
    layer = t.arranged(view, (*others, features), operator)
    (made,) = axes_of(weights.shape[1:])
    axes = (*others, made)
    bias = _bias(t, operator)
    config = {"units": weights.shape[1], "use_bias": bool(bias)}
    t.views[operator.outputs[0]] = t.held(
        operator, "Dense", config, layer, axes, axes, [weights, *bias]
    )


def _conv(t: Translation, operator: Operator) -> None:
    rank, weights = _rank(t, operator), t.float32(operator, 1)
    layer, shape = t.as_images(operator, t.view(operator))
    held, axes = t.image(t.shape(operator))
    found = windows(operator, weights.shape[2:], shape, sizes(held))
    pads: Pads = tuple((item.before, item.after) for item in found)
    padding = "valid"
    if any(map(any, pads)):
        if all(item.is_same for item in found):
            padding = "same"
        else:
            layer, shape = zero_padded(t, operator, layer, shape, pads)
    bias = _bias(t, operator)
    strides = _strides(t, operator, found)
    config = {
        "kernel_size": weights.shape[2:],
        "strides": strides,
        "dilation_rate": tuple(item.dilation for item in found),
        "padding": padding,
        "use_bias": bool(bias),
    }
    kind, more, kernel = _kernel(operator, rank, shape[-1], weights, strides)
    t.views[operator.outputs[0]] = t.held(
        operator, kind, config | more, layer, held, axes, [kernel, *bias]
    )


def _strides(t: Translation, operator: Operator, found: list[Window]) -> tuple[int, ...]:
    strides = tuple(item.stride for item in found)
    if max(strides) > 1 and any(item.dilation > 1 for item in found):
        raise t.refused(operator, "has strides and dilations; allowed are only one of them")
    return strides


def _kernel(
    operator: Operator,
    rank: int,
    channels: int,
    weights: NDArray[np.float32],
    strides: tuple[int, ...],
) -> tuple[str, dict[str, int], NDArray[np.float32]]:
    """Return the class of a convolution, the rest of its configuration, and its kernel."""
    groups = operator.attributes.get("group", 1)
    if rank == 2 and groups == channels > 1 and strides[0] == strides[1]:
        times = len(weights) // groups
        kernel = weights.reshape(groups, times, *weights.shape[2:]).transpose(2, 3, 0, 1)
        return "DepthwiseConv2D", {"depth_multiplier": times}, kernel
    more = {"filters": len(weights)} | ({"groups": groups} if groups > 1 else {})
    return f"Conv{rank}D", more, np.moveaxis(weights, (0, 1), (-1, -2))


def _transposed(t: Translation, operator: Operator) -> None:
    rank, weights = _rank(t, operator), t.float32(operator, 1)
    if operator.attributes.get("group", 1) != 1:
        raise t.refused(operator, "has groups; allowed is one group")
    if any(item != 1 for item in operator.attributes.get("dilations", ())):
        raise t.refused(operator, "has dilations; allowed is a dilation of 1")
    if operator.attributes.get("output_shape"):
        raise t.refused(operator, "has an output_shape; allowed are pads and output_padding")
    layer, shape = t.as_images(operator, t.view(operator))
    held, axes = t.image(t.shape(operator))
    found = _cuts(operator, weights.shape[2:], shape, sizes(held))
    bias = _bias(t, operator)
    config = {
        "filters": weights.shape[1],
        "kernel_size": weights.shape[2:],
        "strides": tuple(item.stride for item in found),
        "padding": "valid",
        "use_bias": bool(bias),
    }
    given = [_given(item) for item in found]
    if given != list(sizes(held)[:-1]) and all(_is_same(item) for item in found):
        config["padding"], given = "same", list(sizes(held)[:-1])
    elif any(item.after < 0 for item in found):
        missing = [max(item.before + item.given - _reached(item), 0) for item in found]
        config["output_padding"] = tuple(missing)
        given = [_reached(item) + more for item, more in zip(found, missing, strict=True)]
    kernel = np.moveaxis(weights, (0, 1), (-1, -2))
    layer = t.add(
        operator,
        f"Conv{rank}DTranspose",
        config,
        layer,
        (*given, weights.shape[1]),
        [kernel, *bias],
    )
    if given != list(sizes(held)[:-1]):
        ends = tuple(
            (item.before, size - item.before - item.given)
            for item, size in zip(found, given, strict=True)
        )
        crop = {"cropping": ends if rank > 1 else ends[0]}
        layer = t.add(
            named_after(operator, "cropping"), f"Cropping{rank}D", crop, layer, sizes(held)
        )
    t.views[operator.outputs[0]] = View(layer, held, axes)


def _cuts(operator: Operator, widths: Sequence[int], taken: Shape, given: Shape) -> list[Window]:
    """Return the windows of a transposed convolution.

    `after` is what is cut at the end of all that Keras computes with padding "valid"; below 0,
    what is missing there.
    """
    strides = operator.attributes.get("strides", [1] * len(widths))
    extra = operator.attributes.get("output_padding", [0] * len(widths))
    found = []
    for axis, (width, stride) in enumerate(zip(widths, strides, strict=True)):
        reached = (taken[axis] - 1) * stride + width
        before = _before(operator, axis, max(reached + extra[axis] - given[axis], 0))
        whole = max(reached, taken[axis] * stride)
        after = whole - before - given[axis]
        found.append(Window(taken[axis], given[axis], width, stride, 1, before, after))
    return found


def _reached(window: Window) -> int:
    return (window.taken - 1) * window.stride + window.width


def _given(window: Window) -> int:
    """Return the size that Keras gives with padding "valid", by default."""
    return max(_reached(window), window.taken * window.stride)


def _is_same(window: Window) -> bool:
    """Return whether TensorFlow's "same" cuts the same values."""
    total = max(_reached(window) - window.given, 0)
    return window.given == window.taken * window.stride and window.before == total // 2


RULES = {"Linear": _linear, "Conv": _conv, "ConvTranspose": _transposed}
