"""Random TRANSPOSE_CONV, with every output shape that a convolution could have as its input."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.convolution import KINDS, case, edges, filters, options_of, random_size, random_sizes
from c_models import Case

from edgeae.codegen.convolution import SAME
from edgeae.formats.tflite.graph import Tensor


def random_case(rng, kind=None) -> Case:
    """A model of one TRANSPOSE_CONV; `kind` is one of `KINDS`."""
    kind = kind or KINDS[rng.integers(len(KINDS))]
    sizes = random_sizes(rng, dilated=False)
    depth, channels = (int(item) for item in rng.integers(1, 7, 2))
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
