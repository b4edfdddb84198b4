"""Strips for the page: test images or other rows, and their reconstructions by every export."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, holding
from edgeae.artifacts.model import Training
from edgeae.artifacts.sheet import read_sheet
from edgeae.families.samples import read_samples
from edgeae.families.table import FAMILIES
from edgeae.metrics.quantization import dequantize
from edgeae.plotting import png
from edgeae.plotting.profiles import VALUES, profiles
from edgeae.plotting.profiles import size as profiles_size
from edgeae.plotting.tiles import picture, squared, tiles
from edgeae.summary.gather import Summary

#: Images per strip: a golden set starts with one image of each label.
IMAGES = 10
#: Rows per strip if they are drawn as lines.
_ROWS = 5
#: Width of a strip on a wide screen, in pixels.
_SHOWN = 640

Arrays = NDArray[np.floating]


@dataclass(frozen=True)
class Strip:
    """A row of images.

    Attributes:
        recipe: the export's recipe; None for the originals and the original model.
        title: the strip's title.
        uri: the strip as a `data:` URI.
    """

    recipe: str | None
    title: str
    uri: str


@dataclass(frozen=True)
class Drawing:
    """One image: its `data:` URI, and its size in pixels."""

    uri: str
    width: int
    height: int

    @property
    def zoom(self) -> int:
        """The zoom on a wide screen; a whole number, so that pixels stay square."""
        return max(1, _SHOWN // self.width)


@dataclass(frozen=True)
class Sheet:
    """The strips of one model.

    Attributes:
        n: number of images, or of rows, in each strip.
        width, height: size of a strip in pixels.
        strips: the originals, the original model's reconstructions, then each export's.
        problem: why there are no strips; empty if there are strips.
        rows: what is drawn if the rows are no images; else empty.
        samples: new images sampled from the model; or None.
    """

    n: int
    width: int
    height: int
    strips: tuple[Strip, ...]
    problem: str = ""
    samples: Drawing | None = None
    rows: str = ""

    @property
    def zoom(self) -> int:
        """The zoom of a strip on a wide screen."""
        return Drawing("", self.width, self.height).zoom


def sheets(
    bundles: Sequence[Bundle],
    folders: Mapping[str, Path],
    trainings: Mapping[str, Training],
    summary: Summary,
) -> dict[str, Sheet]:
    """Return model → sheet, with strips in the order of the summary's exports.

    Raises:
        BadInput: `sheet.npz` or `samples.png` is damaged.
        ManifestMismatch: the hash of a golden file differs from the manifest's.
    """
    by_name = {bundle.name: bundle for bundle in bundles}
    by_model = {}
    for model in (item.name for item in summary.models):
        own = [by_name[export.name] for export in summary.of(model)]
        rows, shape = _rows(own, folders[model])
        training = trainings.get(model)
        by_model[model] = _sheet(
            rows, shape, _samples(folders[model], training), signals=are_signals(training)
        )
    return by_model


def are_signals(training: Training | None) -> bool:
    """Return whether a model's rows are signals, although their shape may be that of a picture."""
    return (
        training is not None and training.family in FAMILIES and FAMILIES[training.family].signals
    )


def _rows(
    bundles: Sequence[Bundle], folder: Path
) -> tuple[list[tuple[str | None, str, Arrays]], tuple[int, ...]]:
    """Return recipe, title and images of each strip, and the shape of one image.

    The images are the exports' golden vectors; without an export they are those of `sheet.npz`.

    Raises:
        BadInput: `sheet.npz` is damaged.
        ManifestMismatch: the hash of a golden file differs from the manifest's.
    """
    left = _left(folder)
    if not bundles:
        return left, left[0][2].shape[1:] if left else ()
    # of imported files the bundle has no original, unless another was made beside them
    first = next((item for item in bundles if not item.as_is), bundles[0])
    rows: list[tuple[str | None, str, Arrays]] = [(None, "original", _golden(first, "image"))]
    if not first.as_is:
        rows.append((None, "float32 model", _golden(first, "reconstruction")))
    for bundle in bundles:
        if bundle.parts[-1] != "encoder":
            rows.append((bundle.manifest.recipe, bundle.manifest.recipe, _answer(bundle)))
    shape = _shape(left[0][2].shape[1:] if left else (), rows[0][2].shape[1:])
    return [(recipe, title, images[:IMAGES]) for recipe, title, images in rows], shape


def row_shape(folder: Path, taken: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a dataset's rows, such as that of its pictures.

    Args:
        folder: a model's folder.
        taken: the shape that the model takes; it may be flat although the rows are pictures.

    Raises:
        BadInput: `sheet.npz` is damaged.
    """
    arrays = read_sheet(folder)
    return _shape(arrays[0].shape[1:] if arrays else (), taken)


def _shape(stored: tuple[int, ...], taken: tuple[int, ...]) -> tuple[int, ...]:
    # after a retraining, the sheet may be of other rows than the export's
    return stored if stored and math.prod(stored) == math.prod(taken) else squared(taken)


def _left(folder: Path) -> list[tuple[str | None, str, Arrays]]:
    """Return the strips of `sheet.npz`; an empty list if the training wrote no such file."""
    arrays = read_sheet(folder)
    if arrays is None:
        return []
    titles = ("original", "float32 model")
    return [(None, title, images[:IMAGES]) for title, images in zip(titles, arrays, strict=True)]


def _sheet(
    rows: Sequence[tuple[str | None, str, Arrays]],
    shape: tuple[int, ...],
    samples: Drawing | None,
    *,
    signals: bool,
) -> Sheet:
    if not rows:
        return Sheet(0, 0, 0, (), "This model has no images yet: export it.", samples)
    picture_size = None if signals else picture(shape)
    if picture_size is None and len(shape) <= 2 and shape[:1] > (1,):
        return _lines(rows, shape, samples)
    if picture_size is None:
        axes = " × ".join(str(size) for size in shape)
        problem = f"An input of {axes} values is not an image, so no image is shown."
        return Sheet(0, 0, 0, (), problem, samples)
    originals = rows[0][2]
    # all strips use the originals' range, so that a loss of contrast is visible
    low, high = float(originals.min()), float(originals.max())
    drawn = [
        (recipe, title, tiles(images.reshape(-1, *picture_size), len(images), low, high))
        for recipe, title, images in rows
    ]
    height, width = drawn[0][2].shape[:2]
    strips = tuple(
        Strip(recipe, title, png.data_uri(png.encode(pixels))) for recipe, title, pixels in drawn
    )
    return Sheet(len(originals), width, height, strips, samples=samples)


def _lines(
    rows: Sequence[tuple[str | None, str, Arrays]],
    shape: tuple[int, ...],
    samples: Drawing | None,
) -> Sheet:
    """Return the strips of rows that are no images: vectors (width,) or signals (time, channels).

    Of a signal, the first channel is drawn.
    """
    shown = [(recipe, title, _first(given, shape)) for recipe, title, given in rows]
    originals = shown[0][2]
    low, high = float(originals.min()), float(originals.max())
    strips = tuple(
        Strip(recipe, title, profiles(originals, answers if at else None, low, high))
        for at, (recipe, title, answers) in enumerate(shown)
    )
    width, height = profiles_size(len(originals))
    return Sheet(len(originals), width, height, strips, samples=samples, rows=_drawn(shape))


def _first(rows: Arrays, shape: tuple[int, ...]) -> Arrays:
    channels = math.prod(shape[1:])
    return rows[:_ROWS].reshape(-1, shape[0], channels)[:, :VALUES, 0]


def _drawn(shape: tuple[int, ...]) -> str:
    values = f"the first {VALUES} values" if shape[0] > VALUES else f"the {shape[0]} values"
    channel = " of the first channel" if math.prod(shape[1:]) > 1 else ""
    return f"Each plot has {values}{channel} of a test row; reconstructions lie over the original."


def _answer(bundle: Bundle) -> Arrays:
    """Return an export's golden reconstructions in real units."""
    part = bundle.parts[-1]  # the autoencoder; or the decoder, if two halves were imported
    affine = bundle.artifact(part, bundle.format).output.affine
    stored = _golden(bundle, part)
    return stored if affine is None else dequantize(stored, affine)


def _golden(bundle: Bundle, name: str) -> NDArray[Any]:
    with holding(bundle.root) as now:
        return now.golden(name)


def _samples(folder: Path, training: Training | None) -> Drawing | None:
    content = read_samples(folder, training) if training else None
    return Drawing(png.data_uri(content), *png.size(content)) if content else None
