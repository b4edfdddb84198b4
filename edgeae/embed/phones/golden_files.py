"""Golden vectors as files of bytes, little-endian, which tests on a device read."""

from collections.abc import Iterable

import numpy as np

from edgeae.embed.phones.face import Face


def golden_files(folder: str, faces: Iterable[Face]) -> dict[str, bytes]:
    """Return path → content: `NAME_input.bin` and `NAME_output.bin` for each part.

    Args:
        folder: the folder of the files, with a slash at its end.
        faces: the parts.
    """
    return {
        f"{folder}{face.name}_{edge}.bin": values.astype(values.dtype.newbyteorder("<")).tobytes()
        for face in faces
        for edge, values in zip(("input", "output"), face.golden, strict=True)
    }


def float_limit(face: Face) -> float:
    """Return how far a float output may be from its golden vector: 1e-5 of the largest."""
    return 1e-5 * max(1.0, float(np.abs(face.golden[1]).max(initial=0)))
