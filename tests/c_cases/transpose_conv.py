"""Random TRANSPOSE_CONV, with every output shape that a convolution could have as its input."""

from itertools import product

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.convolution import (
    KINDS,
    Sizes,
    case,
    edges,
    filters,
    options_of,
    random_size,
    random_sizes,
)
from c_models import Case

from edgeae.codegen.convolution import SAME, VALID
from edgeae.formats.tflite.graph import Tensor

INT8 = KINDS[0]
#: Rows, columns, input and output channels of the filter for each pair of strides of 1 to 3. Some
#: kernels are smaller than the strides; the channels fill a part of a panel, several, a wide one.
_FILTERS = (
    *((4, 5, 2, 16), (3, 1, 5, 17), (2, 2, 1, 32)),
    *((3, 4, 7, 70), (3, 3, 40, 49), (5, 2, 3, 64)),
    *((4, 4, 12, 2), (3, 5, 3, 3), (1, 1, 6, 8)),
)


def every_stride(rng) -> list[Case]:
    """Models of int8 with strides of 1 to 3 in rows and columns, and kernels of 1 to 5."""
    cases = []
    for place, strides in enumerate(product((1, 2, 3), repeat=2)):
        *taps, depth, channels = _FILTERS[place]
        sizes = Sizes((3, 4), tuple(taps), strides, (1, 1), VALID if place < 4 else SAME)
        cases.append(random_case(rng, INT8, channels, depth, sizes))
    return cases


def random_case(
    rng,
    kind=None,
    channels: int | None = None,
    depth: int | None = None,
    sizes: Sizes | None = None,
) -> Case:
    """A model of one TRANSPOSE_CONV.

    Args:
        rng: a generator.
        kind: one of `KINDS`; by chance if it is not given.
        channels, depth: channels of the output and of the input, else a few.
        sizes: rows and columns of input and kernel, and strides; else random ones.
    """
    kind = kind or KINDS[rng.integers(len(KINDS))]
    sizes = sizes or random_sizes(rng, dilated=False)
    few = [int(item) for item in rng.integers(1, 7, 2)]
    depth, channels = depth or few[0], channels or few[1]
    extents = [_extent(rng, sizes.padding, *axis) for axis in zip(*sizes[:3], strict=True)]
    batches = int(rng.integers(1, 3))
    size = random_size(rng, depth * sizes.taps[0] * sizes.taps[1])
    source, target = edges(
        rng, kind[0], (batches, *sizes.extents, depth), (batches, *extents, channels), size
    )
    shape = (channels, *sizes.taps, depth)
    weights, bias = filters(rng, kind, shape, 0, source, size, bias=rng.random() < 0.8)
    options = options_of(rng, schema.TransposeConvOptionsT, sizes, kind[2])
    extents_of_output = Tensor("shape", (4,), "int32", np.array(target.shape, np.int32))
    tensors = source, target, weights, bias
    return case(rng, "TRANSPOSE_CONV", 5, options, tensors, [extents_of_output])


def _extent(rng, padding: int, extent: int, taps: int, stride: int) -> int:
    """Rows or columns of an output from which a convolution gives back `extent`."""
    lowest = (extent - 1) * stride + (1 if padding == SAME else taps)
    return lowest + int(rng.integers(stride))
