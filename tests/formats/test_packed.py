"""Packed sizes, against an encoder that packs and unpacks bits, and against figures by hand."""

import json
from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeae.artifacts.manifest import Artifact
from edgeae.formats import describe
from edgeae.formats.packed import (
    CAUSES,
    distinct,
    encodings,
    packed,
    weight_bytes,
)
from edgeae.formats.tflite.graph import Graph, Tensor, write
from edgeae.formats.weight_encoding import PLACELESS, encoded_bytes, for_size, gap_entries
from edgeae.reading import typed

Values = np.ndarray


def bits_of(fields: Values, width: int) -> bytes:
    """Lay whole numbers from 0 side by side, `width` bits each, the last byte filled up."""
    table = (np.asarray(fields, np.int64)[:, None] >> np.arange(width)) & 1
    return np.packbits(table.astype(np.uint8).ravel()).tobytes()


def fields_of(content: bytes, n: int, width: int) -> Values:
    table = np.unpackbits(np.frombuffer(content, np.uint8))[: n * width].reshape(n, width)
    return (table.astype(np.int64) << np.arange(width)).sum(axis=1)


def index_width(k: int) -> int:
    return next(bits for bits in range(64) if 2**bits >= k)


def encode(values: Values, encoding: str) -> list[bytes]:
    """Store signed 8-bit values; what is decoded again must be what was stored."""
    stored = [] if "sparse" not in encoding else [bits_of(values != 0, 1)]
    kept = values[values != 0] if "sparse" in encoding else values
    if "codebook" not in encoding:
        return [*stored, bits_of(kept & 255, 8)]
    book, indices = np.unique(kept, return_inverse=True)
    return [*stored, bits_of(indices, index_width(len(book))), bits_of(book & 255, 8)]


def decode(parts: list[bytes], n: int, encoding: str) -> Values:
    kept = np.ones(n, bool)
    if "sparse" in encoding:
        kept = fields_of(parts[0], n, 1).astype(bool)
    m = int(kept.sum())
    if "codebook" in encoding:
        book = fields_of(parts[-1], len(parts[-1]), 8)
        held = book[fields_of(parts[-2], m, index_width(len(book)))] if m else []
    else:
        held = fields_of(parts[-1], m, 8)
    values = np.zeros(n, np.int64)
    values[kept] = held
    return values.astype(np.uint8).view(np.int8)


@given(
    arrays(np.int8, st.integers(1, 300), elements=st.sampled_from([0, 0, 0, 1, -7, 127, -128, 9])),
)
def test_the_bytes_are_those_of_the_shortest_encoding_that_decodes(values):
    lengths = {}
    for encoding in PLACELESS:
        parts = encode(values.astype(np.int64), encoding)
        assert np.array_equal(decode(parts, values.size, encoding), values)
        lengths[encoding] = sum(map(len, parts))
    size, chosen = weight_bytes(values, 8)
    assert size == min(lengths.values()) == lengths[chosen]


def counted(n: int, nonzero: int, distinct: int) -> Values:
    """`n` values of which `nonzero` are not 0 and take `distinct` values."""
    values = np.zeros(n, np.int8)
    values[:nonzero] = np.arange(nonzero) % distinct - distinct // 2
    values[:nonzero][values[:nonzero] >= 0] += 1
    return values


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        (np.arange(-128, 128, dtype=np.int8), 8, (256, "dense")),
        # 1,000 values of 16: 4 bits each, and the 16
        (counted(1000, 1000, 16), 8, (500 + 16, "codebook")),
        # a bitmap of 125 bytes, 300 values of 200 at 8 bits each
        (counted(1000, 300, 200), 8, (125 + 300, "sparse")),
        # the bitmap, 400 indices of 4 bits, and the 15 values other than 0 that they tell apart
        (counted(1000, 400, 15), 8, (125 + 200 + 15, "sparse-codebook")),
        (np.zeros(1000, np.int8), 8, (1, "codebook")),  # one value needs no index
        (np.full(1000, 3, np.int8), 8, (1, "codebook")),
        (np.array([1, 2, 3], np.int8), 4, (2, "dense")),  # three half bytes
        (counted(1000, 1000, 3), 4, (250 + 2, "codebook")),  # three half bytes again
        (np.arange(100, dtype=np.float16), 16, (200, "dense")),
        # the bitmap, and the one value that is left; −0 is 0
        (np.array([0.0, -0.0, 1.5, 0.0] * 64, np.float32), 32, (32 + 4, "sparse-codebook")),
        (np.zeros(0, np.int8), 8, (0, "dense")),
    ],
)
def test_bytes_by_hand(values, width, expected):
    assert weight_bytes(values, width) == expected


def test_shape_does_not_matter():
    values = counted(1000, 400, 15)
    assert weight_bytes(values.reshape(10, 4, 25), 8) == weight_bytes(values, 8)


@given(
    arrays(
        np.int8,
        st.tuples(st.integers(1, 9), st.integers(1, 60)),
        elements=st.sampled_from([0] * 9 + [5]),
    ),
    st.sampled_from([0, 1, 3, 7, 15, 127, 255]),
)
def test_entries_of_gaps_lead_to_every_value_and_to_the_end_of_each_row(values, longest):
    zeros, places = gap_entries(values, longest)
    assert np.array_equal(np.cumsum(zeros + 1) - 1, places)
    assert zeros.min() >= 0 and zeros.max() <= longest
    assert set(np.flatnonzero(values)) <= set(places.tolist())
    assert set(np.arange(1, len(values) + 1) * values.shape[1] - 1) <= set(places.tolist())
    run = np.diff(np.flatnonzero(values), prepend=-1) - 1
    most = np.count_nonzero(values) + len(values) + (run // (longest + 1)).sum()
    assert len(places) <= most + values.size // (longest + 1)


def row(*runs: int) -> Values:
    """One row: after so many zeros each, the values 1, 2, 1, 2, …"""
    parts = [[0] * zeros + [1 + place % 2] for place, zeros in enumerate(runs)]
    return np.concatenate(parts).astype(np.int8)[None]


@pytest.mark.parametrize(
    ("values", "gaps", "gaps_codebook"),
    [
        # a byte of zeros and one of the value, or one of both and the values 0, 1 and 2
        (row(3, 0, 5), 6, 3 + 3),
        # six bits hold up to 63 zeros, eight up to 255
        (row(63, 255), 4, 5 + 3),
        (row(64, 256), 6, 3 + 5 + 3 - 1),
        # where a row ends, there is an entry
        (np.array([[1, 0, 0], [0, 0, 0]], np.int8), 6, 3 + 2),
    ],
)
def test_bytes_of_gaps_by_hand(values, gaps, gaps_codebook):
    sizes = encoded_bytes(values, 8)
    assert (sizes["gaps"], sizes["gaps-codebook"]) == (gaps, gaps_codebook)


def test_an_encoding_has_to_save_its_code():
    assert for_size({"dense": 163, "gaps": 100}) == "dense"
    assert for_size({"dense": 165, "gaps": 100, "sparse": 101}) == "gaps"


def dense(sizes: tuple[int, ...]) -> Graph:
    """Dense float32 layers, every weight another."""
    random = np.random.default_rng(0)
    tensors = [Tensor(f"x{n}", (1, size), "float32") for n, size in enumerate(sizes)]
    operators = []
    for n, (before, after) in enumerate(pairwise(sizes)):
        first = len(tensors)
        for name, shape in (("w", (after, before)), ("b", (after,))):
            data = random.normal(size=shape).astype(np.float32)
            tensors.append(Tensor(f"{name}{n}", shape, "float32", data))
        operators.append(fully_connected((n, first, first + 1), (n + 1,)))
    last = len(sizes) - 1
    return Graph(tuple(tensors), tuple(operators), {"image": 0}, {"reconstruction": last})


def fully_connected(inputs: tuple[int, ...], outputs: tuple[int, ...]):
    return tiny.operator("FULLY_CONNECTED", 1, inputs, outputs, "FullyConnectedOptions")


def test_the_deep_autoencoder_in_float32_is_its_weights_and_biases():
    graph = dense((784, 128, 64, 32, 64, 128, 784))
    widths = 128 + 64 + 32 + 64 + 128 + 784
    assert packed(graph) == {
        "weights": 4 * 221_184,
        "biases": 4 * widths,
        "scales": 0,
        "tables": 0,
    }
    assert [item.encoding for item in encodings(graph)] == ["dense"] * 6
    assert [item.name for item in encodings(graph)] == [f"w{n}" for n in range(6)]


def quantized(data: Values, channels: int, zero_point: int = 0, bias: str = "int32") -> Graph:
    """One int8 layer, or one of int16x8; its weights have `channels` scales."""
    rows, columns = data.shape
    scales, points = (0.5,) * channels, (zero_point,) * channels
    kind = "int16" if bias == "int64" else "int8"
    return Graph(
        (
            Tensor("x", (1, columns), kind, None, (1.0,), (0,)),
            Tensor("w", data.shape, data.dtype.name, data, scales, points, 0),
            Tensor("b", (rows,), bias, np.arange(rows).astype(bias), (0.5,) * channels, points),
            Tensor("y", (1, rows), kind, None, (1.0,), (0,)),
        ),
        (fully_connected((0, 1, 2), (3,)),),
        {"x": 0},
        {"y": 3},
    )


FULL = np.random.default_rng(1).integers(-127, 128, (10, 40)).astype(np.int8)


def test_scales_are_five_bytes_a_channel_or_a_tensor():
    assert packed(quantized(FULL, 10))["scales"] == 50
    assert packed(quantized(FULL, 1))["scales"] == 5
    assert packed(quantized(FULL, 1))["weights"] == 400
    # a FULLY_CONNECTED of int16x8 has doubles
    assert packed(quantized(FULL, 10, bias="int64"))["scales"] == 80


def test_biases_are_as_wide_as_they_are_stored():
    assert packed(quantized(FULL, 1))["biases"] == 10 * 4
    assert packed(quantized(FULL, 1, bias="int64"))["biases"] == 10 * 8


def test_what_stands_for_nothing_is_the_zero_point():
    data = np.full((10, 40), 7, np.uint8)
    data[0] = np.arange(40) + 50
    (item,) = encodings(quantized(data, 1, zero_point=7))
    assert (item.encoding, item.bytes) == ("sparse", 50 + 40)
    assert (item.values, item.width_bits, item.dense_bytes) == (400, 8, 400)


def test_what_two_operators_share_is_stored_once_and_scaled_twice():
    one = quantized(FULL, 10)
    again = replace(one.tensors[1], name="again")  # the same bytes in another tensor
    graph = replace(
        one,
        tensors=(*one.tensors, again),
        operators=(
            *one.operators,
            fully_connected((0, 1, 2), (3,)),
            fully_connected((0, 4, 2), (3,)),
        ),
    )
    assert packed(graph) == packed(one) | {"scales": 3 * 50}


def test_what_no_operator_reads_is_not_stored():
    one = quantized(FULL, 10)
    unread = Tensor("unread", (3, 3), "int8", np.eye(3, dtype=np.int8), (1.0,), (0,))
    assert packed(replace(one, tensors=(*one.tensors, unread))) == packed(one)


def test_float16_weights_have_two_bytes():
    halves = np.random.default_rng(2).normal(size=(9, 7)).astype(np.float16)
    graph = Graph(
        (
            Tensor("x", (1, 7), "float32"),
            Tensor("w16", halves.shape, "float16", halves),
            Tensor("b16", (9,), "float16", halves[:, 0].copy()),
            Tensor("w", halves.shape, "float32"),
            Tensor("b", (9,), "float32"),
            Tensor("y", (1, 9), "float32"),
        ),
        (
            tiny.operator("DEQUANTIZE", 3, (1,), (3,), "DequantizeOptions"),
            tiny.operator("DEQUANTIZE", 3, (2,), (4,), "DequantizeOptions"),
            fully_connected((0, 3, 4), (5,)),
        ),
        {"x": 0},
        {"y": 5},
    )
    assert packed(graph) == {"weights": 126, "biases": 18, "scales": 0, "tables": 0}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_distinct_values_of_a_large_tensor_whose_zeros_have_both_signs(dtype):
    # numpy 2.4's own sort of float16 loses their order, at this size and not at a small one
    draw = np.random.default_rng(0)
    values = np.append(draw.normal(size=63) * 30, 0).astype(dtype)
    given = draw.choice(values, (784, 128)) * draw.choice(np.array([1, 0], dtype), (784, 128))
    expected = Counter(given.reshape(-1).tolist())
    known, counts = distinct(given)
    assert dict(zip(known.tolist(), counts.tolist(), strict=True)) == expected
    assert known.tolist() == sorted(expected)


def test_int4_weights_have_half_a_byte():
    one = quantized(np.arange(-8, 7, dtype=np.int8).reshape(3, 5), 1)
    narrow = replace(one.tensors[1], dtype="int4")
    graph = replace(one, tensors=(one.tensors[0], narrow, *one.tensors[2:]))
    assert packed(graph)["weights"] == 8  # 15 half bytes


def test_a_constant_that_is_added_counts_and_a_list_of_indices_does_not():
    added = Tensor("c", (6,), "float32", np.ones(6, np.float32))
    shape = Tensor("s", (2,), "int32", np.array([1, 6], np.int32))
    edges = [Tensor(name, (1, 6), "float32") for name in "xyz"]
    graph = Graph(
        (*edges, added, shape),
        (
            tiny.operator("ADD", 1, (0, 3), (1,), "AddOptions"),
            tiny.operator("RESHAPE", 1, (1, 4), (2,), "ReshapeOptions"),
        ),
        {"x": 0},
        {"z": 2},
    )
    assert packed(graph) == {"weights": 0, "biases": 24, "scales": 0, "tables": 0}


def looked_up(dtype: str, *scales: float, name: str = "LOGISTIC") -> Graph:
    """A chain of functions, each from the first scale or the one given to 1/256."""
    tensors, operators = [], []
    for number, scale in enumerate(scales):
        tensors += [
            Tensor(f"x{number}", (1, 4), dtype, None, (scale,), (0,)),
            Tensor(f"y{number}", (1, 4), dtype, None, (1 / 256,), (-128,)),
        ]
        operators.append(tiny.operator(name, 2, (2 * number,), (2 * number + 1,), "PadOptions"))
    return Graph(tuple(tensors), tuple(operators), {"x": 0}, {"y": 1})


@pytest.mark.parametrize(
    ("graph", "size"),
    [
        (looked_up("int8", 0.1), 256),
        (looked_up("int8", 0.1, name="TANH"), 256),
        (looked_up("int8", 0.1, 0.2), 512),
        (looked_up("int8", 0.1, 0.1), 256),
        (looked_up("int16", 0.1, 0.2), 512),
        (looked_up("float32", 0.1), 0),
        (looked_up("int8", 0.1, name="RELU"), 256),
        (looked_up("int16", 0.1, name="RELU"), 0),
    ],
)
def test_tables_are_one_of_each_function_between_two_scales(graph, size):
    assert packed(graph) == {"weights": 0, "biases": 0, "scales": 0, "tables": size}


@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_a_manifest_tells_where_every_byte_went(flavour):
    content = write(tiny.int8_graph() if flavour == "int8" else tiny.float_graph())
    found = describe.tflite("autoencoder", content, "autoencoder.tflite")
    assert tuple(found.packed) == CAUSES
    assert found.packed_bytes == sum(found.packed.values())
    assert list(found.causes) == ["weights", "biases", "quantization", "graph"]
    assert sum(found.causes.values()) == found.bytes == len(content)
    assert found.causes["weights"] == (16 * 8 + 8 * 4 + 4 * 16) * (1 if flavour == "int8" else 4)
    assert found.encodings.keys() == found.sparsity.keys()
    assert (found.packed["biases"], found.packed["tables"]) == (4 * 28, 0)
    assert found.packed["scales"] == (3 * 5 if flavour == "int8" else 0)


def test_an_onnx_file_is_not_packed_and_its_bytes_have_causes():
    content = tiny.onnx_model()
    found = describe.onnx("autoencoder", content, "autoencoder.onnx")
    assert (found.packed, found.packed_bytes, found.encodings) == (None, None, {})
    assert sum(found.causes.values()) == len(content)
    assert found.causes["weights"] == 4 * (16 * 8 + 8 * 4 + 4 * 16)


def test_a_manifest_from_before_there_were_packed_bytes_is_read():
    content = write(tiny.int8_graph())
    found = describe.tflite("autoencoder", content, "autoencoder.tflite")
    table = json.loads(json.dumps(asdict(found)))
    assert typed.build(Artifact, table) == found
    for key in ("nonzero_macs", "causes", "packed", "encodings"):
        del table[key]
    old = typed.build(Artifact, table)
    assert (old.nonzero_macs, old.causes, old.packed, old.encodings) == (None, {}, None, {})
    assert old.packed_bytes is None
