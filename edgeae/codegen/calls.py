"""The calls of a program's kernels as C text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeae.codegen.memory import INPUT, OUTPUT
from edgeae.codegen.program import Program
from edgeae.codegen.step import C_TYPES, Constant


@dataclass(frozen=True)
class Calls:
    """Writes the calls of one part.

    Attributes:
        name: the part's name.
        program: its program.
        names: key of a constant → its name in C.
        output: the C expression of the output buffer.
    """

    name: str
    program: Program
    names: Mapping[tuple[str, int, bytes], str]
    output: str = OUTPUT

    def base(self, alignment: int) -> str:
        """Return the expression of the arena's first aligned byte."""
        if alignment == 1:
            return "(int8_t *)arena"
        return f"(int8_t *)(((uintptr_t)arena + {alignment - 1}u) & ~(uintptr_t){alignment - 1}u)"

    def layer(self, place: int) -> str:
        """Return the name of a step's struct."""
        return f"{self.name}_step_{place}"

    def call(
        self,
        place: int,
        *,
        layer: str | None = None,
        source: str | None = None,
        target: str | None = None,
    ) -> str:
        """Return the statement that runs a step; expressions that are given replace its own."""
        kernel = f"{self.name}_{self.program.steps[place].kernel}"
        return f"{kernel}({', '.join(self._arguments(place, layer, source, target))});"

    def _arguments(
        self, place: int, layer: str | None, source: str | None, target: str | None
    ) -> Iterator[str]:
        step = self.program.steps[place]
        if step.members:
            yield layer or f"&{self.layer(place)}"
        for item in step.inputs:
            if isinstance(item, Constant):
                yield self.names[item.key]
            else:
                yield source or self._pointer(item, "const ")
        yield target or self._pointer(step.output, "")
        if step.scratch_bytes:
            yield f"(void *)(bytes + {self.program.plan.scratch[place]})"

    def _pointer(self, index: int, qualifier: str) -> str:
        where = self.program.plan.places[index]
        kind = C_TYPES[self.program.graph.tensors[index].dtype]
        if where in (INPUT, OUTPUT):
            edge = self.program.input if where == INPUT else self.program.output
            text = "input" if where == INPUT else self.output
            same = edge.dtype == self.program.graph.tensors[index].dtype
            return text if same else f"({qualifier}{kind} *)({qualifier}void *){text}"
        if kind == "int8_t":
            return f"bytes + {where}"
        return f"({qualifier}{kind} *)({qualifier}void *)(bytes + {where})"
