"""What a notebook shows of a bundle: a table of figures, and images with their reconstructions.

The HTML has no script and no style sheet, and colours nothing: it looks like the notebook around
it, light or dark. Every text in it is escaped.
"""

from html import escape

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Manifest
from edgeae.errors import EdgeaeError
from edgeae.plotting import png
from edgeae.plotting.profiles import VALUES, profiles
from edgeae.plotting.tiles import picture, squared, tiles
from edgeae.runtimes.inference import real

#: Golden images that are shown; a golden set starts with one of each label.
_IMAGES, _ROWS = 10, 5
#: Width of a strip of images on the page, in pixels.
_SHOWN = 640
_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"


def html(bundle: Bundle) -> str:
    """Return a bundle as HTML for a notebook; a damaged golden vector is reported in its place."""
    try:
        drawn = _strips(bundle)
    except EdgeaeError as error:
        drawn = f"<p>{escape(str(error))}</p>"
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}">{escape(key)}</th>'
        f'<td style="{_CELL}">{escape(value)}</td></tr>'
        for key, value in _figures(bundle.manifest).items()
    )
    table = f'<table style="border:0"><tbody>{rows}</tbody></table>'
    return f"<div><p><strong>{escape(bundle.name)}</strong></p>{table}{drawn}</div>"


def _figures(manifest: Manifest) -> dict[str, str]:
    """Return what the table says: key → value."""
    figures = {
        artifact.path: f"{artifact.bytes:,} B, {artifact.flavour}, {artifact.macs:,} MACs"
        for artifact in manifest.artifacts
    }
    code, loss = manifest.code, manifest.loss
    if code is not None:
        kind = "float32" if code.scale is None else f"scale {code.scale:.4g}"
        figures["code"] = f"{code.size:,} values, {code.min:.3g} to {code.max:.3g}, {kind}"
    if loss is not None:
        ratio = "" if loss.yardstick_ratio is None else f", {loss.yardstick_ratio:.4f} ×"
        whose = "the original's" if loss.control is None else "the equal-budget control's"
        figures["loss"] = f"MSE {loss.exported:.5f}{ratio} {whose} {loss.yardstick:.5f}"
    data = manifest.dataset
    figures["data"] = f"{data['name']}, {data['n']:,} test images"
    return figures


def _strips(bundle: Bundle) -> str:
    """Return golden images above their reconstructions; empty if no part reconstructs."""
    part = bundle.parts[-1]
    if part == "encoder" or "image" not in bundle.manifest.golden.sha256:
        return ""
    images = bundle.golden("image")
    made = real(bundle.artifact(part, bundle.format), bundle.golden(part))
    size = None if _has_columns(bundle.manifest) else picture(squared(images.shape[1:]))
    if size is None:
        return _lines(images[:_ROWS], made[:_ROWS])
    n = min(_IMAGES, len(images))
    rows = np.concatenate([array[:n].reshape(n, *size) for array in (images, made)])
    # the originals' range for both, so that a loss of contrast is visible
    drawn = tiles(rows, n, float(images[:n].min()), float(images[:n].max()))
    alternative = f"{n} images of {bundle.manifest.dataset['name']}; below, their reconstructions"
    style = f"width:{_zoomed(drawn.shape[1])}px;max-width:100%;image-rendering:pixelated"
    return _image(png.data_uri(png.encode(drawn)), alternative, style)


def _has_columns(manifest: Manifest) -> bool:
    """Return whether the rows are those of a table or windows of a signal, and no pictures."""
    data = manifest.dataset
    named = bool(data.get("columns")) or "window" in data.get("reading", {})
    return named or manifest.standardization is not None


def _lines(images: NDArray[np.floating], made: NDArray[np.floating]) -> str:
    """Return rows that are no images as lines, with the reconstructions over them.

    Of a signal, (time, channels), the first channel is drawn.
    """
    shape = [size for size in images.shape[1:] if size != 1] or [1]
    rows, answers = (
        array.reshape(len(array), shape[0], -1)[:, :VALUES, 0] for array in (images, made)
    )
    drawn = profiles(rows, answers, float(rows.min()), float(rows.max()))
    alternative = f"{len(rows)} rows as grey lines; over them, their reconstructions"
    return _image(drawn, alternative, "max-width:100%")


def _image(uri: str, alternative: str, style: str) -> str:
    return f'<img src="{uri}" alt="{escape(alternative)}" style="{style}">'


def _zoomed(width: int) -> int:
    """Return the width on the page: a multiple, so that pixels stay square."""
    return width * max(1, _SHOWN // width)
