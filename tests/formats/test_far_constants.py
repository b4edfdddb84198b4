"""Constants behind the flatbuffer, where files of large models have them: found, never overlooked.

A kernel that is not found is no constant: it would pass for an activation.
"""

from collections.abc import Callable

import flatbuffers
import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, read, write

_ALIGNMENT = 16


def far(content: bytes) -> bytes:
    """The same model, all its constants after the flatbuffer; schema.fbs: `Buffer.offset`."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    stored = [(buffer, bytes(buffer.data)) for buffer in model.buffers if buffer.data is not None]
    for buffer, _ in stored:
        buffer.data, buffer.offset, buffer.size = None, 2, 1  # so that they have their room
    end = start = -(-len(packed(model)) // _ALIGNMENT) * _ALIGNMENT
    for buffer, data in stored:
        buffer.offset, buffer.size = end, len(data)
        end += -(-len(data) // _ALIGNMENT) * _ALIGNMENT
    head = packed(model).ljust(start, b"\0")
    return head + b"".join(
        data.ljust(-(-len(data) // _ALIGNMENT) * _ALIGNMENT, b"\0") for _, data in stored
    )


def packed(model: object) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("graph", [tiny.int8_graph, tiny.float_graph])
def test_it_is_the_same_model(graph: Callable[[], Graph]):
    near = write(graph())
    content = far(near)
    found, expected = read(content, "far"), read(near, "near")
    assert found == expected
    for one, other in zip(found.tensors, expected.tensors, strict=True):
        assert (one.data is None) == (other.data is None)
        if one.data is not None:
            np.testing.assert_array_equal(one.data, other.data)
    assert write(found) == write(expected)
    # LiteRT takes the file for the same, too
    x = np.zeros((1, tiny.PIXELS), expected.tensors[0].dtype)
    x[0, ::3] = 1
    resolver = tiny.RESOLVERS["litert-reference"]
    np.testing.assert_array_equal(tiny.run(content, x, resolver), tiny.run(near, x, resolver))


def test_their_bytes_count_where_they_belong():
    near = write(tiny.int8_graph())
    content = far(near)
    found = graph_statistics.size_by_cause(content, read(content, "far"))
    expected = graph_statistics.size_by_cause(near, read(near, "near"))
    assert (found["weights"], found["biases"]) == (expected["weights"], expected["biases"])
    assert sum(found.values()) == len(content)


def test_a_file_that_is_cut_short_is_told():
    content = far(write(tiny.int8_graph()))
    with pytest.raises(BadInput, match=r"m\.tflite: a damaged or truncated TFLite model"):
        read(content[:-40], "m.tflite")
