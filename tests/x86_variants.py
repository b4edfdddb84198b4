"""The variants of the kernels for x86-64: what the processor needs, and the flags."""

import platform
from pathlib import Path

#: Variant → what the processor needs, in the words of /proc/cpuinfo, and the compiler's flags.
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "plain": ((), ("-O1",)),
    "avx2": (("avx2",), ("-mavx2",)),
    "avx512": (
        ("avx512_vnni", "avx512_vbmi", "avx512bw", "avx512vl"),
        ("-mavx512vnni", "-mavx512vbmi", "-mavx512bw", "-mavx512vl"),
    ),
}
#: The variants that a compiler of this machine knows.
COMPILED = VARIANTS if platform.machine() == "x86_64" else ["plain"]


def processor() -> set[str]:
    """What this processor can do; empty where Linux does not say it."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {word for line in text.splitlines() if line.startswith("flags") for word in line.split()}


def runs(variant: str) -> bool:
    """Whether this processor can run a variant."""
    return set(VARIANTS[variant][0]) <= processor()
