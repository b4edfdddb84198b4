"""PNG files (RFC 2083) of grey values: enough to show images without an imaging library."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_uri", "encode"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = {1: 0, 2: 4}  # channels → colour type: grey, grey with alpha


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Encode an image, (height, width) grey or (height, width, 2) grey and alpha, 8 bits each."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)
    # each row starts with its filter: 0, none
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    body = zlib.compress(rows.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an image as a `data:` address."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode()
