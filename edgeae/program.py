"""An artifact whose bytes were checked: the only thing that a runtime is ever given."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from edgeae import files
from edgeae.bundle import Artifact, holding
from edgeae.errors import BadInput, about
from edgeae.extras import onnx_lacking
from edgeae.model import ORIGINALS, open_model

__all__ = ["Program", "file_format", "open_file", "open_program", "read_file"]

_TFLITE_IDENTIFIER = b"TFL3"
#: An ONNX file begins with its `ir_version`: protobuf field 1, a varint.
_ONNX_START = b"\x08"
#: What both are told by.
_START_BYTES = 8


@dataclass(frozen=True)
class Program:
    """What a runtime opens.

    Attributes:
        artifact: its description: part, format, inputs and outputs.
        content: the file's bytes; what an engine is given.
        path: where it lies, for engines that only read files and for errors.
    """

    artifact: Artifact
    content: bytes
    path: Path


def open_program(root: Path, part: str, form: str) -> Program:
    """Read a part of the bundle in `root`, or of the model there when `form` is an original's.

    Raises:
        ManifestMismatch: the bytes are not those of the manifest (of `train.json`).
        BadInput: there is no such bundle or artifact.
    """
    if form in ORIGINALS:
        training = open_model(root)  # checks the file's hash
        artifact = training.original(root, part)
        return Program(artifact, b"", root / artifact.path)
    with holding(root) as bundle:
        artifact = bundle.artifact(part, form)
        return Program(artifact, bundle.read(artifact), root / artifact.path)


def open_file(path: Path) -> Program:
    """Read a bare `.tflite` or `.onnx` file: one without manifest, described from its bytes.

    Its artifact is of the part `model`.

    Raises:
        BadInput: it is neither of the two, damaged, or not a model of one input and one output.
        RuntimeUnavailable: it is an ONNX file, and the package `onnx` is not installed.
    """
    from edgeae.formats import describe  # an engine's worker that opens a bundle needs no reader

    content, form = read_file(path)
    try:
        with about(path):
            return Program(describe.bare(content, form, str(path)), content, path)
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise onnx_lacking(str(path)) from None


def read_file(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes and its format, `tflite` or `onnx`: by content, not by name.

    Raises:
        BadInput: there is no such file, or it is neither of the two.
    """
    from edgeae.formats import outline  # an engine's worker that opens a bundle needs no reader

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
