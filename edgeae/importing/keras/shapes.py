"""Infers the output shape of every layer without Keras.

A model that is not an autoencoder, or has no bottleneck, is therefore rejected before anything is
loaded. The rebuilt model must have the same shapes.
"""

import math
from collections.abc import Callable
from typing import Any

from edgeae.errors import BadInput
from edgeae.importing.keras.architecture import Architecture

Shape = tuple[int, ...]


def infer(source: str, flat: Architecture, image: Shape) -> dict[str, Shape]:
    """Return the name of the input and of each layer → shape of its output, without the batch.

    Args:
        source: name of the file, for the error.
        flat: the architecture.
        image: shape of the input, without the batch.

    Raises:
        BadInput: a layer's configuration is not valid, or does not fit the shape of its inputs.
    """
    shapes = {flat.input: image}
    for layer in flat.layers:
        given = [shapes[name] for name in layer.inputs]
        try:
            rule: _Rule = _RULES.get(layer.kind, _same)
            shape = rule(layer.config, *given)
            if not all(isinstance(size, int) for size in shape):
                raise ValueError("sizes are whole numbers")
        except (ArithmeticError, KeyError, IndexError, TypeError, ValueError) as error:
            reason = f"its configuration does not fit {_told(given)} ({error})"
            raise BadInput(f"{source}: layer {layer.name} ({layer.kind}): {reason}") from None
        if any(size < 1 for size in shape):
            raise BadInput(
                f"{source}: layer {layer.name} ({layer.kind}): no output for {_told(given)}"
            )
        shapes[layer.name] = shape
    return shapes


def _told(shapes: list[Shape]) -> str:
    return " and ".join("×".join(map(str, shape)) for shape in shapes)


def _same(config: dict[str, Any], *shapes: Shape) -> Shape:
    """Return the shape of an elementwise layer; sizes of 1 are broadcast."""
    (rank,) = {len(shape) for shape in shapes}
    sizes = [{shape[axis] for shape in shapes} - {1} for axis in range(rank)]
    if any(len(size) > 1 for size in sizes):
        raise ValueError("shapes differ")
    return tuple(size.pop() if size else 1 for size in sizes)


def _dense(config: dict[str, Any], shape: Shape) -> Shape:
    return (*shape[:-1], _count(config["units"]))


def _conv(config: dict[str, Any], shape: Shape) -> Shape:
    return (*_convolved(config, config["kernel_size"], shape), _count(config["filters"]))


def _depthwise(config: dict[str, Any], shape: Shape) -> Shape:
    channels = shape[-1] * _count(config.get("depth_multiplier", 1))
    return (*_convolved(config, config["kernel_size"], shape), channels)


def _pool(config: dict[str, Any], shape: Shape) -> Shape:
    strides = config.get("strides") or config["pool_size"]
    return (*_convolved({**config, "strides": strides}, config["pool_size"], shape), shape[-1])


def _convolved(config: dict[str, Any], window: Any, shape: Shape) -> Shape:
    rank = len(shape) - 1
    widths, strides = _each(window, rank), _each(config.get("strides", 1), rank)
    dilations = _each(config.get("dilation_rate", 1), rank)
    if config.get("padding", "valid") in ("same", "causal"):
        return tuple(-(-size // step) for size, step in zip(shape, strides, strict=False))
    places = zip(shape, widths, strides, dilations, strict=False)
    return tuple(
        (size - (width - 1) * apart - 1) // step + 1 for size, width, step, apart in places
    )


def _transposed(config: dict[str, Any], shape: Shape) -> Shape:
    rank = len(shape) - 1
    widths, strides = _each(config["kernel_size"], rank), _each(config.get("strides", 1), rank)
    dilations = _each(config.get("dilation_rate", 1), rank)
    written = config.get("output_padding")
    extra = [None] * rank if written is None else list(_each(written, rank))
    same = config.get("padding", "valid") == "same"
    sizes = []
    for size, width, step, apart, more in zip(
        shape, widths, strides, dilations, extra, strict=False
    ):
        reach = (width - 1) * apart + 1
        if more is not None:
            sizes.append((size - 1) * step + reach - (2 * (reach // 2) if same else 0) + more)
        else:
            sizes.append(size * step + (0 if same else max(reach - step, 0)))
    return (*sizes, _count(config["filters"]))


def _global_pool(config: dict[str, Any], shape: Shape) -> Shape:
    return (*(1,) * (len(shape) - 1), shape[-1]) if config.get("keepdims") else shape[-1:]


def _flatten(config: dict[str, Any], shape: Shape) -> Shape:
    return (math.prod(shape),)


def _reshape(config: dict[str, Any], shape: Shape) -> Shape:
    target = [_count(size) for size in config["target_shape"]]
    if -1 in target:
        target[target.index(-1)] = math.prod(shape) // -math.prod(target)
    if math.prod(target) != math.prod(shape):
        raise ValueError(f"target_shape has {math.prod(target)} values")
    return tuple(target)


def _permute(config: dict[str, Any], shape: Shape) -> Shape:
    return tuple(shape[axis - 1] for axis in config["dims"])


def _upsample(config: dict[str, Any], shape: Shape) -> Shape:
    factors = _each(config["size"], len(shape) - 1)
    return (*(size * factor for size, factor in zip(shape, factors, strict=False)), shape[-1])


def _pad(config: dict[str, Any], shape: Shape) -> Shape:
    return _edged(shape, config["padding"], 1)


def _crop(config: dict[str, Any], shape: Shape) -> Shape:
    return _edged(shape, config["cropping"], -1)


def _edged(shape: Shape, written: Any, sign: int) -> Shape:
    """Return the shape with padding added (sign 1) or cropping removed (sign −1).

    `written` is one number, one number per axis, or one number per side of each axis.
    """
    rank = len(shape) - 1
    if rank == 1:
        sums = [2 * written if isinstance(written, int) else sum(written)]
    else:
        items = _each(written, rank)
        sums = [2 * item if isinstance(item, int) else sum(item) for item in items]
    return (*(size + sign * more for size, more in zip(shape, sums, strict=False)), shape[-1])


def _concatenate(config: dict[str, Any], *shapes: Shape) -> Shape:
    axis = config.get("axis", -1)
    place = axis - 1 if axis > 0 else len(shapes[0]) + axis
    others = {shape[:place] + shape[place + 1 :] for shape in shapes}
    if len(others) > 1 or not 0 <= place < len(shapes[0]):
        raise ValueError("shapes differ on other axes")
    joined = sum(shape[place] for shape in shapes)
    return (*shapes[0][:place], joined, *shapes[0][place + 1 :])


def _each(value: Any, rank: int) -> tuple[Any, ...]:
    """Return a value per axis: Keras writes one number for all axes, or a list."""
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank:
        raise ValueError(f"{value} is not for {rank} axes")
    return values


def _count(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


_Rule = Callable[..., Shape]
#: Class → rule; other layers have the shape of their input.
_RULES: dict[str, _Rule] = {
    "Dense": _dense,
    **dict.fromkeys(("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D"), _conv),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _transposed),
    "DepthwiseConv2D": _depthwise,
    **dict.fromkeys(
        ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pool
    ),
    **dict.fromkeys(
        (
            *("GlobalMaxPooling1D", "GlobalMaxPooling2D"),
            *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
        ),
        _global_pool,
    ),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    **dict.fromkeys(("UpSampling1D", "UpSampling2D"), _upsample),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _pad),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _crop),
    "Concatenate": _concatenate,
}
