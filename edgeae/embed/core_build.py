"""Builds an example of C for a Cortex-M and runs it on the core that QEMU emulates."""

import shutil
from pathlib import Path

from edgeae.codegen import compiler, emulation
from edgeae.codegen.emulation.cores import CORES, Core
from edgeae.embed.form import Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, in_order

#: The core on which examples run.
CORE = CORES["cortex-m4"]
_BOARD = Path(emulation.__file__).parent / "c"
_CONSOLE = STAND_INS / "cortex-m" / "console.c"
#: The board's files are not strict: they are the emulator's, not the user's.
_FLAGS = (*("-std=gnu11", "-O1", "-ffunction-sections", "-fdata-sections"), f"-I{_BOARD}")
#: A file of newlib, the C library that brings printf.
_LIBRARY = "nosys.specs"
_LINKED = ("-nostartfiles", f"--specs={_LIBRARY}", "-Wl,--gc-sections", f"-Wl,-L,{_BOARD}")


def is_here(core: Core = CORE) -> bool:
    """Return whether compiler, C library and emulator of a core are installed."""
    if not all(shutil.which(command[0]) for command in (core.compiler, core.machine)):
        return False
    found = compiler.run([core.compiler[0], f"-print-file-name={_LIBRARY}"], core.name).strip()
    return found != _LIBRARY  # of a file that is not there, gcc prints the bare name


def proven_on_core(folder: Path, program: HostProgram, note: str, core: Core = CORE) -> Proof:
    """Build an example for a core and run it there; its `printf` reaches the emulator's console.

    Args:
        folder: a copy of the written folder.
        program: what to build; only its C.
        note: what was not run for real, see `Proof`.
        core: an Arm core.
    """
    script = folder / "core.ld"
    script.write_text(_memory(core), encoding="utf-8")
    flags = [*(f"-I{place}" for place in program.includes), *(f"-D{it}" for it in program.defines)]
    sources = [*map(str, program.c), str(_CONSOLE), str(_BOARD / core.start)]
    build = [*core.compiler, *_FLAGS, *flags, *sources, *_LINKED, "-T", str(script), "-lm"]
    console = ("-chardev", "stdio,id=out", "-serial", "none", "-monitor", "none", "-nographic")
    machine = [*core.machine, *console, "-semihosting-config", "enable=on,chardev=out"]
    tools = compiler.run([core.compiler[0], "--version"], core.name).splitlines()[0]
    return in_order(
        [[*build, "-o", "core.elf"], [*machine, "-kernel", "core.elf"]],
        folder,
        f"{tools.strip()}, {core.machine[0]}, {core.name}",
        note=note,
    )


def _memory(core: Core) -> str:
    regions = (("FLASH (rx)", core.flash), ("RAM (rw)", core.ram))
    lines = (f"  {name} : ORIGIN = {it.origin:#x}, LENGTH = {it.size}\n" for name, it in regions)
    return f"MEMORY\n{{\n{''.join(lines)}}}\nINCLUDE board.ld\n"
