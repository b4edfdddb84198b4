"""Cases of whole `.tflite` files, with random inputs."""

import dataclasses

import numpy as np
from c_models import Case

from edgeae.formats.tflite.graph import read, write

#: The converter writes versions that LiteRT's kernels do not claim, though they compute them.
NEWEST = {"TILE": 2}


def case(content: bytes, origin: str) -> Case:
    """Random inputs, the first all of the type's smallest value and the second of its largest."""
    graph = read(content, origin)
    rng, source = np.random.default_rng(0), graph.tensors[next(iter(graph.inputs.values()))]
    if source.dtype == "float32":
        inputs = rng.uniform(0, 1, (24, *source.shape)).astype(np.float32)
    else:
        ends = np.iinfo(source.dtype)
        inputs = rng.integers(ends.min, ends.max + 1, (24, *source.shape)).astype(source.dtype)
        inputs[0], inputs[1] = ends.min, ends.max
    if any(item.version > NEWEST.get(item.name, item.version) for item in graph.operators):
        known = [
            dataclasses.replace(item, version=min(item.version, NEWEST.get(item.name, 99)))
            for item in graph.operators
        ]
        content = write(dataclasses.replace(graph, operators=tuple(known)))
    return Case(content, inputs)
