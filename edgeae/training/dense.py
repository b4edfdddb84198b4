"""The dense autoencoder of rows of any range: as `deep`, with a linear output, and from PCA on."""

import math

import numpy as np
from numpy.typing import NDArray

from edgeae.families.settings import Settings
from edgeae.training.deep import mirrored
from edgeae.training.objective import Objective
from edgeae.training.starting import start_at_components


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width; code and output are linear.

    Args:
        shape: shape of one row; the model takes it flat.
        settings: `hidden`, `code` and `activation` (of the hidden layers) are used.
    """
    return _FromComponents(mirrored(math.prod(shape), settings, output="linear"))


class _FromComponents(Objective):
    """The reconstruction loss of a model that starts at the principal components."""

    def start(self, images: NDArray[np.float32]) -> None:
        super().start(images)
        start_at_components(self.model, images)
