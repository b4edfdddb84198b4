"""MNIST: from `EDGEAE_MNIST`, else from the keras cache, else from a download through keras."""

import hashlib
import os
from pathlib import Path

import numpy as np

from edgeae.data.dataset import Dataset
from edgeae.data.file import read
from edgeae.data.splitting import split
from edgeae.errors import BadInput, EdgeaeError
from edgeae.system import children

#: The file that keras downloads, `mnist.npz` (the hash is keras's own).
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
#: `Dataset.sha256` of its arrays, which does not depend on the file's format.
MNIST_ARRAYS_SHA256 = "ebf8b79326aabe93090be9f5e86dab2d0f195267e4b886c3b70a28554b4be482"
#: The variable of the environment that says where MNIST is.
VARIABLE = "EDGEAE_MNIST"
_DOWNLOAD_TIMEOUT_S = 120.0


def load_mnist(download: bool) -> Dataset:
    """Return MNIST.

    Args:
        download: whether MNIST may be downloaded.

    Raises:
        BadInput: MNIST is not available, or the file is not MNIST.
    """
    path = find_mnist(download)
    stored = read(path)
    arrays = stored.arrays
    if not arrays.keys() >= {"x_train", "x_test"}:
        raise BadInput(f"{path}: MNIST needs x_train and x_test; the file has {', '.join(arrays)}")
    dataset = split("mnist", str(path), stored)
    images = arrays["x_test"]  # `split` has checked that x_train has the same kind and shape
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise BadInput(
            f"{path}: images are {images.dtype} of shape {images.shape[1:]}; "
            "MNIST is uint8 (n, 28, 28)"
        )
    return dataset


def find_mnist(download: bool = True) -> Path:
    """Return the file or folder that holds MNIST.

    Args:
        download: whether MNIST may be downloaded.

    Raises:
        BadInput: MNIST is not available, or keras's file is damaged.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    cached = _keras_cache()
    if not cached.exists():
        if not download:
            raise BadInput(f"EDGEAE_MNIST is not set and {cached} is missing")
        _download(cached)
    actual = hashlib.sha256(cached.read_bytes()).hexdigest()
    if actual != MNIST_SHA256:
        raise BadInput(
            f"{cached}: sha256 {actual[:12]}…, but keras's mnist.npz has {MNIST_SHA256[:12]}…"
        )
    return cached


def _keras_cache() -> Path:
    """Return the path of keras's MNIST: Keras 3 uses KERAS_HOME, tf_keras the home folder."""
    home = Path("~/.keras").expanduser()
    places = [Path(os.environ.get("KERAS_HOME") or home), home]
    files = [place / "datasets" / "mnist.npz" for place in places]
    return next((file for file in files if file.exists()), files[-1])


def _download(cached: Path) -> None:
    why = f"EDGEAE_MNIST is not set, {cached} is missing and the download"
    try:
        children.run("edgeae.data.download", {}, timeout_s=_DOWNLOAD_TIMEOUT_S)
    except EdgeaeError as error:
        raise BadInput(f"{why} failed: {error}") from None
    if not cached.exists():
        raise BadInput(f"{why} did not write it (is {cached.parents[2]} writable?)")
