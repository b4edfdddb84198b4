"""Runs a generated part on an emulated core and counts its instructions exactly.

QEMU's option `-icount shift=0` lets one instruction take one nanosecond of the emulated clock, so
the core's own counter counts instructions, the same in each run. The board calls the part for all
inputs, then does all the same with an empty function; the difference is what the part takes.
Instructions are not cycles: there are no wait states, caches or pairs of instructions.
"""

import math
import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgeae.codegen.emulation.build import Calls, Flash, build, flash
from edgeae.codegen.emulation.cores import CORES, Core
from edgeae.codegen.source import Source
from edgeae.errors import NotMeasured, RuntimeCrashed, RuntimeUnavailable, unknown
from edgeae.system import tied
from edgeae.system.scratch import scratch

#: Fewest calls of a pass: two passes differ by up to 10 instructions that are not the part's.
_CALLS = 24
#: `struct figures` of `board_main.c`.
_FIGURES = struct.Struct("<QIQIIIII")
_QEMU = (
    *("-nographic", "-monitor", "none", "-serial", "none", "-icount", "shift=0"),
    *("-semihosting-config", "enable=on,target=native"),
)
_FAILURES = {
    2: "the board could not open a file",
    3: "the board could not read or write a file",
    4: "the core faulted: an address, an instruction or an alignment that it does not take",
}


@dataclass(frozen=True)
class Emulated:
    """What a part did on an emulated core.

    Attributes:
        core: name of the core.
        outputs: one output an input.
        instructions: instructions of one call: exact; the rounded mean if there are many inputs.
        flash: code, constants, data and bss.
        arena_bytes: bytes that the caller provides for activations, beside input and output.
        stack_bytes: the largest stack that the first inputs' calls used.
    """

    core: str
    outputs: NDArray[np.generic]
    instructions: int
    flash: Flash
    arena_bytes: int
    stack_bytes: int


def core(name: str) -> Core:
    """Return a core by its name.

    Raises:
        BadInput: there is no such core.
    """
    if name not in CORES:
        raise unknown("core", name, CORES)
    return CORES[name]


def emulate(
    core: Core,
    part: Source,
    inputs: NDArray[np.generic],
    output: tuple[Sequence[int], DTypeLike],
    *,
    flags: Sequence[str] = ("-O2",),
    command: Sequence[str] | None = None,
    others: Mapping[str, str] | None = None,
    offset: int = 0,
    timeout_s: float = 120,
) -> Emulated:
    """Build a part, run it on each input, and return outputs and figures.

    Args:
        core: the core.
        part: the C files of the part.
        inputs: inputs of shape (n, *shape of one).
        output: shape and type of one output.
        flags: flags of the part's compiler.
        command: the part's compiler, if it is not the core's.
        others: name → text of further C files of the part.
        offset: bytes between an aligned address and input, output and arena.
        timeout_s: longest duration of the emulator, in seconds.

    Raises:
        RuntimeUnavailable: compiler or emulator are missing.
        NotMeasured: the part does not compile, or does not fit into the core's memory.
        RuntimeCrashed: the core faulted, the emulator hung, or the part wrote behind its arena.
    """
    if shutil.which(core.machine[0]) is None:
        raise RuntimeUnavailable(f"{core.name}: {core.machine[0]} is not installed", core.apt)
    shape, kind = tuple(output[0]), np.dtype(output[1])
    calls = Calls(
        len(inputs),
        -(-_CALLS // len(inputs)),
        inputs[0].nbytes,
        math.prod(shape) * kind.itemsize,
        offset,
    )
    with scratch() as folder:
        elf = build(core, part, calls, folder, flags=flags, command=command, others=others)
        (folder / "inputs").write_bytes(np.ascontiguousarray(inputs).tobytes())
        _run(core, elf, folder, timeout_s)
        answers = np.frombuffer((folder / "outputs").read_bytes(), kind)
        figures = _FIGURES.unpack((folder / "figures").read_bytes())
        taken = flash(core, elf)
    nothing, nothing_loops, counted, loops, stack_nothing, stack, arena, guards = figures
    if not guards:
        raise RuntimeCrashed(f"{core.name}: {part.name} wrote behind its arena or its output")
    ticks, turns = counted - nothing, loops - nothing_loops
    passed = ticks * core.instructions_per_tick - turns * core.loop
    return Emulated(
        core.name,
        answers.reshape(len(inputs), *shape),
        round(passed / calls.inputs / calls.repeats) + 1,  # the empty function's return
        taken,
        arena,
        max(stack - stack_nothing, 0),
    )


def _run(core: Core, elf: Path, folder: Path, timeout_s: float) -> None:
    """Run the emulator in a folder, where the board finds its inputs and leaves its outputs."""
    command = tied.program([*core.machine, *_QEMU, "-kernel", str(elf)])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeCrashed(f"{core.name}: hung: no end within {timeout_s:.0f} s") from None
    if done.returncode in _FAILURES:
        raise RuntimeCrashed(f"{core.name}: {_FAILURES[done.returncode]}")
    if done.returncode or not (folder / "figures").exists():
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = f": {lines[-1]}" if lines else ""
        raise NotMeasured(f"{core.name}: {core.machine[0]} ended with {done.returncode}{last}")
