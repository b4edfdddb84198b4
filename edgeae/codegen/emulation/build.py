"""Builds a generated part for an emulated core, and measures its flash."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeae.codegen import compiler
from edgeae.codegen.emulation.cores import PICOLIBC_APT, Core, Region
from edgeae.codegen.source import Source
from edgeae.errors import NotMeasured, RuntimeUnavailable

_BOARD = Path(__file__).parent / "c"
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")
_PICOLIBC = "--specs=picolibc.specs"
_GUARDED = ("-std=gnu11", "-O2", "-ffunction-sections", "-fdata-sections", "-ffreestanding")


@dataclass(frozen=True)
class Flash:
    """What a part takes of a core's memory, in bytes, without the activations and the stack.

    Attributes:
        code: functions, those of the compiler's library included.
        constants: constant data.
        data, bss: variables with and without an initial value; generated C has none.
        symbols: name of a function or constant → its bytes.
    """

    code: int
    constants: int
    data: int
    bss: int
    symbols: Mapping[str, int]


@dataclass(frozen=True)
class Calls:
    """How the board calls a part.

    Attributes:
        inputs: number of inputs.
        repeats: calls of each input, one after the other.
        input_bytes, output_bytes: bytes of one input and output.
        offset: bytes between an aligned address and input, output and arena.
    """

    inputs: int
    repeats: int
    input_bytes: int
    output_bytes: int
    offset: int = 0


def build(
    core: Core,
    part: Source,
    calls: Calls,
    folder: Path,
    *,
    flags: Sequence[str] = ("-O2",),
    command: Sequence[str] | None = None,
    others: Mapping[str, str] | None = None,
) -> Path:
    """Build the part and the board's code and return the ELF file.

    Args:
        core: the core.
        part: the C files.
        calls: how the board calls the part.
        folder: where to write.
        flags: flags of the part's compiler.
        command: the part's compiler, if it is not the core's.
        others: name → text of further C files of the part.

    Raises:
        RuntimeUnavailable: a tool is missing; the message has the command that installs it.
        NotMeasured: the part does not compile, or does not fit; the message says by how much.
    """
    _present(core, core.compiler[0])
    texts = {f"{part.name}.h": part.header, f"{part.name}.c": part.code, **(others or {})}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    compiled = [*(command or core.compiler), "-ffunction-sections", "-fdata-sections", *flags]
    objects = [
        _compiled(folder / name, compiled, core) for name in texts if Path(name).suffix == ".c"
    ]
    board = [*core.compiler, *_GUARDED, f"-I{_BOARD}", f"-I{folder}", *_macros(part.name, calls)]
    objects += [
        _compiled(_BOARD / name, board, core, folder) for name in ("board_main.c", core.start)
    ]
    return _linked(core, objects, folder)


def flash(core: Core, elf: Path) -> Flash:
    """Return what the part in an ELF file takes, without the board's own code.

    Raises:
        NotMeasured: the tools fail.
    """
    listing = compiler.run([f"{core.tools}size", "-A", "-d", str(elf)], elf.name)
    sections = {
        words[0]: (int(words[2]), int(words[1]))
        for words in (line.split() for line in listing.splitlines())
        if len(words) == 3 and words[1].isdigit()
    }
    sizes = {name: size for name, (_, size) in sections.items()}
    measured = [Region(*sections[name]) for name in (".text", ".rodata") if name in sections]
    return Flash(
        sizes.get(".text", 0),
        sizes.get(".rodata", 0),
        sizes.get(".data", 0),
        sizes.get(".bss", 0),
        _symbols(core, elf, measured),
    )


def _symbols(core: Core, elf: Path, regions: Sequence[Region]) -> dict[str, int]:
    listing = compiler.run([f"{core.tools}nm", "-P", "--defined-only", str(elf)], elf.name)
    found = {}
    for words in (line.split() for line in listing.splitlines()):
        if len(words) == 4 and words[1] in "tTrRwW":
            address, size = int(words[2], 16) & ~1, int(words[3], 16)
            if any(item.origin <= address < item.origin + item.size for item in regions):
                found[words[0]] = size
    return found


def _present(core: Core, program: str) -> None:
    if shutil.which(program) is None:
        raise RuntimeUnavailable(f"{core.name}: {program} is not installed", core.apt)


def _macros(name: str, calls: Calls) -> list[str]:
    return [
        f'-DPART_HEADER="{name}.h"',
        f"-DPART_RUN={name}_run",
        f"-DPART_ARENA_BYTES={name.upper()}_ARENA_BYTES",
        f"-DINPUTS={calls.inputs}",
        f"-DREPEATS={calls.repeats}",
        f"-DINPUT_BYTES={calls.input_bytes}",
        f"-DOUTPUT_BYTES={calls.output_bytes}",
        f"-DOFFSET={calls.offset}",
    ]


def _compiled(path: Path, command: Sequence[str], core: Core, folder: Path | None = None) -> Path:
    target = (folder or path.parent) / f"{path.stem}.o"
    try:
        words = [*command, *_specs(core), "-c", str(path), "-o", str(target)]
        compiler.run(words, f"{core.name}: {path.name}")
    except NotMeasured as error:
        if "math.h" not in str(error):
            raise
        raise NotMeasured(
            f"{core.name}: float models need a C library's expf and tanhf; {PICOLIBC_APT}"
        ) from None
    return target


def _linked(core: Core, objects: Sequence[Path], folder: Path) -> Path:
    elf, script = folder / "part.elf", folder / "part.ld"
    script.write_text(
        "MEMORY\n{\n"
        f"  FLASH (rx) : ORIGIN = {core.flash.origin:#x}, LENGTH = {core.flash.size}\n"
        f"  RAM (rw) : ORIGIN = {core.ram.origin:#x}, LENGTH = {core.ram.size}\n"
        "}\n"
        "INCLUDE board.ld\n"
    )
    files = [str(item) for item in objects]
    command = [
        *(*core.compiler, *_specs(core), "-nostartfiles", "-Wl,--gc-sections", f"-Wl,-L,{_BOARD}"),
        *("-T", str(script), *files, "-nostdlib", *_libraries(core), "-lgcc", "-o", str(elf)),
    ]
    try:
        compiler.run(command, f"{core.name}: {elf.name}")
    except NotMeasured as error:
        raise _explained(core, error) from None
    return elf


def _libraries(core: Core) -> tuple[str, ...]:
    """Return the C library, for `expf` and `tanhf` of float models."""
    return ("-lm", "-lc") if core.start == "board_arm.c" or _specs(core) else ()


def _specs(core: Core) -> tuple[str, ...]:
    """Return the flag that finds the C library of a core whose compiler brings none."""
    there = core.start != "board_arm.c" and _has_picolibc(core.compiler)
    return (_PICOLIBC,) if there else ()


@cache
def _has_picolibc(command: tuple[str, ...]) -> bool:
    """Return whether a C library is installed beside the compiler for RISC-V, which brings none."""
    try:
        compiler.run([*command, _PICOLIBC, "-E", "-x", "c", os.devnull], "picolibc")
    except NotMeasured:
        return False
    return True


def _explained(core: Core, error: NotMeasured) -> NotMeasured:
    """Return the linker's error; if a region is too small, as a sentence about the core."""
    if found := _OVERFLOW.search(str(error)):
        kind, excess = found[1].lower(), int(found[2])
        size = {"flash": core.flash, "ram": core.ram}[kind].size
        return NotMeasured(
            f"{core.name}: does not fit: {excess:,} bytes too many for {size:,} bytes of {kind}"
        )
    return error
