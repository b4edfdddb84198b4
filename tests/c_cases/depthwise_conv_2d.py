"""Random DEPTHWISE_CONV_2D, also with a depth multiplier."""

from ai_edge_litert import schema_py_generated as schema
from c_cases.convolution import (
    KINDS,
    case,
    edges,
    filters,
    options_of,
    outputs,
    random_size,
    random_sizes,
)
from c_models import Case

#: The reference takes int16 with biases of 64 bits only.
DEPTHWISE_KINDS = tuple(kind for kind in KINDS if kind != ("int16", "int8", "int32"))


def random_case(rng, kind=None) -> Case:
    """A model of one DEPTHWISE_CONV_2D; `kind` is one of `DEPTHWISE_KINDS`."""
    kind = kind or DEPTHWISE_KINDS[rng.integers(len(DEPTHWISE_KINDS))]
    sizes = random_sizes(rng)
    channels, multiplier = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    size = random_size(rng, sizes.taps[0] * sizes.taps[1])
    source, target = edges(
        rng,
        kind[0],
        (1, *sizes.extents, channels),
        (1, *outputs(sizes), channels * multiplier),
        size,
    )
    shape = (1, *sizes.taps, channels * multiplier)
    weights, bias = filters(rng, kind, shape, 3, source, size, bias=rng.random() < 0.8)
    options = options_of(rng, schema.DepthwiseConv2DOptionsT, sizes, None)
    options.depthMultiplier = multiplier
    return case(rng, "DEPTHWISE_CONV_2D", 6, options, (source, target, weights, bias))
