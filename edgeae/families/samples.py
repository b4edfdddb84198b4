"""Samples of a model: which models can be sampled, and the files of samples in their folders."""

from pathlib import Path

from edgeae.artifacts.model import SHEET, Training
from edgeae.artifacts.sheet import read_sheet
from edgeae.errors import BadInput
from edgeae.plotting import png
from edgeae.plotting.tiles import picture
from edgeae.reading import files

#: The family whose code has a prior, N(0, I), from which codes can be drawn.
_FAMILY = "variational"
#: Files in the model's folder: the images on one sheet, and their array, float32.
SAMPLES = "samples.png"
ARRAYS = "samples.npy"
#: Keyword of the sheet's text that identifies the sampled model.
WEIGHTS = "weights_sha256"


def sampled_picture(folder: Path, training: Training) -> tuple[int, int, int]:
    """Return height, width and channels of a model's samples.

    Raises:
        BadInput: the model's code has no prior, or its reconstructions are no images.
    """
    if training.family != _FAMILY:
        raise BadInput(
            f"{folder}: family {training.family} has no distribution of codes; `edgeae sample` "
            f"takes models of family {_FAMILY}, whose codes are drawn from N(0, I)"
        )
    sheet = read_sheet(folder)
    if sheet is None:
        raise BadInput(f"{folder / SHEET}: missing; `edgeae train --force` makes it")
    shape = sheet[0].shape[1:]  # the dataset's shape; the model's may be flat
    size = picture(shape)
    if size is None:
        axes = " × ".join(map(str, shape))
        raise BadInput(f"{folder}: rows of {axes} values are no images, so samples cannot be drawn")
    return size


def read_samples(folder: Path, training: Training) -> bytes | None:
    """Return the PNG file of a model's samples; None if there is none for these weights.

    Raises:
        BadInput: the sheet is damaged.
    """
    path = folder / SAMPLES
    try:
        content = files.read(path, files.PICTURE_BYTES)
    except FileNotFoundError:
        return None
    try:
        texts = png.notes(content)
    except ValueError as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae sample` makes it again") from None
    return content if texts.get(WEIGHTS) == training.weights_sha256 else None
