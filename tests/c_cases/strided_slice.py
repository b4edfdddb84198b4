"""Random models of STRIDED_SLICE with all its masks."""

import dataclasses

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_cases.transpose import DTYPES
from c_models import Case, model, operator


def random_case(rng) -> Case:
    """Draws slices until the output has elements."""
    while True:
        case = _case(rng)
        if case is not None:
            return case


def _case(rng) -> Case | None:
    dtype, rank = str(rng.choice(DTYPES)), int(rng.integers(1, 5))
    shape = tensors.shape(rng, rank, 7)
    options, limits, taken = _slices(rng, shape)
    extents = np.zeros(shape)[taken].shape
    if 0 in extents:
        return None
    x = tensors.activation(rng, "x", shape, dtype)
    graph = [x]
    for name, numbers in zip(("begin", "end", "strides"), zip(*limits, strict=True), strict=True):
        graph.append(tensors.integers(name, numbers))
    graph.append(dataclasses.replace(x, name="y", shape=extents))
    content = model(graph, [operator("STRIDED_SLICE", [0, 1, 2, 3], [4], options)])
    return Case(content, tensors.values(rng, (2, *shape), dtype))


def _slices(rng, shape):
    """The operator's options, (begin, end, stride) of each entry, and the same for numpy."""
    options = schema.StridedSliceOptionsT()
    limits, taken = [], []
    axes = list(range(len(shape)))
    ellipsis = rng.random() < 0.3
    while axes and (not limits or rng.random() < 0.9):
        bit = 1 << len(limits)
        begin, end = (int(item) for item in rng.integers(-8, 9, 2))
        stride = int(rng.choice([-3, -2, -1, 1, 1, 1, 2, 3]))
        if ellipsis and rng.random() < 0.4:
            ellipsis = False
            options.ellipsisMask |= bit
            taken.append(Ellipsis)
            gone = int(rng.integers(1, len(axes) + 1))
            axes, rest = axes[gone:], len(axes) - gone
            limits.append((begin, end, stride))
            for _ in range(rest):  # every axis behind an ellipsis has an entry
                _add_slice(rng, options, shape[axes.pop(0)], limits, taken)
            return options, limits, tuple(taken)
        if rng.random() < 0.15 and len(taken) < 4:
            options.newAxisMask |= bit
            taken.append(None)
            limits.append((begin, end, stride))
        else:
            _add_slice(rng, options, shape[axes.pop(0)], limits, taken)
    return options, limits, tuple(taken)


def _add_slice(rng, options, extent, limits, taken):
    bit = 1 << len(limits)
    begin, end = (int(item) for item in rng.integers(-8, 9, 2))
    stride = int(rng.choice([-3, -2, -1, 1, 1, 1, 2, 3]))
    if rng.random() < 0.2:
        options.shrinkAxisMask |= bit
        begin = int(rng.integers(-extent, extent))
        taken.append(begin)
        stride = 1
    else:
        first, last = rng.random(2) < 0.4
        options.beginMask |= bit * bool(first)
        options.endMask |= bit * bool(last)
        taken.append(slice(None if first else begin, None if last else end, stride))
    limits.append((begin, end, stride))
