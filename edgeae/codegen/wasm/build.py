"""Compiles the generated C of several parts into one WebAssembly module.

The module imports nothing and has one memory. For a part NAME it exports these functions; all are
without arguments, because input, output and arena are static buffers:

* `NAME_input`, `NAME_output`: the addresses of the buffers, aligned to 16 bytes;
* `NAME_run`: computes the output from the input;
* `NAME_score`, of a part with a score: returns it as a double, from the input and from what the
  reconstruction is compared with, which lies in the output's buffer and stays as it is.

The parts share one arena, so a module runs one part at a time. The same C and the same version of
the compiler give the same bytes.
"""

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgeae.codegen import compiler, kernels
from edgeae.codegen.kernels import Kernel
from edgeae.codegen.part import Part, c_type
from edgeae.codegen.wasm.sections import without_custom
from edgeae.errors import RuntimeUnavailable
from edgeae.system.extras import remedy
from edgeae.system.scratch import scratch

_LIBRARY = Path(__file__).parent / "c"
#: Bytes of the stack of a module: kernels keep no arrays of a layer's size on it.
STACK_BYTES = 16384
_FLAGS = (
    *("-target", "wasm32-freestanding", "-std=c99", "-O2", "-g0", "-fno-sanitize=undefined"),
    # a loop stays a loop, so that no function of a C library is needed
    *("-fno-builtin", "-ffp-contract=off", "-fvisibility=hidden"),
    *("-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all"),
    *("-Wl,-z", f"-Wl,stack-size={STACK_BYTES}"),
)
#: What the names of the kernels begin with, which all parts share.
_KERNELS = "edgeae_kernel"
#: Every browser with SIMD128 has the other features too.
_CPUS = {False: "-mcpu=mvp", True: "-mcpu=mvp+simd128+sign_ext+nontrapping_fptoint+bulk_memory"}


def version() -> str:
    """Return the compiler with its version, on which the bytes of a module depend.

    Raises:
        RuntimeUnavailable: it is not installed; the message has the command.
    """
    if not compiler.zig():
        raise RuntimeUnavailable("no compiler for WebAssembly: ziglang is missing", remedy("c"))
    return f"ziglang {importlib.metadata.version('ziglang')}"


def module(texts: Mapping[str, str], parts: Sequence[Part], *, simd: bool) -> bytes:
    """Return the module of some parts.

    Args:
        texts: file name → text of C, as `edgeae.codegen.source.files` returns it; it may hold
            more parts than `parts`.
        parts: the parts that the module exports.
        simd: whether the module may use SIMD128.

    Raises:
        RuntimeUnavailable: the compiler is not installed.
        NotMeasured: the compiler fails.
    """
    version()
    with scratch() as folder:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        unit, target = folder / "edgeae_module.c", folder / "module.wasm"
        unit.write_text("\n".join(_unit(texts, parts)), encoding="utf-8")
        command = [*compiler.zig(), *_FLAGS, _CPUS[simd], f"-I{_LIBRARY}", f"-I{folder}"]
        compiler.run([*command, str(unit), "-o", str(target)], "WebAssembly")
        return without_custom(target.read_bytes())


def _unit(texts: Mapping[str, str], parts: Sequence[Part]) -> Iterator[str]:
    """Yield the lines of the one file that is compiled: all C, the buffers and the exports."""
    shared = [name for name in texts if name.endswith("_weights.c")]
    yield from (f'#include "{name}"' for name in ("library.c", *shared))
    yield "#include <stdint.h>"
    yield from (kernels.source(item, _KERNELS) for item in _kernels(parts))
    for part in parts:
        yield f'#include "{part.name}.h"'
        yield _own(texts[f"{part.name}.c"], part)
    yield f"static _Alignas(16) uint8_t arena[{_largest_arena(parts)}];"
    for part in parts:
        yield from _exports(part)


def _kernels(parts: Sequence[Part]) -> tuple[Kernel, ...]:
    return kernels.ordered(step.kernel for part in parts for step in part.program.steps)


def _own(text: str, part: Part) -> str:
    """Return the C of a part without its kernels: it calls those that all parts share."""
    words: set[str] = set()
    for item in _kernels([part]):
        text = text.replace(kernels.source(item, part.name), "")
        words.update(re.findall(r"\bPREFIX_(\w+)", item.text))
    if not words:
        return text
    return re.sub(rf"\b{part.name}_({'|'.join(sorted(words))})\b", rf"{_KERNELS}_\1", text)


def _largest_arena(parts: Sequence[Part]) -> str:
    """Return an expression: the bytes of the largest arena of the parts."""
    sizes = [
        f"{part.upper}_{use}ARENA_BYTES"
        for part in parts
        for use in ("", *(["SCORE_"] if part.scored else []))
    ]
    largest = sizes[0]
    for item in sizes[1:]:
        largest = f"({item} > {largest} ? {item} : {largest})"
    return largest


def _exports(part: Part) -> Iterator[str]:
    name, upper = part.name, part.upper
    for edge, tensor in (("input", part.program.input), ("output", part.program.output)):
        buffer = f"{name}_{edge}_buffer"
        yield f"static _Alignas(16) {c_type(tensor)} {buffer}[{upper}_{edge.upper()}_SIZE];"
        yield _function(f"void *{name}_wasm_{edge}", f"{name}_{edge}", f"return {buffer};")
    call = f"arena, {name}_input_buffer, {name}_output_buffer"
    yield _function(f"void {name}_wasm_run", f"{name}_run", f"{name}_run({call});")
    if part.scored:
        score = f"return (double){name}_score({call});"
        yield _function(f"double {name}_wasm_score", f"{name}_score", score)


def _function(head: str, exported: str, body: str) -> str:
    mark = f'__attribute__((export_name("{exported}")))'
    return f"{mark} {head}(void);\n{head}(void) {{\n  {body}\n}}"
