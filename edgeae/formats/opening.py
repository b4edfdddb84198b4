"""Bare `.tflite` and `.onnx` files: opened, told apart by content, described from their bytes."""

import contextlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, about
from edgeae.reading import files
from edgeae.system.extras import onnx_lacking

_TFLITE_IDENTIFIER = b"TFL3"
#: An ONNX file begins with its `ir_version`: protobuf field 1, a varint.
_ONNX_START = b"\x08"
#: What both are told by.
_START_BYTES = 8


def open_file(path: Path) -> VerifiedArtifact:
    """Read a bare `.tflite` or `.onnx` file: one without manifest, described from its bytes.

    Its artifact is of the part `model`.

    Raises:
        BadInput: it is neither of the two, damaged, or not a model of one input and one output.
        RuntimeUnavailable: it is an ONNX file, and the package `onnx` is not installed.
    """
    from edgeae.formats import describe  # needs an engine's schema; who reads no file does not

    content, form = read_file(path)
    try:
        with about(path):
            return VerifiedArtifact(describe.bare(content, form, str(path)), content, path)
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise onnx_lacking(str(path)) from None


def read_file(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes and its format, `tflite` or `onnx`: by content, not by name.

    Raises:
        BadInput: there is no such file, or it is neither of the two.
    """
    from edgeae.formats import outline  # likewise

    with _opened(path) as (stream, form):
        outline.check(stream, form, str(path))
        return stream.read(), form


def file_format(path: Path) -> str:
    """Return a file's format, as `read_file` does, by its first bytes alone.

    Raises: see `read_file`.
    """
    with _opened(path) as (_, form):
        return form


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, str]]:
    """Open a model; its format is known before gigabytes of something else are in memory."""
    try:
        with files.open_regular(path, files.MODEL_BYTES) as stream:
            form = _format(path, stream.read(_START_BYTES))
            stream.seek(0)
            yield stream, form
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: not readable ({error.strerror})") from None


def _format(path: Path, start: bytes) -> str:
    if not start:
        raise BadInput(f"{path}: an empty file")
    if start[4:8] == _TFLITE_IDENTIFIER:
        return "tflite"
    if not start.startswith(_ONNX_START):
        raise BadInput(f"{path}: neither a .tflite nor an .onnx file, by its content")
    return "onnx"
