"""Originals beside the reconstructions of every export, as strips of images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.bundle import Bundle
from edgeae.quantization import dequantize
from edgeae.report import png
from edgeae.report.gather import Summary

__all__ = ["IMAGES", "Sheet", "Strip", "sheet", "sheets"]

#: Images per strip: a golden set starts with one of each label.
IMAGES = 10
#: Width of a strip on a screen with room, pixels.
_SHOWN = 640
#: Transparent pixels between two images.
_GAP = 2


@dataclass(frozen=True)
class Strip:
    """A row of images.

    Attributes:
        recipe: whose reconstructions; None for the two rows that are not an export's.
        title: what the images are.
        uri: the strip, as a `data:` address.
    """

    recipe: str | None
    title: str
    uri: str


@dataclass(frozen=True)
class Sheet:
    """The strips of one model.

    Attributes:
        n: images in each strip.
        width, height: of a strip, pixels.
        strips: the originals, the Keras model's reconstructions, then each export's.
        problem: why there are no strips.
    """

    n: int
    width: int
    height: int
    strips: tuple[Strip, ...]
    problem: str = ""

    @property
    def zoom(self) -> int:
        """How much larger a screen with room shows it; whole, so that pixels stay square."""
        return max(1, _SHOWN // self.width)


def sheets(bundles: Sequence[Bundle], summary: Summary) -> dict[str, Sheet]:
    """Return model → its sheet, the strips in the order of the summary's exports.

    Raises:
        ManifestMismatch: a golden vector is not the one that was exported.
    """
    by_name = {bundle.name: bundle for bundle in bundles}
    return {
        model.name: sheet([by_name[export.name] for export in summary.of(model.name)])
        for model in summary.models
    }


def sheet(bundles: Sequence[Bundle]) -> Sheet:
    """Make the strips of one model from its bundles' golden vectors.

    Raises:
        ManifestMismatch: a golden vector is not the one that was exported.
    """
    originals = bundles[0].golden("image")[:IMAGES]
    shape = _picture(originals.shape[1:])
    if shape is None:
        told = " × ".join(str(size) for size in originals.shape[1:])
        return Sheet(0, 0, 0, (), f"An input of {told} values is not an image; nothing to show.")
    low, high = float(originals.min()), float(originals.max())
    rows = [
        (None, "original", originals),
        (None, "Keras, float32", bundles[0].golden("reconstruction")[:IMAGES]),
        *((bundle.manifest.recipe, bundle.manifest.recipe, _answer(bundle)) for bundle in bundles),
    ]
    # every strip on the originals' range: what is lost in contrast is seen
    drawn = [
        (recipe, title, _strip(images.reshape(-1, *shape), low, high))
        for recipe, title, images in rows
    ]
    height, width = drawn[0][2].shape[:2]
    strips = tuple(Strip(recipe, title, png.data_uri(pixels)) for recipe, title, pixels in drawn)
    return Sheet(len(originals), width, height, strips)


def _answer(bundle: Bundle) -> NDArray[np.float32]:
    """Return an export's reconstructions in real units."""
    affine = bundle.artifact("autoencoder").output.affine
    stored = bundle.golden("autoencoder")[:IMAGES]
    return stored if affine is None else dequantize(stored, affine)


def _picture(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return height and width of one image, or None when the values are not a picture's."""
    sizes = [size for size in shape if size != 1]
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    side = math.isqrt(math.prod(shape))
    return (side, side) if len(sizes) == 1 and side * side == sizes[0] else None


def _strip(images: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Lay images (n, height, width) side by side: (height, total width, 2), grey and alpha."""
    n, height, width = images.shape
    grey = np.zeros((n, height, width + _GAP, 2), np.uint8)
    level = (np.nan_to_num(images.astype(np.float64)) - low) / ((high - low) or 1.0)
    grey[:, :, :width, 0] = np.round(np.clip(level, 0, 1) * 255)
    grey[:, :, :width, 1] = 255
    return np.concatenate(list(grey), axis=1)[:, :-_GAP]
