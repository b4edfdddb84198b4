"""Files of a few megabytes that stand for gigabytes, written in milliseconds."""

import struct
import zipfile
import zlib
from pathlib import Path

_PIECE = 1 << 24
GIB = 1 << 30


def npz(path: Path, count: int = 6 * GIB) -> Path:
    """An array `x` of so many bytes, zeros all of them."""
    head = npy_head(f"({count // 4096}, 1024)")
    return _zip(path, "x.npy", {}, head, count)


def keras(path: Path, count: int = 8 * GIB) -> Path:
    """A Keras file with so many bytes of weights."""
    beside = {"config.json": "{}", "metadata.json": '{"keras_version": "3.0.0"}'}
    return _zip(path, "model.weights.h5", beside, b"", count)


def idx(path: Path, count: int = 6 * GIB) -> Path:
    """Rows of a kilobyte, compressed."""
    head = b"\0\0\x08\x02" + struct.pack(">2I", count // 1024, 1024)
    path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + _deflated(head, count))
    return path


def npy_head(shape: str) -> bytes:
    """The start of an `.npy` whose header says what it likes."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def _zip(path: Path, name: str, beside: dict[str, str], head: bytes, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for other, text in beside.items():
            archive.writestr(other, text)
        archive.writestr(name, _deflated(head, count))
        # what was stored is what deflating would have given; the directory at the end says so
        archive.filelist[-1].compress_type = zipfile.ZIP_DEFLATED
        archive.filelist[-1].file_size = len(head) + count
    return path


def _deflated(head: bytes, count: int) -> bytes:
    """Deflate some bytes and so many zeros, in pieces that do not refer to each other."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(_PIECE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + piece * (count // _PIECE) + packer.flush(zlib.Z_FINISH)
