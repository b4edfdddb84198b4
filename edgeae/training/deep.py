"""The deep autoencoder: several hidden layers before the code, mirrored after it."""

import math

from edgeae.families.settings import Settings
from edgeae.training.dense import mirrored
from edgeae.training.objective import Objective


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width; the code is linear, the output sigmoid.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation` (of the hidden layers) and `loss` are used.
    """
    return Objective(mirrored(math.prod(shape), settings), settings.loss)
