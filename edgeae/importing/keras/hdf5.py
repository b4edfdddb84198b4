"""Checks HDF5 files: nothing in them may refer to another file.

A dataset can be stored in other files, be composed of datasets of other files, or be a link into
another file; opening it reads these files. Such files are rejected before Keras opens them.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from edgeae.errors import BadInput
from edgeae.reading.unpacking import Allowance
from edgeae.system.extras import lacking

#: Errors that h5py raises on damaged files.
DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)
_ARCHITECTURE = "model_config"
#: The attribute from which Keras would compile the model, which can run code.
_COMPILATION = "training_config"


def open_hdf5(path: Path, content: bytes | IO[bytes]) -> Any:
    """Return an HDF5 file that is open for reading.

    Args:
        path: path of the file, for errors.
        content: bytes of the file, or the open file.

    Raises:
        RuntimeUnavailable: the package h5py is not installed.
        OSError: it is not an HDF5 file.
    """
    try:
        import h5py
    except ImportError:
        reason = f"{path}: reading an HDF5 file needs the package h5py"
        raise lacking(reason, "host") from None
    return h5py.File(io.BytesIO(content) if isinstance(content, bytes) else content, "r")


def check_plain(path: Path, file: Any, allowance: Allowance) -> None:
    """Check that a file has only groups and datasets of its own, without reading their values.

    A dataset may declare any size and any chunk size without storing a value, so both sizes count.

    Args:
        path: path of the file, for errors.
        file: the open file; see `open_hdf5`.
        allowance: limit of the unpacked bytes.

    Raises:
        BadInput: an item is not plain or too large; the message names the item.
    """
    import h5py

    for where, item in _items(path, file):
        if isinstance(item, h5py.Dataset):
            pieces = math.prod(item.chunks or (0,)) * item.dtype.itemsize
            allowance.take(max(item.nbytes, pieces), where)


def _items(path: Path, file: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and item of all groups and datasets; a group comes before its members.

    Raises:
        BadInput: an item is not plain.
    """
    return _below(path, file, {_place(file)})


def _place(item: Any) -> int:
    """Return the address of a group or dataset in the file; it is the same under every name."""
    import h5py

    return int(h5py.h5o.get_info(item.id).addr)


def _below(path: Path, group: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    import h5py

    for name in group:
        where = f"{group.name.rstrip('/')}/{name}"
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise BadInput(f"{path}: {where} is a link, which may lead to another file")
        item = group[name]
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise BadInput(f"{path}: {where} is stored in other files, which are never read")
        elif not isinstance(item, h5py.Group):
            raise BadInput(f"{path}: {where} is neither a group nor a dataset")
        if _place(item) in seen:
            raise BadInput(f"{path}: {where} is a second name of an item")
        seen.add(_place(item))
        yield where, item
        if isinstance(item, h5py.Group):
            yield from _below(path, item, seen)


def with_architecture(path: Path, content: bytes, architecture: str) -> bytes:
    """Return a copy of an HDF5 file with another architecture and without compile settings.

    Raises:
        BadInput: an item of the file is not plain.
        OSError: the file is damaged.
    """
    import h5py

    stream = io.BytesIO()
    with open_hdf5(path, content) as source, h5py.File(stream, "w") as target:
        _copy_attributes(source, target)
        for where, item in _items(path, source):
            if isinstance(item, h5py.Group):
                made = target.create_group(where)
            else:
                made = target.create_dataset(where, data=item[()])
            _copy_attributes(item, made)
        target.attrs[_ARCHITECTURE] = architecture
    return stream.getvalue()


def _copy_attributes(source: Any, target: Any) -> None:
    for key, value in source.attrs.items():
        if key not in (_ARCHITECTURE, _COMPILATION):
            target.attrs[key] = value
