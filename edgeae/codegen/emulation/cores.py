"""The emulated cores: how to compile for each, and the machine of QEMU that has it."""

from dataclasses import dataclass

#: The commands that install compiler and emulator.
ARM_APT = "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
RISCV_APT = "apt install gcc-riscv64-unknown-elf qemu-system-misc"
#: The C library for RISC-V, which only float models need.
PICOLIBC_APT = "apt install picolibc-riscv64-unknown-elf"
_KIB = 1024


@dataclass(frozen=True)
class Region:
    """A range of addresses, in bytes."""

    origin: int
    size: int


@dataclass(frozen=True)
class Core:
    """An emulated core.

    Attributes:
        name: its name, as in the target `cortex-m4`.
        machine: the command of QEMU, with the machine.
        compiler: the command of the compiler, with the flags that choose the core.
        tools: prefix of the commands `nm` and `size`.
        start: name of the board's start-up file.
        flash, ram: where constants and code are, and where the rest is.
        instructions_per_tick: instructions between two ticks of the counter.
        loop: instructions of the loop that waits for a tick.
        apt: the command that installs compiler and emulator.
        zig: flags with which the compiler of the package `ziglang` compiles for the core.
    """

    name: str
    machine: tuple[str, ...]
    compiler: tuple[str, ...]
    tools: str
    start: str
    flash: Region
    ram: Region
    instructions_per_tick: float
    loop: int
    apt: str
    zig: tuple[str, ...]


def _arm(name: str, machine: str, flags: str, flash: Region, ram: Region, clock_mhz: float) -> Core:
    floats = "eabihf" if _HARD in flags else "eabi"
    cpu = name.replace("-", "_") + ("+dsp" if name == "cortex-m33" else "")
    # with `-icount shift=0`, one instruction takes one nanosecond
    return Core(
        name,
        ("qemu-system-arm", "-M", machine),
        ("arm-none-eabi-gcc", f"-mcpu={name}", "-mthumb", *flags.split()),
        "arm-none-eabi-",
        "board_arm.c",
        flash,
        ram,
        1000 / clock_mhz,
        4,
        ARM_APT,
        ("-target", f"thumb-freestanding-{floats}", f"-mcpu={cpu}"),
    )


_HARD = "-mfloat-abi=hard"
_MPS2 = Region(0, 4096 * _KIB), Region(0x20000000, 4096 * _KIB)

#: All cores by name.
CORES = {
    core.name: core
    for core in (
        _arm(
            "cortex-m0",
            "microbit",
            "-mfloat-abi=soft",
            Region(0, 256 * _KIB),
            Region(0x20000000, 16 * _KIB),
            16,
        ),
        _arm("cortex-m4", "mps2-an386", f"-mfpu=fpv4-sp-d16 {_HARD}", *_MPS2, 25),
        _arm("cortex-m7", "mps2-an500", f"-mfpu=fpv5-sp-d16 {_HARD}", *_MPS2, 25),
        _arm(
            "cortex-m33",
            "mps2-an505",
            f"-mfpu=fpv5-sp-d16 {_HARD}",
            Region(0x10000000, 4096 * _KIB),
            Region(0x38000000, 2048 * _KIB),
            20,
        ),
        _arm(
            "cortex-m55",
            "mps3-an547",
            _HARD,
            Region(0x10000000, 512 * _KIB),
            Region(0x30000000, 512 * _KIB),
            32,
        ),
        Core(
            "rv32",
            ("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
            (
                *("riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32"),
                *("-mcmodel=medany", "-ffreestanding"),
            ),
            "riscv64-unknown-elf-",
            "board_riscv.c",
            Region(0x80000000, 8192 * _KIB),
            Region(0x80800000, 8192 * _KIB),
            1,
            0,
            RISCV_APT,
            ("-target", "riscv32-freestanding", "-mcpu=generic_rv32+m+a+c"),
        ),
    )
}
