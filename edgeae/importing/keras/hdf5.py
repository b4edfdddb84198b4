"""HDF5 files as plain data: nothing in them may point to another file.

A dataset can be stored in other files, be put together from those of others, or be a link into one:
whoever opens it reads them. Such files are refused before Keras sees them.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from edgeae.errors import BadInput
from edgeae.reading.unpacking import Allowance
from edgeae.system.extras import lacking

#: What h5py raises on files that are damaged.
DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)
_ARCHITECTURE = "model_config"
#: What Keras would run when it compiles the model.
_COMPILATION = "training_config"


def open_hdf5(path: Path, content: bytes | IO[bytes]) -> Any:
    """Open an HDF5 file for reading.

    Args:
        path: where it is from, for errors.
        content: its bytes, or itself.

    Raises:
        RuntimeUnavailable: the package h5py is not installed.
        OSError: it is none.
    """
    try:
        import h5py
    except ImportError:
        reason = f"{path}: reading an HDF5 file takes the package h5py"
        raise lacking(reason, "host") from None
    return h5py.File(io.BytesIO(content) if isinstance(content, bytes) else content, "r")


def check_plain(path: Path, file: Any, allowance: Allowance) -> None:
    """Refuse whatever is not a group or a dataset of its own, without reading a value.

    A dataset may declare any size and store nothing, in pieces of any size.

    Args:
        path: where the file is from, for errors.
        file: see `open_hdf5`.
        allowance: what its values may unpack to.

    Raises:
        BadInput: names it.
    """
    import h5py

    for where, item in _items(path, file):
        if isinstance(item, h5py.Dataset):
            pieces = math.prod(item.chunks or (0,)) * item.dtype.itemsize
            allowance.take(max(item.nbytes, pieces), where)


def _items(path: Path, file: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and item of everything in a file that may be read; groups come first."""
    return _below(path, file, {_place(file)})


def _place(item: Any) -> int:
    """Where in the file a group or dataset begins: the same by whatever name it is reached."""
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
            raise BadInput(f"{path}: {where} is in the file under a second name")
        seen.add(_place(item))
        yield where, item
        if isinstance(item, h5py.Group):
            yield from _below(path, item, seen)


def with_architecture(path: Path, content: bytes, architecture: str) -> bytes:
    """Return a new HDF5 file: groups, datasets and attributes of one, and an architecture.

    Raises:
        BadInput: something in it is not plain.
        OSError: it is damaged.
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
