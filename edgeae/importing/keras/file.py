"""Reads the architecture of a Keras file as JSON, without Keras and without running its code."""

import io
import json
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.importing.keras import hdf5
from edgeae.reading import files
from edgeae.reading.parsing import parse_json
from edgeae.reading.unpacking import Allowance, read_member

#: Advice for a model that is partly code.
EXPORT = "model.export(FOLDER) makes a SavedModel, a folder that can be imported"

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: An architecture of several hundred layers has about 1 MB of JSON.
_MOST_BYTES = 1 << 26
#: Errors that reading a damaged zip archive raises.
_DAMAGED_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(OverflowError, *hdf5.DAMAGED),
)
#: Limit of nested JSON levels; a nested model takes a handful of levels.
_DEEPEST = 200
_VERSIONS = (2, 3)


@dataclass(frozen=True)
class KerasFile:
    """A file whose architecture was read, but not yet checked.

    Attributes:
        path: path of the file, for errors.
        content: the file's bytes; Keras opens the same bytes that are checked.
        suffix: `.keras` or `.h5` by content, because Keras chooses its reader by suffix; `.npz` for
            the variables of a SavedModel.
        version: major version, 2 or 3, of the Keras that wrote the file.
        model: the outermost model as `{"class_name": …, "config": …}`.
    """

    path: Path
    content: bytes
    suffix: str
    version: int
    model: dict[str, Any]

    def judged(self) -> bytes:
        """Return a file that has only the architecture that was read, and the weights.

        The compile settings of the model and of nested models are left out: Keras would run code
        from them.

        Raises:
            BadInput: weights or attributes in the file are damaged.
        """
        architecture = json.dumps(_without_compilation(self.model))
        if self.suffix == ".npz":
            return self.content
        if self.suffix == ".h5":
            try:
                return hdf5.with_architecture(self.path, self.content, architecture)
            except hdf5.DAMAGED as error:  # values and attributes are first read here
                raise BadInput(f"{self.path}: a damaged HDF5 file: {error}") from None
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(self.content)) as source,
            zipfile.ZipFile(stream, "w") as target,
        ):
            target.writestr(_CONFIG, architecture)
            allowance = Allowance(str(self.path))
            for name in (_METADATA, _WEIGHTS):
                target.writestr(name, read_member(source, name, allowance))
        return stream.getvalue()


def _without_compilation(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_compilation(item)
            for key, item in value.items()
            if key != "compile_config"
        }
    return [_without_compilation(item) for item in value] if isinstance(value, list) else value


def is_keras(path: Path) -> bool:
    """Return whether a file begins like a Keras file: like a zip archive or an HDF5 file.

    Raises:
        BadInput: the path is not a regular file, or the file is too large.
        OSError: the file cannot be read.
    """
    with files.open_regular(path, files.MODEL_BYTES) as stream:
        return stream.read(len(_HDF5)).startswith((_HDF5, _ZIP))


def read(path: Path) -> KerasFile:
    """Return a `.keras`, `.h5` or `.hdf5` file with its architecture.

    Raises:
        BadInput: the file is damaged, or has no architecture.
        OSError: the file cannot be read.
        RuntimeUnavailable: it is an HDF5 file, and the package h5py is not installed.
    """
    content = _content(path)
    if content.startswith(_ZIP):
        config, version, suffix = *_from_zip(path, content), ".keras"
    else:
        config, version, suffix = *_from_hdf5(path, content), ".h5"
    model = _json(path, "the architecture", config)
    return KerasFile(path, content, suffix, _major(path, version), model)


def _content(path: Path) -> bytes:
    """Return a file's bytes; damaged files are rejected before gigabytes of them are read."""
    with files.open_regular(path, files.MODEL_BYTES) as stream:
        if stream.read(len(_ZIP)) == _ZIP:
            if not zipfile.is_zipfile(stream):
                raise BadInput(f"{path}: a damaged .keras file: its end is missing")
        else:
            try:
                hdf5.open_hdf5(path, stream).close()
            except hdf5.DAMAGED as error:
                raise BadInput(f"{path}: a damaged HDF5 file: {error}") from None
        stream.seek(0)
        return stream.read()


def _from_zip(path: Path, content: bytes) -> tuple[bytes, object]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if not {_CONFIG, _METADATA} <= names:
                raise BadInput(f"{path}: a zip archive without {_CONFIG}, so not a .keras file")
            if _WEIGHTS not in names:
                kept = sorted(name for name in names if name.startswith("model.weights"))
                raise BadInput(
                    f"{path}: its weights are in {kept or 'no file'}; allowed is {_WEIGHTS}"
                )
            config, metadata = (_member(path, archive, name) for name in (_CONFIG, _METADATA))
            allowance = Allowance(str(path))
            with hdf5.open_hdf5(path, read_member(archive, _WEIGHTS, allowance)) as weights:
                hdf5.check_plain(path, weights, allowance)
    except _DAMAGED_ZIP as error:
        raise BadInput(f"{path}: a damaged .keras file: {error}") from None
    return config, _json(path, _METADATA, metadata).get("keras_version")


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MOST_BYTES:
        raise BadInput(f"{path}: {name} has over {_MOST_BYTES >> 20} MiB")
    return read_member(archive, name, Allowance(str(path)))


def _from_hdf5(path: Path, content: bytes) -> tuple[bytes, object]:
    try:
        with hdf5.open_hdf5(path, content) as file:
            hdf5.check_plain(path, file, Allowance(str(path)))
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
    except hdf5.DAMAGED as error:
        raise BadInput(f"{path}: a damaged HDF5 file: {error}") from None
    if config is None:
        raise BadInput(
            f"{path}: weights without an architecture, as save_weights() and subclassed models "
            f"leave them; {EXPORT}"
        )
    return config if isinstance(config, bytes) else str(config).encode(), version


def _json(path: Path, what: str, content: bytes) -> dict[str, Any]:
    table = parse_json(content, f"{path}: {what}", _DEEPEST)
    if not isinstance(table, dict):
        raise BadInput(f"{path}: damaged: {what} is not a JSON object")
    return table


def _major(path: Path, version: object) -> int:
    text = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
    head = text.partition(".")[0]
    if head not in map(str, _VERSIONS):
        raise BadInput(f"{path}: written by Keras {text}; allowed are versions 2 and 3")
    return int(head)
