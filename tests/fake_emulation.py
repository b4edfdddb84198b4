"""A cross compiler and a QEMU that are shell scripts: the emulated runtimes without either.

`install(folder)` writes them and returns variables for the environment. The compiler writes empty
files; the emulator does what a test names: it copies prepared outputs and figures, hangs or faults.
"""

import os
import struct
from pathlib import Path

import numpy as np

ARM = "arm-none-eabi-"
_COMPILER = """#!/bin/sh
case "$*" in
  *--version*) echo "{name} (fake 1:2) 12.2.1"; exit 0;;
  *{refused}*) /bin/cat "$0.complaint" >&2; exit 1;;
esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done
exit 0
"""
_EMULATOR = """#!/bin/sh
case "$*" in *--version*) echo "QEMU emulator version 9.1.2 (fake 3:4)"; exit 0;; esac
{action}
"""
#: What the fake emulator does.
ANSWER, HANG, FAULT = "/bin/cp {data}/outputs {data}/figures .", "exec /bin/sleep 600", "exit 4"


def install(
    folder: Path,
    action: str = ANSWER,
    *,
    outputs: np.ndarray | None = None,
    refused: str = "no such word",
    complaint: str = "",
) -> dict[str, str]:
    """Write the tools and return the variables that bring them into PATH.

    Args:
        folder: where they are written.
        action: `ANSWER`, `HANG` or `FAULT`.
        outputs: what the emulator answers with.
        refused: a word; the compiler fails if a command has it.
        complaint: what it says then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{ARM}gcc"
    _program(folder / name, _COMPILER.format(name=name, refused=refused.replace(" ", "\\ ")))
    (folder / f"{name}.complaint").write_text(complaint)
    for tool in ("size", "nm"):
        _program(folder / f"{ARM}{tool}", "#!/bin/sh\nexit 0\n")
    _program(folder / "qemu-system-arm", _EMULATOR.format(action=action.format(data=folder)))
    if outputs is not None:
        (folder / "outputs").write_bytes(np.ascontiguousarray(outputs).tobytes())
        # 40 instructions a tick of the Cortex-M4's machine; 24 calls
        figures = struct.pack("<QIQIIIII", 100, 0, 100 + 24 * 30, 0, 8, 72, 12, 1)
        (folder / "figures").write_bytes(figures)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
