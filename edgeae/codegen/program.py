"""A model as a program: the steps that compute it, in order, and the place of every activation."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.codegen import folding, memory, operators, wiring
from edgeae.codegen.dead_channels import with_scales
from edgeae.codegen.memory import Plan
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Constant, Step
from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, Tensor


@dataclass(frozen=True)
class Program:
    """The steps of a model.

    Attributes:
        graph: the model.
        steps: the calls of kernels, in order.
        plan: where each activation is.
    """

    graph: Graph
    steps: tuple[Step, ...]
    plan: Plan

    @property
    def input(self) -> Tensor:
        """The tensor that the caller fills."""
        return self.graph.tensors[next(iter(self.graph.inputs.values()))]

    @property
    def output(self) -> Tensor:
        """The tensor that the caller reads."""
        return self.graph.tensors[next(iter(self.graph.outputs.values()))]

    def constants(self) -> tuple[Constant, ...]:
        """Return the constant arrays, those with the same values once, in order of use."""
        used = [
            item
            for step in self.steps
            for item in (*step.members.values(), *step.inputs)
            if isinstance(item, Constant)
        ]
        return tuple({item.key: item for item in reversed(used)}.values())[::-1]

    @property
    def constant_bytes(self) -> int:
        """Bytes of the constant arrays."""
        return sum(item.values.nbytes for item in self.constants())


def program(
    graph: Graph, origin: str, layout: str = "portable", optimize: str = "speed"
) -> Program:
    """Return the program of a model.

    Args:
        graph: the model; a batch of −1 in its shape signature is taken as 1.
        origin: name of the file, for errors.
        layout: the layout of the weights, see `edgeae.codegen.targets`.
        optimize: `speed` or `size`.

    Raises:
        BadInput: the model has several inputs or outputs, or an operator that is not supported; its
            operators do not fit together; or a constant is not finite.
    """
    for edges, what in ((graph.inputs, "input"), (graph.outputs, "output")):
        if len(edges) != 1:
            names = ", ".join(edges) or "none"
            raise BadInput(f"{origin}: C takes models with one {what}; this one has {names}")
    graph = with_scales(folding.folded(graph, origin))
    (source,), (target,) = graph.inputs.values(), graph.outputs.values()
    operations = _operations(graph, optimize)
    lowered = [
        step for operation in operations for step in operators.lower(operation, layout, origin)
    ]
    wiring.check(graph, operations, lowered, origin)
    steps = memory.with_copy(graph, lowered, source, target)
    plan = memory.planned(graph, steps, source, target)
    return Program(graph, tuple(s for s in steps if isinstance(s, Step)), plan)


def _operations(graph: Graph, optimize: str) -> Sequence[Operation]:
    """Return the operators, without those that only make constants."""
    sources = graph_statistics.dequantized(graph)
    return [
        Operation(
            graph, index, item.name, item.inputs, item.outputs, item.options, optimize, sources
        )
        for index, item in enumerate(graph.operators)
        if not (item.name == "DEQUANTIZE" and sources.keys() & item.outputs)
        and not folding.is_folded(graph, item)
    ]
