"""Child process: let keras download MNIST into its cache; keras checks the hash."""

import socket
from collections.abc import Iterator
from typing import Any

from edgeae.errors import BadInput
from edgeae.system import children
from edgeae.system.extras import missing

_SOCKET_TIMEOUT_S = 20.0


def download(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Fill the keras cache; report the number of images.

    Raises:
        BadInput: there is no network, or the downloaded file has another hash.
        RuntimeUnavailable: keras is not installed.
    """
    try:
        from edgeae.originals.legacy_keras import keras
    except ImportError as error:
        raise missing(str(error)) from None
    socket.setdefaulttimeout(_SOCKET_TIMEOUT_S)
    try:
        (images, _), _ = keras.datasets.mnist.load_data()
    except Exception as error:  # keras raises a plain Exception if a download fails
        raise BadInput(str(error).splitlines()[0]) from None
    yield {"images": len(images)}


if __name__ == "__main__":
    children.serve(download)
