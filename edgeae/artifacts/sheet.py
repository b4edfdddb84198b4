"""`sheet.npz` in a model's folder: a few test images and their reconstructions."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.model import SHEET
from edgeae.errors import BadInput
from edgeae.reading.arrays import read_npz

_NAMES = ("image", "reconstruction")


def pack_sheet(images: NDArray[np.float32], reconstructions: NDArray[np.float32]) -> bytes:
    """Return the file's bytes; both arrays are (n, …), in the dataset's shape."""
    stream = io.BytesIO()
    np.savez(stream, image=images, reconstruction=reconstructions)
    return stream.getvalue()


def read_sheet(folder: Path) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return images and reconstructions, both (n, …); None if the file is missing.

    Raises:
        BadInput: the file is damaged.
    """
    path = folder / SHEET
    try:
        _, arrays = read_npz(path, _NAMES)
    except FileNotFoundError:
        return None
    except BadInput as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae train --force` makes it") from None
    images, reconstructions = (arrays.get(name) for name in _NAMES)
    if images is None or reconstructions is None or images.shape != reconstructions.shape:
        allowed = f"{' and '.join(_NAMES)} of one shape"
        raise BadInput(f"{path}: damaged: not {allowed}; `edgeae train --force` makes it")
    return images, reconstructions
