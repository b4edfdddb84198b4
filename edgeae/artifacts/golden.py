"""Golden vectors: frozen inputs and outputs with which any device can be checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.manifest import Golden
from edgeae.system import atomic

#: Images in a golden set: enough to notice a swapped row of weights, small enough for a device.
SIZE = 64


def choose(n: int, labels: NDArray[Any] | None) -> list[int]:
    """Return the indices of up to 64 of n test images: one of each label, then from the start.

    Args:
        n: number of test images.
        labels: (n,) integers, or None.
    """
    first = (
        [] if labels is None else [int(np.argmax(labels == label)) for label in np.unique(labels)]
    )
    return list(dict.fromkeys([*first, *range(n)]))[:SIZE]


def write(out: Path, arrays: Mapping[str, NDArray[Any]]) -> Golden:
    """Write golden arrays, each (n, …), into a bundle; return their entry in the manifest."""
    hashes = {}
    for name, array in arrays.items():
        content = npy_bytes(array)
        atomic.write_bytes(out / "golden" / f"{name}.npy", content)
        hashes[name] = atomic.sha256(content)
    return Golden(len(arrays["image"]), hashes)
