"""Random models of SPACE_TO_BATCH_ND, some with a BATCH_TO_SPACE_ND behind it."""

import numpy as np
from c_cases import tensors
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor

DTYPES = ("int8", "uint8", "float32")


def random_case(rng) -> Case:
    dtype, count = str(rng.choice(DTYPES)), int(rng.integers(1, 3))
    shape = tensors.shape(rng, count + 2, 6)
    blocks, margins = _margins(rng, shape[1 : count + 1])
    sized = [(n + sum(m)) // b for n, m, b in zip(shape[1:], margins, blocks, strict=False)]
    batch = (shape[0] * int(np.prod(blocks)), *sized, *shape[count + 1 :])
    x = tensors.activation(rng, "x", shape, dtype)
    graph = [
        x,
        tensors.integers("b", blocks),
        tensors.integers("p", margins),
        Tensor("y", batch, dtype, None, x.scales, x.zero_points),
    ]
    operators = [operator("SPACE_TO_BATCH_ND", [0, 1, 2], [3])]
    if rng.random() < 0.5:
        other = [(min(sum(m), 1), sum(m) - min(sum(m), 1)) for m in margins]
        graph += [
            tensors.integers("c", other),
            Tensor("z", shape, dtype, None, x.scales, x.zero_points),
        ]
        operators.append(operator("BATCH_TO_SPACE_ND", [3, 1, 4], [5]))
    return Case(model(graph, operators), tensors.values(rng, (3, *shape), dtype))


def _margins(rng, extents):
    """Blocks of up to 3, and margins with which they divide each axis."""
    blocks = [int(item) for item in rng.integers(1, 4, len(extents))]
    margins = []
    for extent, block in zip(extents, blocks, strict=True):
        before = int(rng.integers(0, 4))
        margins.append((before, -(extent + before) % block + block * int(rng.integers(0, 2))))
    return blocks, margins
