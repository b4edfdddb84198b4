"""Targets: what C is generated for, and with which layout of the weights."""

import platform
from dataclasses import dataclass

#: Layout → the module that lowers operators to its kernels; `portable` has none.
LAYOUTS: dict[str, str] = {
    "dsp": "edgeae.codegen.layouts.dsp",
    "helium": "edgeae.codegen.layouts.helium",
    "neon": "edgeae.codegen.layouts.neon",
    "wasm": "edgeae.codegen.layouts.wasm",
    "x86": "edgeae.codegen.layouts.x86",
}


@dataclass(frozen=True)
class Target:
    """A core, or a family of cores.

    Attributes:
        name: its name in `--target`.
        layout: `portable`, or a key of `LAYOUTS`.
        about: description in a few words.
    """

    name: str
    layout: str
    about: str


#: All targets by name.
TARGETS = {
    item.name: item
    for item in (
        Target("portable", "portable", "any core with a C99 compiler"),
        Target("cortex-m0", "portable", "Cortex-M0, M0+, M23"),
        Target("cortex-m4", "dsp", "Cortex-M4, M7"),
        Target("cortex-m33", "dsp", "Cortex-M33 with the DSP extension"),
        Target("cortex-m55", "helium", "Cortex-M55, M85 with Helium"),
        Target("rv32", "portable", "RV32, with or without multiplication"),
        Target("aarch64", "neon", "AArch64 with NEON"),
        Target("wasm32", "wasm", "WebAssembly, with SIMD128 or without"),
        Target("x86-64", "x86", "x86-64 with AVX2 or AVX-512 VNNI"),
    )
}


def host_layout() -> str:
    """Return the layout whose kernels are the fastest on this machine."""
    return {"AMD64": "x86", "aarch64": "neon", "arm64": "neon", "x86_64": "x86"}.get(
        platform.machine(), "portable"
    )
