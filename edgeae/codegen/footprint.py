"""What a part takes of a device's memory: constants, code, activations and stack.

The bytes of constants and activations are known from the program. Those of code and stack depend on
the compiler: they are measured by compiling for the core, if a cross compiler is installed.
"""

import shutil
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeae.codegen.emulation.build import Calls, build, flash
from edgeae.codegen.emulation.cores import CORES, Core, Region
from edgeae.codegen.emulation.stack import FLAG, stack_bytes
from edgeae.codegen.memory import arena_bytes, tensor_bytes
from edgeae.codegen.program import Program
from edgeae.codegen.source import source
from edgeae.errors import NotMeasured, OutOfTolerance, RuntimeUnavailable
from edgeae.system.scratch import scratch

#: Flags with which code and stack are measured; `size` has the first, `speed` the second.
FLAGS = {"size": "-Os", "speed": "-O2"}
#: The memory for which a part is linked: whether it fits the user's device is asked later.
_ROOM = 64 * 2**20


@dataclass(frozen=True)
class Footprint:
    """What one part takes, in bytes.

    Attributes:
        part: name of the part, such as `deep_encoder`.
        constants: constant arrays; if measured, with all else that is constant.
        arena: what the caller provides for activations, beside input and output.
        input, output: the caller's buffers.
        code: functions, those of the compiler's library included; None if it is not measured.
        stack: the most that a call uses; None if it is not measured.
        compiler: the compiler and its flags; empty if nothing is measured.
        note: why nothing is measured; empty if it is.
    """

    part: str
    constants: int
    arena: int
    input: int
    output: int
    code: int | None = None
    stack: int | None = None
    compiler: str = ""
    note: str = ""

    @property
    def flash(self) -> int:
        """Bytes of flash; only those of the constants if the code is not measured."""
        return self.constants + (self.code or 0)

    @property
    def ram(self) -> int:
        """Bytes of RAM; without the stack if it is not measured."""
        return self.arena + self.input + self.output + (self.stack or 0)

    def to_json(self) -> dict[str, Any]:
        """Return the footprint as JSON types."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the footprint as a line."""
        measured = [
            *([] if self.code is None else [f"code {self.code:,} B"]),
            *([] if self.stack is None else [f"stack {self.stack:,} B"]),
        ]
        known = [f"constants {self.constants:,} B", f"arena {self.arena:,} B"]
        where = f" ({self.compiler or self.note})"
        return f"{self.part}: {', '.join([*known, *measured])}{where}"

    def check(self, max_flash: int | None, max_ram: int | None) -> None:
        """Raise an error unless the part is known to stay within the limits.

        Raises:
            OutOfTolerance: a limit is missed.
            NotMeasured: it may be missed: what the compiler adds is not known.
        """
        code = f"code {self.code:,}" if self.code is not None else ""
        stack = f"stack {self.stack:,}" if self.stack is not None else ""
        buffers = f"arena {self.arena:,}, input {self.input:,}, output {self.output:,}"
        self._within("flash", self.flash, max_flash, f"constants {self.constants:,}", code)
        self._within("ram", self.ram, max_ram, buffers, stack)

    def _within(self, what: str, taken: int, limit: int | None, known: str, added: str) -> None:
        if limit is None:
            return
        of = ", ".join(filter(None, (known, added)))
        least = "" if added else "at least "
        if taken > limit:
            raise OutOfTolerance(
                f"{self.part}: takes {least}{taken:,} bytes of {what} ({of}), {taken - limit:,} "
                f"more than --max-{what} {limit:,}"
            )
        if not added:
            missing = {"flash": "code", "ram": "stack"}[what]
            raise NotMeasured(
                f"{self.part}: takes {taken:,} bytes of {what} ({of}) and its {missing}, which is "
                f"not measured: {self.note}"
            )


def constant_bytes(item: Program) -> int:
    """Return the bytes of a program's constant arrays."""
    return sum(constant.values.nbytes for constant in item.constants())


def known(part: str, item: Program, note: str = "") -> Footprint:
    """Return what is known of a part without a compiler."""
    edges = (*item.graph.inputs.values(), *item.graph.outputs.values())
    given, target = (tensor_bytes(item.graph, index) for index in edges)
    return Footprint(part, constant_bytes(item), arena_bytes(item.plan), given, target, note=note)


def measured(part: str, item: Program, target: str, optimize: str) -> Footprint:
    """Return what a part takes on a target, measured if its cross compiler is installed.

    Args:
        part: name of the part.
        item: its program, of the target's layout.
        target: a key of `edgeae.codegen.targets.TARGETS`.
        optimize: `size` or `speed`.

    Raises:
        NotMeasured: the compiler fails.
    """
    core = CORES.get(target)
    if core is None:
        return known(part, item, f"--target {target} is no single core")
    if shutil.which(core.compiler[0]) is None:
        missing = RuntimeUnavailable(f"{core.compiler[0]} is not installed", core.apt)
        return known(part, item, str(missing))
    return _compiled(known(part, item), item, core, FLAGS[optimize])


def _compiled(found: Footprint, item: Program, core: Core, level: str) -> Footprint:
    spacious = replace(core, flash=_larger(core.flash), ram=_larger(core.ram, core.flash))
    calls = Calls(1, 1, found.input, found.output)
    with scratch() as folder:
        part = source(item, found.part)
        elf = build(spacious, part, calls, folder, flags=(level, FLAG))
        taken = flash(core, elf)
        stack = stack_bytes(core, elf, f"{part.name}_run", folder / f"{part.name}.su")
    compiler = f"{core.compiler[0]} {level}, {core.name}"
    return replace(
        found, constants=taken.constants, code=taken.code, stack=stack, compiler=compiler
    )


def _larger(region: Region, before: Region | None = None) -> Region:
    """Return a region of `_ROOM` bytes, behind another one that grew as well."""
    origin = region.origin
    if before is not None and before.origin <= origin < before.origin + _ROOM:
        origin = before.origin + _ROOM
    return Region(origin, _ROOM)
