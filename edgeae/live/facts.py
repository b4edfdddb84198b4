"""What the page has to know of models and recipes, as JSON: shapes, examples, scales, levels."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, holding
from edgeae.artifacts.manifest import TensorSpec
from edgeae.artifacts.model import Training
from edgeae.data import normalization_of
from edgeae.embed.record import Record
from edgeae.live.choose import parts_of
from edgeae.metrics.quantization import quantize
from edgeae.plotting.tiles import picture
from edgeae.report.sheet import are_signals, row_shape

#: Examples of a model: a golden set starts with one image of each label.
EXAMPLES = 10
#: Grey levels of a drawing.
_LEVELS = 256
#: Range of a code whose range no test measured.
_USUAL_CODE = (-3.0, 3.0)

Facts = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """The examples of a model, and what can be drawn of them.

    Attributes:
        values: real values, float32 (n, size).
        shape: height, width and channels of a picture; None if the rows are no pictures.
        channels: values that a picture has for each pixel, or a signal for each moment.
        levels: (256,) the real value of each grey level of a picture, float32; None if the rows
            are no pictures.
        names: what a screen reader says of each example.
    """

    values: NDArray[np.float32]
    shape: tuple[int, int, int] | None
    channels: int
    levels: NDArray[np.float32] | None
    names: tuple[str, ...]


def rows_of(bundle: Bundle, folder: Path, training: Training | None) -> Rows:
    """Return a model's examples, from the golden vectors of a bundle.

    Raises:
        BadInput: `sheet.npz` is damaged.
        ManifestMismatch: the hash of a golden file differs from the manifest's.
    """
    with holding(bundle.root) as held:
        images = held.golden("image")[:EXAMPLES]
    shape = row_shape(folder, images.shape[1:])
    drawn = None if are_signals(training) else picture(shape)
    values = images.reshape(len(images), -1)
    channels = drawn[2] if drawn else shape[-1] if len(shape) == 2 else 1
    levels = _levels(bundle, images) if drawn else None
    return Rows(values, drawn, channels, levels, _names(bundle, len(images), drawn is not None))


def _levels(bundle: Bundle, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the real values of the grey levels: a pixel's, or between the examples' extremes."""
    normalization = normalization_of(bundle.manifest)
    if normalization.scale != 1.0:
        return normalization.real(np.arange(_LEVELS, dtype=np.uint8))
    return np.linspace(images.min(), images.max(), _LEVELS, dtype=np.float32)


def _names(bundle: Bundle, count: int, drawn: bool) -> tuple[str, ...]:
    loss = bundle.manifest.loss
    labels = list(loss.labels or ()) if loss and drawn else []
    if all(label.isdecimal() for label in labels):
        labels.sort(key=int)  # the order in which golden images were chosen
    else:
        labels = []
    others = [f"example {place + 1}" for place in range(len(labels), count)]
    return tuple([f"example of label {label}" for label in labels] + others)[:count]


def model_facts(name: str, rows: Rows, recipes: list[Facts]) -> Facts:
    """Return what the page knows of a model."""
    facts = {
        "name": name,
        "size": rows.values.shape[1],
        "picture": rows.shape is not None,
        "channels": rows.channels,
        "names": rows.names,
        "recipes": recipes,
    }
    if rows.shape is None or rows.levels is None:
        low, high = _range(rows.values)
        return facts | {"samples": _text(rows.values), "low": low, "high": high}
    low, high = float(rows.levels[0]), float(rows.levels[-1])
    stored = np.round((rows.values - low) / ((high - low) or 1.0) * (_LEVELS - 1))
    pixels = np.clip(stored, 0, _LEVELS - 1).astype(np.uint8)
    border = np.concatenate([_border(image.reshape(rows.shape)) for image in pixels])
    return facts | {
        "height": rows.shape[0],
        "width": rows.shape[1],
        "low": low,
        "high": high,
        "levels": rows.levels.tolist(),
        "samples": _text(pixels),
        "inverted": bool(border.mean() > _LEVELS / 2),
    }


def _range(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the range of a plot; golden values are finite."""
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1.0


def _border(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([image[edge].ravel() for edge in (0, -1)])


def recipe_facts(bundle: Bundle, record: Record, rows: Rows, number: int, size: int) -> Facts:
    """Return what the page knows of a recipe.

    Args:
        bundle: the bundle.
        record: its record.
        rows: the model's examples.
        number: which of the page's modules is the recipe's.
        size: bytes of the module.
    """
    specs = {part: bundle.artifact(part) for part in parts_of(bundle)}
    facts: Facts = {
        "name": bundle.manifest.recipe,
        "module": number,
        "bytes": size,
        "parts": {
            part: {"input": _edge(item.input), "output": _edge(item.output)}
            for part, item in specs.items()
        },
        "code": _code(bundle),
    }
    first = next(iter(specs))
    facts["input"] = _edge(specs[first].input)
    affine = specs[first].input.affine
    if rows.levels is None:
        given = next(item for item in record.parts if item.part == first).inputs
        return facts | {"rows": _text(given[:EXAMPLES])}
    return facts | ({"levels": quantize(rows.levels, affine).tolist()} if affine else {})


def _edge(spec: TensorSpec) -> Facts:
    affine = spec.affine
    return {
        "type": spec.dtype,
        "size": int(np.prod(spec.values)),
        "scale": affine.scale if affine else None,
        "zero": affine.zero_point if affine else None,
    }


def _code(bundle: Bundle) -> Facts:
    """Return the range of the code over the test images; a usual one if no test measured it."""
    code = bundle.manifest.code
    low, high = (code.min, code.max) if code else _USUAL_CODE
    return {"min": low, "max": high}


def _text(values: NDArray[Any]) -> str:
    """Return an array's bytes, the lowest first, in base64."""
    ordered = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return base64.b64encode(ordered.tobytes()).decode()
