"""The runtimes `c-cortex-m4`, `c-rv32` and others: the generated C on a core that QEMU emulates.

They give the answers that the core would give, and exact counts of instructions and bytes, but no
times. They run only if they are named, because each start compiles the model.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen import compiler
from edgeae.codegen.emulation import emulator
from edgeae.codegen.emulation.emulator import Emulated
from edgeae.codegen.program import Program
from edgeae.codegen.source import source
from edgeae.codegen.targets import TARGETS
from edgeae.errors import NotMeasured, RuntimeUnavailable
from edgeae.runtimes.c_program import generated
from edgeae.runtimes.protocol import Device

_NAME = "model"
#: Flags with which the figures are measured.
FLAGS = ("-O2",)
#: Examples of one start of the emulator.
_EXAMPLES = 1000
#: Longest duration of the emulator, in seconds: hundreds of examples of a large model on Cortex-M0.
_TIMEOUT_S = 120.0


def figures(
    program: VerifiedArtifact,
    core_name: str,
    inputs: NDArray[Any],
    *,
    layout: str | None = None,
    optimize: str = "speed",
    flags: Sequence[str] = FLAGS,
    timeout_s: float = _TIMEOUT_S,
) -> Emulated:
    """Run a `.tflite` as C on an emulated core, and return its outputs and figures.

    The emulator starts once for all inputs.

    Args:
        program: the artifact.
        core_name: a key of `emulation.cores.CORES` that is a target too, such as `cortex-m4`.
        inputs: (n, …) in the artifact's element type.
        layout: layout of the weights; None for that of the core's own kernels.
        optimize: `speed` or `size`.
        flags: flags of the core's compiler.
        timeout_s: longest duration of the emulator, in seconds.

    Raises:
        BadInput: there is no such core.
        NotMeasured: C does not support the model, or it does not fit into the core's memory; the
            message says by how much.
        RuntimeCrashed: the core faulted, or the emulator hung.
        RuntimeUnavailable: compiler or emulator are missing; the message has the command that
            installs them.
    """
    item = generated(program, layout or _layout(core_name), optimize)
    return _emulated(item, core_name, inputs, flags, timeout_s)


def _layout(core_name: str) -> str:
    emulator.core(core_name)
    return TARGETS[core_name].layout


def _emulated(
    item: Program, core_name: str, inputs: NDArray[Any], flags: Sequence[str], timeout_s: float
) -> Emulated:
    return emulator.emulate(
        emulator.core(core_name),
        source(item, _NAME),
        inputs,
        (item.output.shape[1:], item.output.dtype),
        flags=flags,
        timeout_s=timeout_s,
    )


class _Session:
    #: One start of the emulator takes longer than many examples.
    bulk = _EXAMPLES

    def __init__(self, run: Callable[[NDArray[Any]], Emulated]):
        self._run = run
        self.note = ""

    def run(self, x: NDArray[Any], /) -> NDArray[Any]:
        done = self._run(x)
        self.note = note(done)
        return done.outputs

    def close(self) -> None:
        del self._run


def note(done: Emulated) -> str:
    """Return the figures of one inference in a line."""
    flash = done.flash
    return (
        f"{done.instructions:,} instructions, {flash.code:,} B of code, {flash.constants:,} B of "
        f"constants, {done.arena_bytes:,} B of arena, {done.stack_bytes:,} B of stack"
    )


@dataclass(frozen=True)
class _CEmulated:
    core: str
    formats: tuple[str, ...] = ("tflite",)
    answers: bool = True

    def version(self) -> str:
        core = emulator.core(self.core)
        return f"{_tool(core.compiler[0], core.apt)}, {_tool(core.machine[0], core.apt)}"

    def device(self) -> Device:
        core = emulator.core(self.core)
        machine = core.machine[core.machine.index("-M") + 1]
        return Device(f"{self.core} of {machine}", software=True)

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        self.version()  # a missing tool is reported before any work
        item = generated(program, _layout(self.core))
        return _Session(lambda x: _emulated(item, self.core, x, FLAGS, _TIMEOUT_S))

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        raise NotMeasured(f"c-{self.core}: an emulated core counts instructions, not time")


def _tool(command: str, apt: str) -> str:
    """Return a tool's name and version.

    Raises:
        RuntimeUnavailable: the tool is missing, or does not start.
    """
    if shutil.which(command) is None:
        raise RuntimeUnavailable(f"{command} is not installed", apt)
    try:
        first = compiler.run([command, "--version"], "its version").splitlines()[0]
    except (NotMeasured, OSError, IndexError) as error:
        raise RuntimeUnavailable(f"{command} does not start: {error}", apt) from None
    plain = re.sub(r"\(.*?\)", "", first)  # the packager's own numbers
    found = re.search(r"\d+(\.\d+)+", plain)
    return f"{command} {found[0] if found else first}"


CORTEX_M0, CORTEX_M4 = _CEmulated("cortex-m0"), _CEmulated("cortex-m4")
CORTEX_M33, CORTEX_M55 = _CEmulated("cortex-m33"), _CEmulated("cortex-m55")
RV32 = _CEmulated("rv32")
