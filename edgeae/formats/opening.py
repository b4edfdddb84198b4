"""Opens bare `.tflite` and `.onnx` files; the format is detected from the content."""

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
#: Number of bytes from which the format is detected.
_START_BYTES = 8


def open_file(path: Path) -> VerifiedArtifact:
    """Return a bare `.tflite` or `.onnx` file (one without a manifest), described from its bytes.

    Its artifact has the part `model`.

    Raises:
        BadInput: the file is missing, has neither format, is damaged, or has not one input and one
            output.
        RuntimeUnavailable: it is an ONNX file, and the package `onnx` is not installed.
    """
    from edgeae.formats import describe  # imports an engine's schema, needed only to read files

    content, form = read_file(path)
    try:
        with about(path):
            return VerifiedArtifact(describe.bare(content, form, str(path)), content, path)
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise onnx_lacking(str(path)) from None


def read_file(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes and its format, `tflite` or `onnx`, detected from the content.

    Raises:
        BadInput: the file is missing, has neither format, or is a large file that is no model.
    """
    from edgeae.formats import outline  # imports an engine's schema, too

    with _opened(path) as (stream, form):
        outline.check(stream, form, str(path))
        return stream.read(), form


def file_format(path: Path) -> str:
    """Return a file's format, `tflite` or `onnx`, detected from its first bytes only.

    Raises:
        BadInput: the file is missing or has neither format.
    """
    with _opened(path) as (_, form):
        return form


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, str]]:
    """Open a file and detect its format before gigabytes of something else are read."""
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
