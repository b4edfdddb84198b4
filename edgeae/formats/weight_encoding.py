"""How a weight tensor is stored in few bytes, and in how many.

Each encoding is of rows of values, one row an output channel, where 0 means 0.0. Of n values, m are
not zero. Each list of fields starts at a whole byte, and values have the width of the dense ones:

- `dense`: n values.
- `codebook`: the k distinct values, and an index of ⌈log2 k⌉ bits for each value.
- `sparse`: a bitmap of n bits, in which each row begins a byte, and the m nonzero values.
- `sparse-codebook`: the bitmap, the k distinct nonzero values, and an index of ⌈log2 k⌉ bits for
  each nonzero value.
- `gaps`: entries of a byte with the number of zeros before a value, and the value. The last column
  of a row has an entry, whether it is zero or not; so has every 256th zero of a run.
- `gaps-codebook`: as `gaps`, but the byte also holds the value's index among 0 and the k distinct
  nonzero values, ⌈log2 (k + 1)⌉ bits of it, and the number of zeros has only the other bits.

The generated C computes with these encodings as they are, see `edgeae.codegen.packing`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Encodings of weights, the fastest to read first.
ENCODINGS = ("dense", "gaps", "gaps-codebook", "codebook", "sparse", "sparse-codebook")
#: Encodings whose bytes do not depend on where in a row the zeros are.
PLACELESS = ("dense", "codebook", "sparse", "sparse-codebook")
#: An index has at most so many bits; in `gaps-codebook`, where a byte holds zeros, too, one less.
_MOST_INDEX_BITS = 8
#: Bytes that an encoding has to save: about what its code takes, which all layers of a kind share.
CODE_BYTES = 64


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct values of an array, in rising order, and the count of each."""
    if values.dtype == np.float16:
        # numpy 2.4 sorts float16 wrongly if both 0.0 and -0.0 occur
        values = values.astype(np.float32)
    return np.unique(values, return_counts=True)


def encoded_bytes(rows: NDArray[Any], width_bits: int) -> dict[str, int]:
    """Return encoding → bytes, for the encodings that can store the values.

    Args:
        rows: (rows, columns) values of any type with the zero point subtracted.
        width_bits: bits of one value: 8 for int8, 4 for int4, 16 for float16, 32 for float32.
    """
    known, counts = distinct(rows)
    sizes = placeless_bytes(known, counts, width_bits)
    if rows.size == 0:
        return sizes
    nonzero = int(np.count_nonzero(known))
    entries = len(gap_entries(rows, 255)[0])
    # of a row that does not fill its last byte
    left = len(rows) * packed_bytes(rows.shape[1], 1) - packed_bytes(rows.size, 1)
    sizes |= {item: sizes[item] + left for item in sizes if "sparse" in item}
    sizes["gaps"] = entries + packed_bytes(entries, width_bits)
    if (bits := index_bits(nonzero + 1)) < _MOST_INDEX_BITS:
        entries = len(gap_entries(rows, longest_gap(bits))[0])
        sizes["gaps-codebook"] = entries + packed_bytes(nonzero + 1, width_bits)
    return sizes


def placeless_bytes(
    known: NDArray[Any], counts: NDArray[np.int64], width_bits: int
) -> dict[str, int]:
    """Return encoding → bytes of the encodings in `PLACELESS` that can store one row of values.

    Args:
        known, counts: the distinct values, and how often each occurs.
        width_bits: bits of one value.
    """
    n, zeros = int(counts.sum()), int(counts[known == 0].sum())
    k, nonzero = len(known), n - zeros
    k_nonzero = k - bool(zeros)
    sizes = {
        "dense": packed_bytes(n, width_bits),
        "sparse": packed_bytes(n, 1) + packed_bytes(nonzero, width_bits),
    }
    if index_bits(k) <= _MOST_INDEX_BITS:
        sizes["codebook"] = packed_bytes(n, index_bits(k)) + packed_bytes(k, width_bits)
    if index_bits(k_nonzero) <= _MOST_INDEX_BITS:
        sizes["sparse-codebook"] = (
            packed_bytes(n, 1)
            + packed_bytes(nonzero, index_bits(k_nonzero))
            + packed_bytes(k_nonzero, width_bits)
        )
    return sizes


def smallest(sizes: dict[str, int]) -> str:
    """Return the encoding of the fewest bytes; of equal ones the one earlier in `ENCODINGS`."""
    return min((item for item in ENCODINGS if item in sizes), key=sizes.__getitem__)


def for_size(sizes: dict[str, int]) -> str:
    """Return the encoding of the fewest bytes, its code included; see `CODE_BYTES`."""
    return smallest(
        {item: size + (CODE_BYTES if item != "dense" else 0) for item, size in sizes.items()}
    )


def gap_entries(rows: NDArray[Any], longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the entries of `gaps`: the number of zeros before each, and its place in the array.

    Args:
        rows: (rows, columns) values.
        longest: most zeros before an entry.
    """
    stored = rows != 0
    stored[:, -1] = True
    places = np.flatnonzero(stored)
    zeros = np.diff(places, prepend=-1) - 1
    # a run that is too long has an entry, of the value 0, at each `longest` + 1 zeros
    inserted = zeros // (longest + 1)
    last = np.cumsum(inserted + 1) - 1
    all_places = np.empty(len(places) + int(inserted.sum()), np.int64)
    behind = np.repeat(last, inserted + 1) - np.arange(len(all_places))
    left = np.repeat(zeros % (longest + 1), inserted + 1)
    ends = np.repeat(places, inserted + 1)
    all_places = np.where(behind == 0, ends, ends - left - 1 - (behind - 1) * (longest + 1))
    return np.diff(all_places, prepend=-1) - 1, all_places


def longest_gap(bits: int) -> int:
    """Return the most zeros that a byte counts beside an index of so many bits."""
    return (1 << (8 - bits)) - 1


def packed_bytes(fields: int, bits: int) -> int:
    """Return the bytes of so many fields of so many bits."""
    return -(-fields * bits // 8)


def index_bits(k: int) -> int:
    """Return ⌈log2 k⌉; it is 0 for one value, which needs no index."""
    return max(k - 1, 0).bit_length()
