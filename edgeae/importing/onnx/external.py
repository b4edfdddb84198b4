"""Weights that an ONNX file keeps in another file beside it, as PyTorch's newer exporter writes.

The other file is named by the model, so it is read only from inside the model's folder, without
following links, and only as many bytes as the shapes of the weights take.
"""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from edgeae.errors import BadInput
from edgeae.reading import files

#: Element types of which several values share a byte.
_PACKED = (
    *(onnx.TensorProto.INT4, onnx.TensorProto.UINT4, onnx.TensorProto.FLOAT4E2M1),
    onnx.TensorProto.STRING,
)


def inlined(path: Path, content: bytes) -> bytes:
    """Return an ONNX file with the weights of other files in it; as it is, if it has them all.

    Args:
        path: the file; the other files lie in its folder, or below it.
        content: its bytes.

    Raises:
        BadInput: another file is missing, is outside the folder, is a link, or has not the bytes
            that the model takes from it.
    """
    proto = _parsed(content)
    outside = [] if proto is None else list(_external(proto))
    if proto is None or not outside:
        return content
    total = len(content) + sum(_size(path, tensor) for tensor in outside)
    if total > files.MODEL_BYTES:
        raise BadInput(f"{path}: {total:,} bytes with its weights; allowed are 2 GiB")
    for tensor in outside:
        tensor.raw_data = _values(path, tensor)
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
    whole: bytes = proto.SerializeToString(deterministic=True)
    return whole


def sha256(path: Path) -> str:
    """Return the hash of an ONNX file, and of the files with its weights, if there are any.

    Raises:
        BadInput: another file is outside the folder, or is a link.
        OSError: a file cannot be read.
    """
    content = files.read(path, files.MODEL_BYTES)
    own = hashlib.sha256(content).hexdigest()
    proto = _parsed(content)
    names = set() if proto is None else {_entries(item)["location"] for item in _external(proto)}
    if not names:
        return own
    lines = [f"{name} {files.sha256_inside(path.parent, name)}\n" for name in sorted(names)]
    return hashlib.sha256("".join([f"{own}\n", *lines]).encode()).hexdigest()


def _parsed(content: bytes) -> Any:
    """Return the ModelProto, or None: readers report what is damaged."""
    try:
        return onnx.ModelProto.FromString(content)
    except DecodeError:
        return None


def _external(proto: Any) -> Iterator[Any]:
    """Yield the tensors whose values are in another file."""
    constants = (
        attribute.t
        for node in proto.graph.node
        for attribute in node.attribute
        if attribute.type == onnx.AttributeProto.TENSOR
    )
    for tensor in (*proto.graph.initializer, *constants):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield tensor


def _entries(tensor: Any) -> dict[str, str]:
    return {"location": "", **{item.key: item.value for item in tensor.external_data}}


def _size(path: Path, tensor: Any) -> int:
    """Return the number of bytes that a tensor's shape takes."""
    where = f"{path}: the values of {tensor.name!r}"
    if any(size < 0 for size in tensor.dims):
        raise BadInput(f"{where}: their shape is {tuple(tensor.dims)}; allowed are sizes from 0")
    try:
        if tensor.data_type in _PACKED:
            raise KeyError
        width = int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except KeyError:
        raise BadInput(f"{where}: are of type {tensor.data_type}; allowed are numbers") from None
    count: int = math.prod(tensor.dims)
    return count * width


def _values(path: Path, tensor: Any) -> bytes:
    """Return the bytes of a tensor's values."""
    entries, size = _entries(tensor), _size(path, tensor)
    where = f"{path}: the values of {tensor.name!r} are in {entries['location']!r}"
    offset, length = (_number(where, entries, key) for key in ("offset", "length"))
    if length not in (None, size):
        raise BadInput(f"{where}: length = {length}; its shape takes {size:,} bytes")
    try:
        with files.open_inside(path.parent, entries["location"]) as stream:
            stream.seek(offset or 0)
            content = stream.read(size)
    except BadInput as error:
        raise BadInput(f"{where}: {error}; allowed is a file in the folder of the model") from None
    except FileNotFoundError:
        raise BadInput(
            f"{where}: no such file in {path.parent}; it has to lie beside the model"
        ) from None
    if len(content) != size:
        raise BadInput(
            f"{where}: has {len(content):,} bytes from {offset or 0:,} on; its shape takes {size:,}"
        )
    return content


def _number(where: str, entries: dict[str, str], key: str) -> int | None:
    text = entries.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadInput(f"{where}: {key} = {text!r:.40}; allowed are whole numbers from 0")
    return int(text)
