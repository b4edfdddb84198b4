"""Weights in few bytes, which the kernels read as they are: no weight is unpacked into RAM.

The encodings are those of `edgeae.formats.weight_encoding`. In a kernel's struct they are four
members:

- `bitmap`: of the sparse encodings, one bit for each weight, the lowest bit of a byte first; each
  row begins a byte.
- `stream`: indices of `index_bits` bits, the lowest bit of a byte first; in `gaps` the number of
  zeros before each value, and in `gaps-codebook` a byte with index (the lower bits) and zeros.
- `values`: the distinct values that the indices name, or the values themselves.
- `index_bits`.

Of the others, rows follow one another without a gap, so a kernel reads them in order.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.step import Constant, Member
from edgeae.formats import weight_encoding
from edgeae.formats.weight_encoding import ENCODINGS, PLACELESS, distinct, gap_entries

#: Instructions of a Cortex-M4 for each weight in FULLY_CONNECTED of int8, for each that is not zero
#: beside that, and for each entry of the gaps. Measured with gcc 12 and `-O2`, to about a tenth.
INSTRUCTIONS = {
    "dense": (5, 0, 0),
    "gaps": (0, 0, 7),
    "gaps-codebook": (0, 0, 9),
    "codebook": (14, 0, 0),
    "sparse": (4, 6, 0),
    "sparse-codebook": (4, 14, 0),
}


def packed(
    kernel: str, members: Mapping[str, Member], rows: int, optimize: str, skipping: bool
) -> tuple[str, dict[str, Member]]:
    """Return kernel and members with the weights in the encoding that is best for the layer.

    Args:
        kernel: the kernel for dense weights.
        members: its members; `weights` holds the rows of weights.
        rows: number of rows: output channels.
        optimize: `size` or `speed`.
        skipping: whether the kernel skips zeros, so that gaps make it faster.
    """
    weights = members["weights"]
    assert isinstance(weights, Constant)
    values = weights.values.reshape(rows, -1)
    encoding = chosen(values, optimize, skipping)
    if encoding == "dense":
        return kernel, dict(members)
    rest = {key: value for key, value in members.items() if key != "weights"}
    return f"{kernel}_{encoding.replace('-', '_')}", rest | encoded(values, encoding)


def is_packed(kernel: str) -> bool:
    """Return whether a kernel reads compressed weights."""
    return any(kernel.endswith(f"_{item.replace('-', '_')}") for item in ENCODINGS)


def chosen(values: NDArray[Any], optimize: str, skipping: bool = True) -> str:
    """Return the encoding for rows of weights: the fewest bytes, or the fewest instructions."""
    sizes = weight_encoding.encoded_bytes(values, values.dtype.itemsize * 8)
    if optimize == "size":
        return weight_encoding.for_size(sizes)
    if not skipping:
        return "dense"
    estimates = {item: instructions(values, item) for item in sizes}
    return min((item for item in ENCODINGS if item in sizes), key=estimates.__getitem__)


def instructions(values: NDArray[Any], encoding: str) -> int:
    """Return an estimate of the instructions that a FULLY_CONNECTED takes on a Cortex-M4.

    Args:
        values: (rows, columns) weights.
        encoding: one of `ENCODINGS` that can store them.
    """
    each, nonzero, entry = INSTRUCTIONS[encoding]
    entries = len(gap_entries(values, _longest(values, encoding))[0]) if entry else 0
    return values.size * each + int(np.count_nonzero(values)) * nonzero + entries * entry


def encoded(values: NDArray[Any], encoding: str) -> dict[str, Member]:
    """Return the members that hold rows of weights in an encoding other than `dense`."""
    flat = values.reshape(-1)
    if encoding not in PLACELESS:
        return _gaps(values, encoding)
    kept = flat[flat != 0] if "sparse" in encoding else flat
    members: dict[str, Member] = {"bitmap": None, "stream": None, "values": None, "index_bits": 0}
    if "sparse" in encoding:
        members["bitmap"] = Constant("bitmap", _bitmap(values))
    if "codebook" not in encoding:
        return members | {"values": Constant("values", kept)}
    book = distinct(kept)[0]
    bits = weight_encoding.index_bits(len(book))
    return members | {
        "stream": Constant("indices", fields(np.searchsorted(book, kept), bits)),
        "values": Constant("values", book.astype(values.dtype)),
        "index_bits": bits,
    }


def _gaps(values: NDArray[Any], encoding: str) -> dict[str, Member]:
    zeros, places = gap_entries(values, _longest(values, encoding))
    kept = values.reshape(-1)[places]
    if encoding == "gaps":
        stream, held, bits = zeros, kept, 0
    else:
        held = _book(values)
        bits = weight_encoding.index_bits(len(held))
        rank = np.searchsorted(held[1:].astype(np.float64), kept.astype(np.float64))
        stream = zeros << bits | np.where(kept == 0, 0, rank + 1)
    return {
        "bitmap": None,
        "stream": Constant("gaps", stream.astype(np.uint8)),
        "values": Constant("values", held),
        "index_bits": bits,
    }


def _longest(values: NDArray[Any], encoding: str) -> int:
    if encoding == "gaps":
        return 255
    return weight_encoding.longest_gap(weight_encoding.index_bits(len(_book(values))))


def _book(values: NDArray[Any]) -> NDArray[Any]:
    """Return 0 and the distinct values other than 0."""
    known = distinct(values)[0]
    return np.append(0, known[known != 0]).astype(values.dtype)


def _bitmap(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.packbits(values != 0, axis=1, bitorder="little").reshape(-1)


def fields(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return whole numbers of so many bits side by side, the lowest bit of a byte first."""
    table = (values.astype(np.int64)[:, None] >> np.arange(bits)) & 1
    return np.packbits(table.astype(np.uint8).reshape(-1), bitorder="little")
