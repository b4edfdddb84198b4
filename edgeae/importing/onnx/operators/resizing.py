"""Resize by a whole factor, where Keras's UpSampling computes the same."""

import math
from fractions import Fraction

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import axes_of, channels_last, sizes
from edgeae.importing.onnx.translation import Translation, named_after

_ALLOWED = (
    "allowed are whole factors of at least 1 with mode nearest, or with mode linear and "
    "align_corners=False"
)
#: Ways to round a place half way between two values, of ONNX's `docs/Operators.md`.
_ROUNDED = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round_prefer_floor": lambda place: math.ceil(place - Fraction(1, 2)),
    "round_prefer_ceil": lambda place: math.floor(place + Fraction(1, 2)),
}


def _resized(t: Translation, operator: Operator) -> None:
    view, shape = t.view(operator), t.shape(operator)
    rank = len(view.shape) - 1
    factors = [
        Fraction(given, taken) for given, taken in zip(shape[1:], view.shape[1:], strict=True)
    ]
    whole = [int(item) for item in factors]
    if rank not in (1, 2) or shape[0] != view.shape[0] or whole != factors:
        raise t.refused(operator, f"from {view.shape} to {shape}; {_ALLOWED}")
    if max(whole) == 1:
        t.views[operator.outputs[0]] = view
        return
    mode = operator.attributes.get("mode", "nearest")
    if mode == "nearest":
        _check_nearest(t, operator, whole, view.shape[1:])
    elif mode == "linear":
        _check_linear(t, operator, shape[1:])
    else:
        raise t.refused(operator, f"mode {mode}; {_ALLOWED}")
    _upsampled(t, operator, whole, bilinear=mode == "linear")


def _upsampled(t: Translation, operator: Operator, factors: list[int], *, bilinear: bool) -> None:
    view = t.view(operator)
    layer, shape = t.as_images(operator, view)
    spatial = axes_of(t.shape(operator)[1:])
    axes = (view.axes[0], *spatial)
    held = channels_last(axes)
    if len(factors) == 1 and not bilinear:
        made = t.held(operator, "UpSampling1D", {"size": factors[0]}, layer, held, axes)
        t.views[operator.outputs[0]] = made
        return
    config = {"size": tuple(factors), "interpolation": "bilinear" if bilinear else "nearest"}
    if len(factors) == 2:
        made = t.held(operator, "UpSampling2D", config, layer, held, axes)
        t.views[operator.outputs[0]] = made
        return
    # Keras interpolates images only: a signal is one that is one value wide
    wide = (shape[0], 1, shape[1])
    image = t.add(named_after(operator, "image"), "Reshape", {"target_shape": wide}, layer, wide)
    config["size"] = (factors[0], 1)
    high = (*sizes(held)[:1], 1, shape[1])
    made_image = t.add(operator, "UpSampling2D", config, image, high)
    flat = {"target_shape": sizes(held)}
    made = t.held(named_after(operator, "signal"), "Reshape", flat, made_image, held, axes)
    t.views[operator.outputs[0]] = made


def _place(operator: Operator, at: int, factor: int, taken: int, given: int) -> Fraction | None:
    """Return the place in the input of a place in the output; None for a way that is unknown."""
    way = operator.attributes.get("coordinate_transformation_mode", "half_pixel")
    half = Fraction(1, 2)
    if way in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel"):
        alone = way == "pytorch_half_pixel" and given == 1
        return Fraction(0) if alone else (at + half) / factor - half
    if way == "tf_half_pixel_for_nn":
        return (at + half) / factor
    if way == "asymmetric":
        return Fraction(at, factor)
    if way == "align_corners":
        return Fraction(0) if given == 1 else Fraction(at * (taken - 1), given - 1)
    return None


def _check_nearest(
    t: Translation, operator: Operator, factors: list[int], taken: tuple[int, ...]
) -> None:
    """Check that each value is repeated as often as the factor says."""
    rounding = operator.attributes.get("nearest_mode", "round_prefer_floor")
    for factor, size in zip(factors, taken, strict=True):
        for at in range(factor * size):
            place = _place(operator, at, factor, size, factor * size)
            found = None if place is None else _ROUNDED[rounding](place)
            if found is None or min(max(found, 0), size - 1) != at // factor:
                way = operator.attributes.get("coordinate_transformation_mode", "half_pixel")
                raise t.refused(operator, f"{way}, {rounding}: does not repeat values; {_ALLOWED}")


def _check_linear(t: Translation, operator: Operator, given: tuple[int, ...]) -> None:
    way = operator.attributes.get("coordinate_transformation_mode", "half_pixel")
    if way != "half_pixel" and not (way == "pytorch_half_pixel" and min(given) > 1):
        raise t.refused(operator, f"mode linear, {way}; {_ALLOWED}")


RULES = {"Resize": _resized}
