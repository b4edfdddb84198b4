"""What leads from the report to the live page: a picture of it, and the link."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, holding
from edgeae.metrics.quantization import dequantize
from edgeae.plotting import png
from edgeae.plotting.tiles import tiles

#: The golden image of the picture: a three, if the labels are digits.
_IMAGE = 3
#: Most values of the code that are drawn.
_BARS = 32


@dataclass(frozen=True)
class LivePicture:
    """An image, its code and its reconstruction.

    Attributes:
        image, reconstruction: `data:` URIs.
        bars: the code's values as pairs of lower and upper end, from 0 to 1.
    """

    image: str
    reconstruction: str
    bars: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LiveCard:
    """The live page, as the report shows it.

    Attributes:
        path: the page's file.
        problem: why the page computes nothing, as a sentence without a dot; empty if it does.
        remedy: the command that changes it, or empty.
        drawn: whether people can draw on it.
        models, modules: how many it has; a module is a bundle's.
        picture: of the first model; None if its rows are no images.
    """

    path: Path
    problem: str = ""
    remedy: str = ""
    drawn: bool = False
    models: int = 0
    modules: int = 0
    picture: LivePicture | None = None


@dataclass(frozen=True)
class LiveSection:
    """A card, and the address of the page as the report's page has to name it."""

    card: LiveCard
    address: str


def live_section(card: LiveCard, out: Path) -> LiveSection:
    """Return the section of a report.

    Args:
        card: the live page.
        out: folder of the report.
    """
    relative = os.path.relpath(card.path.resolve(), out.resolve())
    return LiveSection(card, quote(Path(relative).as_posix()))


def picture_of(bundle: Bundle, shape: tuple[int, int, int]) -> LivePicture | None:
    """Return the picture of a bundle; None if it is not a whole autoencoder.

    Args:
        bundle: the bundle.
        shape: height, width and channels of its images.

    Raises:
        ManifestMismatch: the hash of a golden file differs from the manifest's.
    """
    if not {"encoder", "decoder"} <= set(bundle.parts):
        return None
    with holding(bundle.root) as held:
        image = held.golden("image")[_IMAGE : _IMAGE + 1]
        code, answer = (_real(held, part)[_IMAGE : _IMAGE + 1] for part in ("encoder", "decoder"))
    if not len(image):
        return None
    low, high = float(image.min()), float(image.max())
    drawn = [
        png.data_uri(png.encode(tiles(array.reshape(1, *shape), 1, low, high)))
        for array in (image, answer)
    ]
    return LivePicture(drawn[0], drawn[1], _bars(code.ravel()[:_BARS]))


def _real(bundle: Bundle, part: str) -> NDArray[np.floating]:
    affine = bundle.artifact(part, bundle.format).output.affine
    stored = bundle.golden(part)
    return stored if affine is None else dequantize(stored, affine)


def _bars(code: NDArray[np.floating]) -> tuple[tuple[float, float], ...]:
    """Return the ends of bars that start at zero; least and largest value fill the range."""
    low, high = min(float(code.min()), 0.0), max(float(code.max()), 0.0)
    span = (high - low) or 1.0
    zero = -low / span
    tops = [(float(value) - low) / span for value in code]
    return tuple((min(zero, top), max(zero, top)) for top in tops)
