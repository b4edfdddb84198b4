"""Compares generated C on an emulated core with LiteRT's reference kernels, many cases a run."""

from collections.abc import Sequence

import numpy as np
from c_models import Case, reference

from edgeae.codegen.emulation.emulator import Emulated, core, emulate
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.program import program
from edgeae.codegen.source import Source, source
from edgeae.formats.tflite.graph import read


def check(
    cases: Sequence[Case],
    name: str,
    layout: str,
    flags: Sequence[str] = ("-O2",),
    command: Sequence[str] | None = None,
    offset: int = 0,
) -> Emulated:
    """Assert that the generated C answers on a core as the reference kernels do, to the bit."""
    programs = [
        program(read(case.content, f"case {n}"), f"case {n}", layout)
        for n, case in enumerate(cases)
    ]
    texts = [source(item, f"case_{n}") for n, item in enumerate(programs)]
    rows, expected = [], []
    widest = max(case.inputs[0].nbytes for case in cases)
    for place, case in enumerate(cases):
        for value, answer in zip(case.inputs, reference(case), strict=True):
            rows.append(np.zeros(1 + widest, np.uint8))
            rows[-1][0] = place
            rows[-1][1 : 1 + value.nbytes] = np.frombuffer(value.tobytes(), np.uint8)
            expected.append((place, answer))
    size = max(answer.nbytes for _, answer in expected)
    result = emulate(
        core(name),
        _together(texts, max(arena_bytes(item.plan) for item in programs)),
        np.array(rows),
        ((size,), np.uint8),
        flags=flags,
        command=command,
        others={f"case_{n}.h": text.header for n, text in enumerate(texts)}
        | {f"case_{n}.c": text.code for n, text in enumerate(texts)},
        offset=offset,
    )
    for (place, answer), output in zip(expected, result.outputs, strict=True):
        given = np.frombuffer(output.tobytes()[: answer.nbytes], answer.dtype)
        wrong = int((given != answer.reshape(-1)).sum())
        assert wrong == 0, f"{name}, case {place}: {wrong} of {answer.size} differ"
    return result


def _together(texts: Sequence[Source], arena: int) -> Source:
    """One part whose first input byte chooses the case; the case's own input is unaligned."""
    calls = "\n".join(
        f"    case {n}: case_{n}_run(arena, (const void *)(input + 1), (void *)output); break;"
        for n in range(len(texts))
    )
    headers = "\n".join(f'#include "case_{n}.h"' for n in range(len(texts)))
    signature = "void all_run(void *arena, const uint8_t *input, uint8_t *output)"
    return Source(
        "all",
        f"#include <stdint.h>\n#define ALL_ARENA_BYTES {arena}\n{signature};\n",
        f'#include "all.h"\n{headers}\n{signature} {{\n  switch (input[0]) {{\n{calls}\n  }}\n}}\n',
    )
