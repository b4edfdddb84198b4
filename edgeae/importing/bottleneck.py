"""Finds the tensors at which a graph can be cut in two, and chooses the code among them.

A tensor can be the code only if every path from the input to the output passes through it. In a
topological order, these are exactly the tensors that no connection bypasses, so one pass over the
connections finds them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from edgeae.errors import BadInput, unknown

#: Largest number of layers that an error lists.
_MOST_TOLD = 8


@dataclass(frozen=True)
class Node:
    """One tensor of a graph, named after the layer or operator that makes it.

    Attributes:
        name: unique in the graph.
        inputs: names of the nodes that it is computed from.
        size: number of values, without the batch.
        same_values: whether it passes its input's values on, perhaps in another shape.
        end: whether a nested model, such as the author's own encoder, ends here.
    """

    name: str
    inputs: tuple[str, ...]
    size: int
    same_values: bool = False
    end: bool = False


@dataclass(frozen=True)
class Choice:
    """The code of a graph.

    Attributes:
        name: the node whose output is the code.
        size: number of values of the code.
        alternatives: (name, size) of every other node that could be the code, best first.
        narrower: (name, size) of a narrower node that cannot be the code, or None.
        around: (source, target) of the connection that bypasses `narrower`, or None.
    """

    name: str
    size: int
    alternatives: tuple[tuple[str, int], ...]
    narrower: tuple[str, int] | None = None
    around: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the choice as `train.json` records it."""
        return asdict(self)


@dataclass(frozen=True)
class _Way:
    """The nodes on paths from the input to the output, both included, in topological order.

    Attributes:
        nodes: the nodes; some of their inputs, such as constants, may not be among them.
        place: name → position in `nodes`.
    """

    nodes: tuple[Node, ...]
    place: Mapping[str, int]

    def open(self) -> list[bool]:
        """Return for each position whether no connection bypasses it."""
        change = [0] * (len(self.nodes) + 1)
        for source, target in self._connections():
            if target - source > 1:
                change[source + 1] += 1
                change[target] -= 1
        return [depth == 0 for depth in accumulate(change[:-1])]

    def around(self, position: int) -> tuple[str, str]:
        """Return (source, target) of the longest connection that bypasses a position."""
        jumps = [pair for pair in self._connections() if pair[0] < position < pair[1]]
        source, target = max(jumps, key=lambda pair: pair[1] - pair[0])
        return self.nodes[source].name, self.nodes[target].name

    def _connections(self) -> list[tuple[int, int]]:
        return [
            (self.place[source], position)
            for position, node in enumerate(self.nodes)
            for source in node.inputs
            if source in self.place
        ]


def choose(
    nodes: Sequence[Node],
    source: str,
    target: str,
    code_layer: str | None = None,
    *,
    wide: bool = False,
) -> Choice:
    """Return the code: the narrowest node through which all paths from input to output pass.

    If several such nodes of the same size follow each other directly, the last one is chosen: it
    comes after an activation or normalisation, but before nodes that only reshape, unless a nested
    encoder ends at one of those.

    Args:
        nodes: the graph, every node after its inputs; constants may be missing.
        source: name of the input.
        target: name of the output.
        code_layer: name of the node that the user chose as the code; it may have any size. None
            searches for the bottleneck.
        wide: whether a node that is no narrower than the input may be found, if it is the only
            narrowest one. Convolutional examples have such codes: 7×7×32 values of 28×28.

    Raises:
        BadInput: there is no bottleneck, `code_layer` does not exist, or the graph cannot be cut
            at it.
    """
    way = _way(nodes, source, target)
    is_open = way.open()
    inner = range(1, len(way.nodes) - 1)
    cuts = [position for position in inner if is_open[position]]
    if code_layer is not None:
        position = _named(nodes, way, is_open, code_layer)
    else:
        position = _narrowest(way, cuts, wide)
    node = way.nodes[position]
    others = sorted((p for p in cuts if p != position), key=lambda p: (way.nodes[p].size, -p))
    shut = [p for p in inner if not is_open[p] and way.nodes[p].size < node.size]
    narrower = min(shut, key=lambda p: way.nodes[p].size, default=None)
    return Choice(
        node.name,
        node.size,
        tuple((way.nodes[p].name, way.nodes[p].size) for p in others),
        None if narrower is None else (way.nodes[narrower].name, way.nodes[narrower].size),
        None if narrower is None else way.around(narrower),
    )


def _way(nodes: Sequence[Node], source: str, target: str) -> _Way:
    """Return the nodes between input and output, without constants and dead ends."""
    reached = {source}
    for node in nodes:
        if any(name in reached for name in node.inputs):
            reached.add(node.name)
    needed = {target}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    if target not in reached:
        raise BadInput(f"the output {target!r} does not depend on the input {source!r}")
    between = tuple(node for node in nodes if node.name in reached & needed)
    return _Way(between, {node.name: position for position, node in enumerate(between)})


def _named(nodes: Sequence[Node], way: _Way, is_open: list[bool], name: str) -> int:
    if name not in {node.name for node in nodes}:
        possible = [node.name for node, free in zip(way.nodes, is_open, strict=True) if free]
        raise unknown("layer", name, possible[1:-1])
    position = way.place.get(name)
    if position is None:
        raise BadInput(f"--code-layer {name}: not on a path from the input to the output")
    if position in (0, len(way.nodes) - 1):
        end = "input" if position == 0 else "output"
        raise BadInput(f"--code-layer {name}: is the {end}; allowed is a layer in between")
    if not is_open[position]:
        first, last = way.around(position)
        raise BadInput(
            f"--code-layer {name}: the connection {first} → {last} bypasses it, "
            "so the model cannot be cut there"
        )
    return position


def _narrowest(way: _Way, cuts: list[int], wide: bool) -> int:
    least = min((way.nodes[position].size for position in cuts), default=None)
    if least is None or not (least < way.nodes[0].size or (wide and _is_single(way, cuts, least))):
        raise _no_bottleneck(way, cuts)
    first = next(i for i, position in enumerate(cuts) if way.nodes[position].size == least)
    row: list[int] = []
    for position in cuts[first:]:
        # a node that is bypassed ends the row: the nodes after it belong to the decoder
        if way.nodes[position].size != least or (row and position != row[-1] + 1):
            break
        row.append(position)
    return _last(way, row)


def _is_single(way: _Way, cuts: list[int], size: int) -> bool:
    """Return whether one node alone has this size, but for those that only reshape it."""
    alike = [position for position in cuts if way.nodes[position].size == size]
    made = [position for position in alike if not way.nodes[position].same_values]
    return len(made) == 1 and alike[-1] - alike[0] == len(alike) - 1


def _last(way: _Way, row: list[int]) -> int:
    """Return the position of the code in a row of equally narrow nodes."""
    made = [i for i, position in enumerate(row) if not way.nodes[position].same_values]
    start = made[-1] if made else 0
    ends = [position for position in row[start:] if way.nodes[position].end]
    return ends[-1] if ends else row[start]


def _no_bottleneck(way: _Way, cuts: list[int]) -> BadInput:
    width = way.nodes[0].size
    shut = sorted(set(range(1, len(way.nodes) - 1)) - set(cuts))
    narrow = [position for position in shut if way.nodes[position].size < width]
    if not narrow:
        reason = f"no layer is narrower than the input's {width} values"
    else:
        position = min(narrow, key=lambda p: way.nodes[p].size)
        first, last = way.around(position)
        reason = (
            f"the connection {first} → {last} bypasses the narrowest layer, "
            f"{way.nodes[position].name} ({way.nodes[position].size} values of the input's "
            f"{width}), so the model cannot be cut there"
        )
    return BadInput(f"no bottleneck: {reason}; {_candidates(way, cuts, shut)}")


def _candidates(way: _Way, cuts: list[int], shut: list[int]) -> str:
    """Return a text that lists the layers that `--code-layer` may name, and the bypassed ones."""
    told = f"--code-layer takes {_listing(way, cuts)}" if cuts else "no layer can be the code"
    return f"{told}; bypassed layers: {_listing(way, shut)}" if shut else told


def _listing(way: _Way, positions: list[int]) -> str:
    nodes = sorted((way.nodes[position] for position in positions), key=lambda node: node.size)
    more = len(nodes) - _MOST_TOLD
    listing = ", ".join(f"{node.name} ({node.size})" for node in nodes[:_MOST_TOLD])
    return f"{listing} and {more} more" if more > 0 else listing
