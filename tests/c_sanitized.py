"""Runs generated C under AddressSanitizer and UndefinedBehaviorSanitizer, on buffers of exact size.

Input, output and arena are on the heap, each with the bytes that the header states and none more;
a byte read or written outside ends the program. Each input is run twice: on buffers that begin
where malloc lets them begin, and on buffers that begin one byte later, where the types allow it.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from c_models import Case, reference

from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import c_type
from edgeae.codegen.program import Program, program
from edgeae.codegen.source import source
from edgeae.formats.tflite.graph import Tensor, read

FLAGS = (
    *("-std=c99", "-O1", "-g", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
_MAIN = """\
#include <stdio.h>
#include <stdlib.h>
{includes}
static int8_t *buffer(size_t size, size_t offset) {{
  int8_t *const start = malloc(size + offset);
  if (!start) {{
    abort();
  }}
  return start + offset;
}}
int main(void) {{
{calls}
  return 0;
}}
"""
_CALL = """\
  for (int turn = 0; turn < 2 * {count}; turn++) {{
    const size_t from = turn % 2 * {source_offset}, to = turn % 2 * {target_offset};
    const size_t base = (size_t)(turn % 2);
    int8_t *const input = buffer({source_bytes}, from), *const output = buffer({target_bytes}, to);
    int8_t *const arena = buffer({arena}, base);
    if (fread(input, 1, {source_bytes}, stdin) != {source_bytes}) {{
      abort();
    }}
    case_{place}_run(arena, (const {source_type} *)(void *)input, ({target_type} *)(void *)output);
    fwrite(output, 1, {target_bytes}, stdout);
    free(input - from);
    free(output - to);
    free(arena - base);
  }}"""


def check(
    cases: Sequence[Case],
    folder: Path,
    layout: str,
    flags: Sequence[str] = (),
    optimize: str = "speed",
) -> None:
    """Assert that the sanitizers find nothing, and that both runs of each input are right."""
    programs = [
        program(read(case.content, f"case {n}"), f"case {n}", layout, optimize)
        for n, case in enumerate(cases)
    ]
    path = compiled(programs, [len(case.inputs) for case in cases], folder, flags)
    answers = run(path, cases)
    for place, (item, case) in enumerate(zip(programs, cases, strict=True)):
        expected = np.repeat(reference(case), 2, axis=0).reshape(2 * len(case.inputs), -1)
        size = expected.nbytes
        found = np.frombuffer(answers[:size], item.output.dtype).reshape(expected.shape)
        answers = answers[size:]
        limit = 0.0
        if expected.dtype.kind == "f":
            limit = 1e-5 * max(1.0, float(np.abs(expected).max()))
        wrong = int((np.abs(found.astype(np.float64) - expected) > limit).sum())
        assert wrong == 0, f"case {place}: {wrong} of {expected.size} differ"
    assert not answers


def compiled(
    programs: Sequence[Program],
    counts: Sequence[int],
    folder: Path,
    flags: Sequence[str] = (),
    short: int = 0,
) -> Path:
    """Return a program that reads each input twice and writes the outputs.

    Args:
        programs: the models.
        counts: how many inputs each has.
        folder: where the files go.
        flags: flags of the compiler beside `FLAGS`.
        short: bytes that each arena lacks.
    """
    compiler = next((name for name in ("gcc", "clang") if shutil.which(name)), None)
    assert compiler, "neither gcc nor clang: apt install gcc"
    calls = []
    for place, (item, count) in enumerate(zip(programs, counts, strict=True)):
        text = source(item, f"case_{place}")
        (folder / f"case_{place}.h").write_text(text.header)
        (folder / f"case_{place}.c").write_text(text.code)
        edges = _edge("source", item.input) | _edge("target", item.output)
        arena = max(arena_bytes(item.plan) - short, 0)
        calls.append(_CALL.format(place=place, count=count, arena=arena, **edges))
    includes = "\n".join(f'#include "case_{place}.c"' for place in range(len(programs)))
    main = folder / "main.c"
    main.write_text(_MAIN.format(includes=includes, calls="\n".join(calls)))
    command = [compiler, *FLAGS, *flags, str(main), "-o", str(folder / "main"), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "main"


def _edge(role: str, tensor: Tensor) -> dict[str, str | int]:
    """Return what `_CALL` says of an input or an output; only bytes may lie anywhere."""
    width = np.dtype(tensor.dtype).itemsize
    return {
        f"{role}_bytes": width * int(np.prod(tensor.shape)),
        f"{role}_type": c_type(tensor),
        f"{role}_offset": int(width == 1),
    }


def run(path: Path, cases: Sequence[Case]) -> bytes:
    """Return the outputs of all inputs, each of which is run twice; fail if a sanitizer speaks."""
    given = b"".join(np.repeat(case.inputs, 2, axis=0).tobytes() for case in cases)
    env = {**os.environ, "ASAN_OPTIONS": "", "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run(
        [str(path)], input=given, capture_output=True, check=False, timeout=600, env=env
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:3000]
    return done.stdout
