"""Runs generated C of another processor under QEMU's user mode, and compares its answers."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from c_models import Case, reference

from edgeae.codegen.compiler import STRICT
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.program import program
from edgeae.codegen.source import source
from edgeae.formats.tflite.graph import read

_MAIN = """\
#include <stdio.h>
{includes}
static int8_t input[1 << 16], output[1 << 16], arena[1 << 20];
int main(void) {{
{calls}
  return 0;
}}
"""
_CALL = """\
  for (int32_t vector = 0; vector < {count}; vector++) {{
    fread(input, 1, {source}, stdin);
    case_{place}_run(arena, input, output);
    fwrite(output, 1, {target}, stdout);
  }}"""


def compiled(cases: Sequence[Case], layout: str, compiler: Sequence[str], folder: Path) -> Path:
    """Return a program that reads the inputs of all cases and writes their outputs; all int8."""
    calls = []
    for place, case in enumerate(cases):
        item = program(read(case.content, f"case {place}"), f"case {place}", layout)
        assert arena_bytes(item.plan) < 1 << 20
        text = source(item, f"case_{place}")
        (folder / f"case_{place}.h").write_text(text.header)
        (folder / f"case_{place}.c").write_text(text.code)
        sizes = {"source": case.inputs[0].size, "target": int(np.prod(item.output.shape))}
        calls.append(_CALL.format(count=len(case.inputs), place=place, **sizes))
        _strictly(compiler, folder / f"case_{place}.c")
    includes = "\n".join(f'#include "case_{place}.c"' for place in range(len(cases)))
    main = folder / "main.c"
    main.write_text(_MAIN.format(includes=includes, calls="\n".join(calls)))
    command = [*compiler, "-std=c99", "-O2", "-w", "-static", str(main), "-o", folder / "main"]
    subprocess.run(command, check=True)
    return folder / "main"


def _strictly(compiler: Sequence[str], path: Path) -> None:
    if path.stem == "case_0":
        subprocess.run([*compiler, *STRICT, "-fsyntax-only", str(path)], check=True)


def check(cases: Sequence[Case], command: Sequence[str]) -> None:
    """Assert that a program answers the inputs of all cases as the reference kernels do."""
    given = b"".join(case.inputs.tobytes() for case in cases)
    done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=120)
    answers = np.frombuffer(done.stdout, np.int8)
    expected = [reference(case) for case in cases]
    assert answers.size == sum(item.size for item in expected)
    for place, item in enumerate(expected):
        found, answers = answers[: item.size], answers[item.size :]
        wrong = int((found != item.ravel()).sum())
        assert wrong == 0, f"case {place}: {wrong} of {item.size} differ"
