"""TILE: the input several times along each axis, as Keras 3 makes of an up-sampling."""

import itertools
from collections.abc import Sequence

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step
from edgeae.codegen.strided import Region, copy, known_type, strides


def constant_multiples(operation: Operation) -> bool:
    """The multiples are a constant, one for each axis, and the output has the shape of them."""
    multiples = operation.integers(1)
    if multiples is None:
        return False
    source, target = operation.input(), operation.output()
    counts = [int(item) for item in multiples.reshape(-1)]
    return (
        len(counts) == len(source.shape) == len(target.shape)
        and source.dtype == target.dtype
        and all(
            count * extent == whole
            for count, extent, whole in zip(counts, source.shape, target.shape, strict=True)
        )
    )


CONSTRAINTS = (known_type, constant_multiples)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy; each axis is two loops, the outer of which reads the same again."""
    multiples = operation.integers(1)
    assert multiples is not None
    shape = operation.input().shape
    counts = [int(item) for item in multiples.reshape(-1)]
    read, write = strides(shape), strides(operation.output().shape)
    region = Region(
        list(itertools.chain(*zip(counts, shape, strict=True))),
        list(itertools.chain(*((0, stride) for stride in read))),
        list(
            itertools.chain(
                *((extent * stride, stride) for extent, stride in zip(shape, write, strict=True))
            )
        ),
    )
    return [copy(operation, operation.inputs[0], operation.outputs[0], region)]
