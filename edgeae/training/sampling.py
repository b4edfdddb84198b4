"""Sample new images from a variational autoencoder: decode codes drawn from the prior."""

import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.model import KERAS, Training
from edgeae.families.samples import ARRAYS, SAMPLES, WEIGHTS
from edgeae.originals.keras_parts import load_model, parts
from edgeae.plotting import png
from edgeae.plotting.tiles import tiles
from edgeae.system import atomic
from edgeae.training.fit import reconstruct


def sample(
    folder: Path, training: Training, picture: tuple[int, int, int], n: int, seed: int
) -> NDArray[np.float32]:
    """Decode n codes drawn from N(0, I); write `samples.png` and `samples.npy` to the folder.

    Args:
        folder: `build/<model>`.
        training: the `train.json` of a variational model.
        picture: height, width and channels of an image.
        n: number of images.
        seed: the same seed gives the same images.

    Returns:
        the images, float32 (n, height, width, channels).
    """
    decoder = parts(load_model(folder / KERAS), training.code_layer)["decoder"]
    chance = np.random.default_rng(seed)
    codes = chance.standard_normal((n, *training.code_shape)).astype(np.float32)
    images = reconstruct(decoder, codes).reshape(n, *picture)
    stream = io.BytesIO()
    np.save(stream, images)
    pixels = tiles(images, math.ceil(math.sqrt(n)), 0.0, 1.0)
    atomic.write_bytes(folder / ARRAYS, stream.getvalue())
    texts = {WEIGHTS: training.weights_sha256}  # identifies outdated samples
    atomic.write_bytes(folder / SAMPLES, png.encode(pixels, texts))
    return images
