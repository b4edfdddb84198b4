"""Firmware of the C that `edgeae embed` writes, running behind a pseudo-terminal."""

import contextlib
import os
import shutil
import subprocess
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeae.codegen import compiler
from edgeae.codegen.emulation import build as emulation
from edgeae.codegen.emulation.cores import CORES

HERE = Path(__file__).parent
STARTUP = Path(emulation.__file__).parent / "c"


def sources(folder: Path, main: Path) -> list[str]:
    """Return the C files of an embedded folder, with a `main` of their own."""
    own = [path for path in folder.rglob("*.c") if path.name not in ("main.c", "main_posix.c")]
    return [str(path) for path in (*sorted(own), main)]


def host_program(folder: Path, target: Path | None = None) -> Path:
    """Compile a folder's own example for this machine, under the strict flags."""
    target = target or folder / "program"
    files = sources(folder, folder / "serial" / "main_posix.c")
    includes = (f"-I{folder}", f"-I{folder / 'serial'}")
    strict = [*compiler.host(), *compiler.STRICT, "-O1", *includes]
    compiler.run([*strict, *files, "-lm", "-o", str(target)], "program")
    return target


@contextlib.contextmanager
def on_terminal(program: Path) -> Iterator[str]:
    """Run a program whose standard input and output are a line; yield the line's other end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    with subprocess.Popen([str(program)], stdin=master, stdout=master) as running:
        os.close(master)
        try:
            yield os.ttyname(slave)
        finally:
            os.close(slave)
            running.kill()


def emulated_program(folder: Path, core: str) -> Path:
    """Compile a folder for a core that QEMU emulates, with the port in `serial_mps2.c`."""
    item, elf, script = CORES[core], folder / "board.elf", folder / "board_part.ld"
    script.write_text(
        f"MEMORY\n{{\n  FLASH (rx) : ORIGIN = {item.flash.origin}, LENGTH = {item.flash.size}\n"
        f"  RAM (rw) : ORIGIN = {item.ram.origin}, LENGTH = {item.ram.size}\n}}\n"
        "INCLUDE board.ld\n"
    )
    files = [*sources(folder, HERE / "serial_mps2.c"), str(STARTUP / "board_arm.c")]
    flags = ("-std=gnu11", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Wconversion", "-Werror")
    includes = [f"-I{place}" for place in (folder, folder / "serial", STARTUP)]
    linking = ("-nostartfiles", "-nostdlib", f"-Wl,-L,{STARTUP}", "-T", str(script))
    libraries = ("-lm", "-lc", "-lgcc")
    command = [*item.compiler, *flags, *includes, *linking, *files, *libraries, "-o", str(elf)]
    compiler.run(command, elf.name)
    return elf


@contextlib.contextmanager
def on_qemu(elf: Path, core: str) -> Iterator[str]:
    """Run a program on an emulated core, its UART behind a pseudo-terminal; yield that."""
    machine = CORES[core].machine
    if shutil.which(machine[0]) is None:
        pytest.fail(f"{machine[0]} is missing: {CORES[core].apt}", pytrace=False)
    quiet = ("-display", "none", "-monitor", "none", "-serial", "pty")
    hosted = ("-semihosting-config", "enable=on,target=native")
    command = [*machine, *quiet, *hosted, "-kernel", str(elf)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert "redirected to /dev/pts/" in line, line
            yield line.split("redirected to ")[1].split()[0]
        finally:
            running.kill()
