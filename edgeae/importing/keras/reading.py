"""Child process: read a Keras file, because the HDF5 library can hang or crash on a damaged one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, RuntimeCrashed
from edgeae.importing.keras import file as keras_file
from edgeae.importing.keras.file import KerasFile
from edgeae.system import children
from edgeae.system.scratch import scratch, write_scratch

#: The slowest disk and the largest file that are waited for.
_SECONDS, _BYTES_PER_SECOND = 60.0, 10_000_000


def read(path: Path) -> KerasFile:
    """Read a file in a child; its content is then what `KerasFile.judged` leaves of it.

    Raises:
        BadInput: as `keras_file.read` and `judged`, or the HDF5 library did not survive it.
        OSError: it cannot be read.
        RuntimeUnavailable: an HDF5 file, and the package h5py is not installed.
    """
    limit = _SECONDS + path.stat().st_size / _BYTES_PER_SECOND
    with scratch() as folder:
        judged = folder / "judged"
        job = {"path": str(path), "judged": str(judged)}
        try:
            (found,) = children.run("edgeae.importing.keras.reading", job, timeout_s=limit)
        except RuntimeCrashed as error:
            raise BadInput(f"{path}: damaged: reading it {error}") from None
        return KerasFile(path, judged.read_bytes(), **found)


def _read(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    file = keras_file.read(Path(job["path"]))
    write_scratch(Path(job["judged"]), file.judged())
    yield {"suffix": file.suffix, "version": file.version, "model": file.model}


if __name__ == "__main__":
    children.serve(_read)
