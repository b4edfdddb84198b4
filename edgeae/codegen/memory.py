"""The place of every activation: the caller's input and output, or an offset into the arena.

Tensors share bytes if one is an alias of the other, or if a step may write over its input and no
later step reads that input. A group of tensors that share bytes lives from the step that writes it
first to the step that reads it last. Groups that live at the same time lie apart.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgeae.codegen.step import Alias, Step
from edgeae.formats.tflite.graph import Graph

#: Where the tensors of the caller's buffers are.
INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True)
class Plan:
    """Where each activation is.

    Attributes:
        places: tensor index → `INPUT`, `OUTPUT`, or its offset in the arena in bytes.
        scratch: place of a step among the steps → offset of its scratch bytes in the arena.
        arena_bytes: size of the arena.
        alignment: bytes that the arena's start must be aligned to.
    """

    places: dict[int, str | int]
    scratch: dict[int, int]
    arena_bytes: int
    alignment: int


class _Block(NamedTuple):
    key: tuple[str, int]  # ("tensor", root) or ("scratch", step)
    size: int
    alignment: int
    first: int
    last: int


def with_copy(
    graph: Graph, steps: Sequence[Step | Alias], source: int, target: int
) -> list[Step | Alias]:
    """Return the steps, with a copy in place of the alias that would make output and input one."""
    groups = _Groups()
    copied: list[Step | Alias] = []
    for step in steps:
        if isinstance(step, Alias):
            if step.target == target and groups.root(step.source) == groups.root(source):
                size = tensor_bytes(graph, target)
                inputs, operator = (step.source,), step.operator
                copied.append(Step("copy", inputs, target, {"size": size}, operator=operator))
                continue
            groups.join(step.source, step.target)
        copied.append(step)
    return copied


def planned(graph: Graph, steps: Sequence[Step | Alias], source: int, target: int) -> Plan:
    """Return the place of every activation.

    Args:
        graph: the model.
        steps: its steps, in order.
        source, target: indices of the model's input and output.
    """
    groups = _Groups()
    for step in steps:
        if isinstance(step, Alias):
            groups.join(step.source, step.target)
    calls = [step for step in steps if isinstance(step, Step)]
    _share(graph, calls, groups, source, target)
    lives = _lives(calls, groups)
    blocks = [
        _Block(
            ("tensor", root),
            max(tensor_bytes(graph, index) for index in groups.members(root)),
            max(_alignment(graph, index) for index in groups.members(root)),
            *lives[root],
        )
        for root in lives
        if root not in (groups.root(source), groups.root(target))
    ] + [
        _Block(("scratch", place), step.scratch_bytes, 4, place, place)
        for place, step in enumerate(calls)
        if step.scratch_bytes
    ]
    offsets, size = _packed(blocks)
    places: dict[int, str | int] = {}
    for index in {*groups.known(), source, target}:
        root = groups.root(index)
        if root == groups.root(source):
            places[index] = INPUT
        elif root == groups.root(target):
            places[index] = OUTPUT
        elif ("tensor", root) in offsets:
            places[index] = offsets["tensor", root]
    return Plan(
        places,
        {key[1]: offset for key, offset in offsets.items() if key[0] == "scratch"},
        size,
        max((block.alignment for block in blocks), default=1),
    )


def arena_bytes(plan: Plan) -> int:
    """Return the bytes of the arena, with what aligning its start may take."""
    return plan.arena_bytes + plan.alignment - 1 if plan.arena_bytes else 0


def tensor_bytes(graph: Graph, index: int) -> int:
    """Return the bytes of an activation."""
    tensor = graph.tensors[index]
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def _alignment(graph: Graph, index: int) -> int:
    return np.dtype(graph.tensors[index].dtype).itemsize


class _Groups:
    """Sets of tensors that share bytes; each is known by one of its members, its root."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, index: int) -> int:
        parent = self._parents.setdefault(index, index)
        return index if parent == index else self.root(parent)

    def join(self, kept: int, other: int) -> None:
        self._parents[self.root(other)] = self.root(kept)

    def known(self) -> list[int]:
        return list(self._parents)

    def members(self, root: int) -> list[int]:
        return [index for index in self._parents if self.root(index) == root]


def _activations(step: Step) -> list[int]:
    return [item for item in step.inputs if isinstance(item, int)]


def _lives(calls: Sequence[Step], groups: _Groups) -> dict[int, tuple[int, int]]:
    """Return root of a group → the steps that write it first and use it last."""
    lives: dict[int, tuple[int, int]] = {}
    for place, step in enumerate(calls):
        for index in (*_activations(step), step.output):
            root = groups.root(index)
            lives[root] = (lives.get(root, (place, place))[0], place)
    return lives


def _share(graph: Graph, calls: Sequence[Step], groups: _Groups, source: int, target: int) -> None:
    """Join the output of each step that may work in place with its input."""
    for place, step in enumerate(calls):
        if not step.in_place or not isinstance(step.inputs[0], int):
            continue
        read, written = groups.root(step.inputs[0]), groups.root(step.output)
        kept = {groups.root(source), groups.root(target)}
        if read in kept or read == written:
            continue  # the caller's input is never written; the output is not to be overwritten
        later = [item for other in calls[place + 1 :] for item in _activations(other)]
        others = [item for item in _activations(step)[1:] if groups.root(item) == read]
        if others or any(groups.root(item) == read for item in later):
            continue
        if written == groups.root(target) and _size(graph, groups, read) > _size(
            graph, groups, written
        ):
            continue  # the input would not fit into the caller's output
        if _written_before(calls[:place], groups, written):
            continue
        groups.join(written, read)


def _written_before(calls: Iterable[Step], groups: _Groups, root: int) -> bool:
    return any(groups.root(step.output) == root for step in calls)


def _size(graph: Graph, groups: _Groups, root: int) -> int:
    return max(tensor_bytes(graph, index) for index in groups.members(root))


def _packed(blocks: Sequence[_Block]) -> tuple[dict[tuple[str, int], int], int]:
    """Return the offset of each block and the size of all, for the best of several orders."""
    orders = (
        sorted(blocks, key=lambda block: (-block.size, block.first, block.key)),
        sorted(blocks, key=lambda block: (block.first, -block.size, block.key)),
        sorted(blocks, key=lambda block: (-(block.last - block.first), -block.size, block.key)),
    )
    plans = [_in_order(order) for order in orders]
    return min(plans, key=lambda plan: plan[1])


def _in_order(blocks: Iterable[_Block]) -> tuple[dict[tuple[str, int], int], int]:
    """Place each block at the lowest offset where no block lies that lives at the same time."""
    placed: list[tuple[int, _Block]] = []
    for block in blocks:
        offset = 0
        for start, other in sorted(placed, key=lambda item: item[0]):
            apart = other.last < block.first or block.last < other.first
            if not apart and start < offset + block.size:
                offset = max(offset, -(-(start + other.size) // block.alignment) * block.alignment)
        placed.append((offset, block))
    size = max((start + block.size for start, block in placed), default=0)
    return {block.key: start for start, block in placed}, size
