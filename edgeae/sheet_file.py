"""`sheet.npz` in a model's folder: a few test images, and what the trained model makes of them."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.model import SHEET

__all__ = ["pack_sheet", "read_sheet"]


def pack_sheet(images: NDArray[np.float32], reconstructions: NDArray[np.float32]) -> bytes:
    """Return the file's bytes; both arrays (n, …) in the shape that the dataset has."""
    stream = io.BytesIO()
    np.savez(stream, image=images, reconstruction=reconstructions)
    return stream.getvalue()


def read_sheet(folder: Path) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return images and reconstructions; None where no training left any.

    Raises:
        BadInput: the file is damaged.
    """
    path = folder / SHEET
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return archive["image"], archive["reconstruction"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae train --force` makes it") from None
