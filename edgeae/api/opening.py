"""`edgeae.open`: a bundle, or the one that an embedded folder carries."""

import os
from pathlib import Path

from edgeae.api.bundle import Bundle
from edgeae.artifacts.bundle import MANIFEST


def open(path: str | os.PathLike[str]) -> Bundle:
    """Open a bundle to run its models in this process.

    Args:
        path: a bundle's folder, such as `build/deep/int8`, or a folder that `edgeae embed` wrote
            from a bundle.

    Raises:
        BadInput: the folder is neither, or this version of edgeae cannot read its manifest.
    """
    place = Path(path)
    if not (place / MANIFEST).exists():
        from edgeae.embed.folder import carried_bundle, is_embedded

        place = carried_bundle(place) if is_embedded(place) else place
    return Bundle(place)
