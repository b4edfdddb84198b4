"""Random CONV_2D, also with groups."""

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


def random_case(rng, kind=None, channels: int | None = None) -> Case:
    """A model of one CONV_2D; `kind` is one of `KINDS`.

    Args:
        rng: a generator.
        kind: element types, else random ones.
        channels: channels of the output, in one group; else a few, in one group or in several.
    """
    kind = kind or KINDS[rng.integers(len(KINDS))]
    sizes = random_sizes(rng)
    groups = int(rng.integers(2, 4)) if rng.random() < 0.3 else 1
    depth, each = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    groups, each = (groups, each) if channels is None else (1, channels)
    batches = int(rng.integers(1, 3))
    size = random_size(rng, depth * sizes.taps[0] * sizes.taps[1])
    source, target = edges(
        rng,
        kind[0],
        (batches, *sizes.extents, depth * groups),
        (batches, *outputs(sizes), each * groups),
        size,
    )
    shape = (each * groups, *sizes.taps, depth)
    weights, bias = filters(rng, kind, shape, 0, source, size)
    options = options_of(rng, schema.Conv2DOptionsT, sizes, kind[2])
    return case(rng, "CONV_2D", 8, options, (source, target, weights, bias))
