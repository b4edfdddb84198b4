"""Files of some hundred kilobytes that would unpack to gigabytes; and sharing in good faith."""

import dataclasses
import resource

import flatbuffers
import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema

from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import read, write


def _file(tensors: int, name: bytes, *, shape: int = 2) -> bytes:
    """Return a model of so many tensors, which have one name and one shape."""
    builder = flatbuffers.Builder(1 << 16)
    text = builder.CreateString(name)
    sizes = builder.CreateNumpyVector(np.ones(shape, np.int32))
    schema.TensorStart(builder)
    schema.TensorAddName(builder, text)
    schema.TensorAddShape(builder, sizes)
    tensor = schema.TensorEnd(builder)
    schema.SubGraphStartTensorsVector(builder, tensors)
    for _ in range(tensors):
        builder.PrependUOffsetTRelative(tensor)
    vector = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, vector)
    subgraph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(subgraph)
    subgraphs = builder.EndVector()
    schema.BufferStart(builder)
    buffer = schema.BufferEnd(builder)
    schema.ModelStartBuffersVector(builder, 1)
    builder.PrependUOffsetTRelative(buffer)
    buffers = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, subgraphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_file(20_000, b"x" * 300_000), "refer to more than"),
        (_file(20_000, b"x", shape=50_000), "refer to more than"),
        (_file(150_000, b"x"), "tables"),
    ],
    ids=["names", "shapes", "tables"],
)
def test_what_stands_for_gigabytes_is_refused_before_it_is_unpacked(content, told):
    assert len(content) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match=told):
        read(content, "bomb.tflite")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 300_000_000


def test_operators_may_share_their_weights():
    graph = tiny.float_graph()
    twice = [dataclasses.replace(tensor, name=f"{tensor.name}/2") for tensor in graph.tensors]
    shared = dataclasses.replace(graph, tensors=(*graph.tensors, *twice))
    assert read(write(shared), "shared.tflite") == shared
