"""Write and read PNG files (RFC 2083); devices write reports without an imaging library."""

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Channels → colour type: grey, grey with alpha, colour, colour with alpha.
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}


def encode(pixels: NDArray[np.uint8], texts_by_key: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a PNG file.

    Args:
        pixels: (height, width), or (height, width, channels). The channels are grey; grey and
            alpha; red, green and blue; or red, green, blue and alpha.
        texts_by_key: keyword → text that the file contains; both ASCII.
    """
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)
    texts = (f"{key}\0{text}".encode("ascii") for key, text in (texts_by_key or {}).items())
    # each row starts with its filter type; 0 is none
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    chunks = [
        _chunk(b"IHDR", header),
        *(_chunk(b"tEXt", text) for text in texts),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(chunks)


def notes(content: bytes) -> dict[str, str]:
    """Return the texts of a PNG file, keyword → text.

    Raises:
        ValueError: the file is no PNG file, or it is damaged.
    """
    texts = [body.decode("ascii") for kind, body in _chunks(content) if kind == b"tEXt"]
    return {key: text for key, _, text in (item.partition("\0") for item in texts)}


def size(content: bytes) -> tuple[int, int]:
    """Return width and height of a PNG file.

    Raises:
        ValueError: the file is no PNG file, or it is damaged.
    """
    _, header = next(_chunks(content))
    width, height = struct.unpack_from(">II", header)
    return width, height


def data_uri(content: bytes) -> str:
    """Return a PNG file as a `data:` URI."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of each chunk; check the checksums."""
    if not content.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    at = len(_SIGNATURE)
    while at < len(content):
        try:
            (length,) = struct.unpack_from(">I", content, at)
            kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
            (checksum,) = struct.unpack_from(">I", content, at + 8 + length)
        except struct.error:
            raise ValueError("the file ends early") from None
        if checksum != zlib.crc32(kind + body):
            raise ValueError("a checksum is wrong")
        yield kind, body
        at += 12 + length
