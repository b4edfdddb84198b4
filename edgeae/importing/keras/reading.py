"""Reads a Keras file in a child process: the HDF5 library can hang or crash on a damaged file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, RuntimeCrashed
from edgeae.importing.keras import file as keras_file
from edgeae.importing.keras.file import KerasFile
from edgeae.system import children
from edgeae.system.scratch import scratch, write_scratch

#: Time limit of the child: a base, and a rate for slow disks.
_SECONDS, _BYTES_PER_SECOND = 60.0, 10_000_000


def read(path: Path) -> KerasFile:
    """Return a file that a child process read; its content is the result of `KerasFile.judged`.

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
            (report,) = children.run("edgeae.importing.keras.reading", job, timeout_s=limit)
        except RuntimeCrashed as error:
            raise BadInput(f"{path}: damaged: reading it {error}") from None
        return KerasFile(path, judged.read_bytes(), **report)


def _read(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    file = keras_file.read(Path(job["path"]))
    write_scratch(Path(job["judged"]), file.judged())
    yield {"suffix": file.suffix, "version": file.version, "model": file.model}


if __name__ == "__main__":
    children.serve(_read)
