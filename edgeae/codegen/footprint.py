"""What a part takes of a device's memory: constants, code, activations and stack.

The bytes of constants and activations are known from the program. Those of code and stack depend on
the compiler: they are measured by compiling for the core, if a cross compiler is installed.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeae.codegen import compiler
from edgeae.codegen.emulation.build import Calls, build, flash
from edgeae.codegen.emulation.cores import CORES, Core, Region
from edgeae.codegen.emulation.sections import section_bytes
from edgeae.codegen.emulation.stack import FLAG, stack_bytes
from edgeae.codegen.memory import arena_bytes, tensor_bytes
from edgeae.codegen.program import Program
from edgeae.codegen.source import source
from edgeae.errors import EdgeaeError, NotMeasured, OutOfTolerance
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
        constant_bytes: constant arrays; if measured, with all else that is constant.
        arena_bytes: what the caller provides for activations, beside input and output.
        input_bytes, output_bytes: the caller's buffers.
        code_bytes: functions, those of the compiler's library included; None if it is not measured.
        stack_bytes: the most that a call uses; None if it is not measured.
        compiler: the compiler and its flags; empty if nothing is measured.
        note: why code or stack are not measured; empty if both are.
    """

    part: str
    constant_bytes: int
    arena_bytes: int
    input_bytes: int
    output_bytes: int
    code_bytes: int | None = None
    stack_bytes: int | None = None
    compiler: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the footprint as JSON types."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the footprint as a line."""
        measured = [
            *([] if self.code_bytes is None else [f"code {self.code_bytes:,} B"]),
            *([] if self.stack_bytes is None else [f"stack {self.stack_bytes:,} B"]),
        ]
        known = [f"constants {self.constant_bytes:,} B", f"arena {self.arena_bytes:,} B"]
        missing = " and ".join(
            name
            for name, amount in (("code", self.code_bytes), ("stack", self.stack_bytes))
            if amount is None
        )
        why = f"not measured: {missing}, {self.note}" if missing else ""
        where = "; ".join(filter(None, (self.compiler, why)))
        return f"{self.part}: {', '.join([*known, *measured])} ({where})"

    def problems(self, max_flash: int | None, max_ram: int | None) -> list[EdgeaeError]:
        """Return why the part is not known to stay within the limits, in bytes.

        A limit that is missed is an OutOfTolerance; one that may be missed, as what the compiler
        adds is not known, is a NotMeasured.
        """
        flash = {"constants": self.constant_bytes, "code": self.code_bytes}
        ram = {
            "arena": self.arena_bytes,
            "input": self.input_bytes,
            "output": self.output_bytes,
            "stack": self.stack_bytes,
        }
        found = (self._problem("flash", flash, max_flash), self._problem("ram", ram, max_ram))
        return [item for item in found if item is not None]

    def _problem(
        self, what: str, amounts: Mapping[str, int | None], limit: int | None
    ) -> EdgeaeError | None:
        if limit is None:
            return None
        taken = sum(amount or 0 for amount in amounts.values())
        of = ", ".join(f"{name} {n:,}" for name, n in amounts.items() if n is not None)
        unknown = [name for name, amount in amounts.items() if amount is None]
        least = "at least " if unknown else ""
        if taken > limit:
            return OutOfTolerance(
                f"{self.part}: takes {least}{taken:,} bytes of {what} ({of}), {taken - limit:,} "
                f"more than --max-{what} {limit:,}"
            )
        if unknown:
            return NotMeasured(
                f"{self.part}: takes {taken:,} bytes of {what} ({of}) and its {unknown[0]}, which "
                f"is not measured: {self.note}"
            )
        return None


def known(part: str, item: Program) -> Footprint:
    """Return what is known of a part without a compiler."""
    edges = (*item.graph.inputs.values(), *item.graph.outputs.values())
    given, target = (tensor_bytes(item.graph, index) for index in edges)
    return Footprint(part, item.constant_bytes, arena_bytes(item.plan), given, target)


def measured(part: str, item: Program, target: str, optimize: str) -> Footprint:
    """Return what a part takes on a target; code and stack if the core's compiler can tell them.

    Args:
        part: name of the part.
        item: its program, of the target's layout.
        target: a key of `edgeae.codegen.targets.TARGETS`.
        optimize: `size` or `speed`.
    """
    found = known(part, item)
    core = CORES.get(target)
    if core is None:
        return replace(found, note=f"--target {target} is no single core")
    missing = shutil.which(core.compiler[0]) is None
    note = f"{core.compiler[0]} is not installed; {core.apt}" if missing else ""
    if missing and not compiler.zig():
        return replace(found, note=note)
    measure = _by_zig if missing else _compiled
    try:
        return measure(replace(found, note=note), item, core, FLAGS[optimize])
    except NotMeasured as error:
        return replace(found, note=str(error))


def _by_zig(found: Footprint, item: Program, core: Core, level: str) -> Footprint:
    """Return a footprint without the stack, which this compiler does not tell."""
    part = source(item, found.part)
    flags = (*core.zig, "-ffunction-sections", "-fdata-sections", level)
    linked = ("-Wl,--gc-sections", f"-Wl,-e,{part.name}_run")
    with scratch() as folder:
        for ending, text in ((".h", part.header), (".c", part.code)):
            (folder / f"{part.name}{ending}").write_text(text, encoding="utf-8")
        target = folder / f"{part.name}.elf"
        files = (str(folder / f"{part.name}.c"), "-o", str(target))
        compiler.run([*compiler.zig(), *flags, *linked, *files], f"{core.name}: {part.name}.c")
        sizes = section_bytes(target)
    return replace(
        found,
        constant_bytes=_sum(sizes, ".rodata", ".srodata"),
        code_bytes=_sum(sizes, ".text"),
        compiler=f"ziglang {level}, {core.name}",
    )


def _sum(sizes: Mapping[str, int], *sections: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(sections))


def _compiled(found: Footprint, item: Program, core: Core, level: str) -> Footprint:
    spacious = replace(core, flash=_larger(core.flash), ram=_larger(core.ram, core.flash))
    calls = Calls(1, 1, found.input_bytes, found.output_bytes)
    with scratch() as folder:
        part = source(item, found.part)
        elf = build(spacious, part, calls, folder, flags=(level, FLAG))
        taken = flash(core, elf)
        stack = stack_bytes(core, elf, f"{part.name}_run", folder / f"{part.name}.su")
    return replace(
        found,
        constant_bytes=taken.constants,
        code_bytes=taken.code,
        stack_bytes=stack,
        compiler=f"{core.compiler[0]} {level}, {core.name}",
    )


def _larger(region: Region, before: Region | None = None) -> Region:
    """Return a region of `_ROOM` bytes, behind another one that grew as well."""
    origin = region.origin
    if before is not None and before.origin <= origin < before.origin + _ROOM:
        origin = before.origin + _ROOM
    return Region(origin, _ROOM)
