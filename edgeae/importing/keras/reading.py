"""Reads a Keras file in a child process: the HDF5 library can hang or crash on a damaged file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, RuntimeCrashed
from edgeae.importing.keras import file as keras_file
from edgeae.importing.keras.file import KerasFile
from edgeae.system import children
from edgeae.system.scratch import scratch, write_scratch

#: Whether the path is a folder → the child process; TensorFlow reads the variables of a SavedModel.
_CHILDREN = {
    False: "edgeae.importing.keras.reading",
    True: "edgeae.importing.tfmot.saved_model",
}
#: Time limit of the child: a base, and a rate for slow disks.
_SECONDS, _BYTES_PER_SECOND = 60.0, 10_000_000


def read(path: Path) -> KerasFile:
    """Return a file, or a SavedModel folder with tfmot's wrappers, that a child process read.

    Its content is the result of `KerasFile.judged`.

    Raises:
        BadInput: see `keras_file.read` and `KerasFile.judged`; or the HDF5 library crashed on it.
        OSError: the file cannot be read.
        RuntimeUnavailable: it is an HDF5 file, and the package h5py is not installed.
    """
    limit = _SECONDS + path.stat().st_size / _BYTES_PER_SECOND
    with scratch() as folder:
        judged = folder / "judged"
        job = {"path": str(path), "judged": str(judged)}
        try:
            (report,) = children.run(_CHILDREN[path.is_dir()], job, timeout_s=limit)
        except RuntimeCrashed as error:
            raise BadInput(f"{path}: damaged: reading it {error}") from None
        return KerasFile(path, judged.read_bytes(), **report)


def _read(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield handed_over(keras_file.read(Path(job["path"])), job)


def handed_over(file: KerasFile, job: dict[str, Any]) -> dict[str, Any]:
    """Write what was judged of a file for the parent process; return the report of the rest."""
    write_scratch(Path(job["judged"]), file.judged())
    return {"suffix": file.suffix, "version": file.version, "model": file.model}


if __name__ == "__main__":
    children.serve(_read)
