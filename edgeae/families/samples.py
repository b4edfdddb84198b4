"""Samples: which models have them, and the sheet of them beside the model."""

from pathlib import Path

from edgeae.artifacts.model import SHEET, Training
from edgeae.artifacts.sheet import read_sheet
from edgeae.errors import BadInput
from edgeae.plotting import png
from edgeae.plotting.tiles import picture
from edgeae.reading import files

#: The family whose code has a prior, N(0, I), to draw from.
_FAMILY = "variational"
#: Below the model's folder: the sheet, and the images themselves, float32.
SAMPLES = "samples.png"
ARRAYS = "samples.npy"
#: What the sheet says of whose samples they are.
WEIGHTS = "weights_sha256"


def sampled_picture(folder: Path, training: Training) -> tuple[int, int, int]:
    """Return height, width and channels of the images that a model can be asked for.

    Raises:
        BadInput: the model's code has no prior, or what it makes is no image.
    """
    if training.family != _FAMILY:
        raise BadInput(
            f"{folder}: family {training.family}: nothing says how its codes are distributed; "
            f"`edgeae sample` takes models of family {_FAMILY}, whose codes are drawn from N(0, I)"
        )
    sheet = read_sheet(folder)
    if sheet is None:
        raise BadInput(f"{folder / SHEET}: missing; `edgeae train --force` makes it")
    shape = sheet[0].shape[1:]  # as the dataset had it; the model may take it flat
    found = picture(shape)
    if found is None:
        told = " × ".join(map(str, shape))
        raise BadInput(f"{folder}: rows of {told} values are no images; nothing to draw")
    return found


def read_samples(folder: Path, training: Training) -> bytes | None:
    """Return the sheet of a model's samples; None where there is none of these weights.

    Raises:
        BadInput: the sheet is damaged.
    """
    path = folder / SAMPLES
    try:
        content = files.read(path, files.PICTURE_BYTES)
    except FileNotFoundError:
        return None
    try:
        said = png.notes(content)
    except ValueError as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae sample` makes it anew") from None
    return content if said.get(WEIGHTS) == training.weights_sha256 else None
