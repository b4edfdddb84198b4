"""The form `tflm`: the parts for TensorFlow Lite Micro, for apps that stay with an interpreter."""

import os
import shlex
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from edgeae.codegen import compiler
from edgeae.codegen.literals import array, checked_name
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, c_type, size
from edgeae.codegen.step import Constant
from edgeae.embed import boards, micro
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.host_build import STAND_INS, HostProgram, in_order, proven
from edgeae.embed.proving import tool
from edgeae.embed.record import Record, RecordPart
from edgeae.embed.templating import filled
from edgeae.errors import BadInput, RuntimeUnavailable

#: Variable that names a checkout of tflite-micro with its library built.
ROOT = "TFLM_ROOT"
#: By how much a float may differ from LiteRT's reference kernels, in parts of the largest.
_FLOAT_LIMIT = 1e-5
#: Share of integers that may differ from them.
_SHARE = 1 / 8
_ROW = 16
_EXAMPLE = "examples/self_test/main.cc"
_NOTE = (
    "against stand-ins of TensorFlow Lite Micro's headers, with generated C in place of its "
    f"kernels: the interpreter did not run (set {ROOT})"
)
_CHANNELS = """\
* FULLY_CONNECTED has a scale for each output here. TensorFlow Lite Micro before mid-2024 takes only
  one, and answers wrongly without a word. The recipe `int8-per-tensor` suits it, and saves RAM.
"""


def form(record: Record, options: Options) -> Form:
    """Return the files; there is no C to tell a footprint of. See `FormModule`."""
    if options != Options():
        raise BadInput("--target, --optimize: as tflm no C is generated; leave them out")
    checked_name(record.name)
    files: dict[str, str] = {}
    for item in record.parts:
        micro.check(item.graph, item.origin)
        files |= {f"src/{name}": text for name, text in _sources(record, item).items()}
    places = {"README.md": "README.md", "Makefile": "Makefile", _EXAMPLE: "main.cc"}
    return Form(files | boards.filled_all("tflm", places, _words_of_all(record)))


def _words_of_all(record: Record) -> dict[str, str]:
    """Return what the templates of all parts together may name."""
    parts = record.parts
    names = [record.part_name(item) for item in parts]
    includes = (f'#include "{name}_golden.h"\n#include "{name}_tflm.h"' for name in names)
    return {
        "about": boards.about(record),
        "arena": str(max(micro.arena_estimate(item.graph) for item in parts)),
        "channels": _CHANNELS if any(micro.per_channel(item.graph) for item in parts) else "",
        "checks": "".join(filled("tflm/check.cc", _words(record, item)) for item in parts),
        "head": "\n".join(f"# {line}" for line in boards.identity(record)),
        "includes": "\n".join(includes),
        "largest": str(max(prod(item.outputs.shape[1:]) for item in parts)),
        "part": names[0],
    }


def prove(folder: Path, record: Record) -> Proof:
    """Run the example in TensorFlow Lite Micro if `TFLM_ROOT` names it, else against stand-ins.

    Raises:
        BadInput: `TFLM_ROOT` names no such checkout.
        RuntimeUnavailable: there is no compiler, or no C for the model, so that nothing can stand
            in for the interpreter.
    """
    root = os.environ.get(ROOT, "")
    return _in_interpreter(folder, Path(root)) if root else _against_stand_ins(folder, record)


def _in_interpreter(folder: Path, root: Path) -> Proof:
    if not list(root.glob("gen/*/lib/libtensorflow-microlite.a")):
        library = "gen/*/lib/libtensorflow-microlite.a"
        raise BadInput(f"{ROOT}={root}: holds no {library}; build the library first")
    make = tool("make", "apt install make")
    command = [make, f"{ROOT}={root.resolve()}", f"CXX={shlex.join(compiler.host_cpp())}"]
    return in_order([command], folder, f"TensorFlow Lite Micro, {compiler.version()}")


def _against_stand_ins(folder: Path, record: Record) -> Proof:
    stand_in = folder / "stand_in"
    stand_in.mkdir()
    try:
        made = c_sources(record, Options())
    except BadInput as error:
        remedy = f"set {ROOT} to a checkout of tflite-micro"
        raise RuntimeUnavailable(f"no C stands in for the interpreter: {error}", remedy) from None
    for name, text in made.texts.items():
        (stand_in / name).write_text(text, encoding="utf-8")
    listed = "".join(f"EDGEAE_METHOD({name})\n" for name in sorted(set(micro.METHODS.values())))
    (stand_in / "methods.h").write_text(listed, encoding="utf-8")
    (stand_in / "parts.cc").write_text(_stand_in_parts(record, made.parts), encoding="utf-8")
    sources = sorted(path.relative_to(folder) for path in (folder / "src").glob("*.cc"))
    program = HostProgram(
        [stand_in / unit for unit in made.units],
        [_EXAMPLE, "stand_in/parts.cc", *sources],
        ["src", stand_in, STAND_INS / "tflm"],
    )
    return proven(folder, program, _NOTE)


def _stand_in_parts(record: Record, parts: tuple[Part, ...]) -> str:
    """Return C++ that ties each model to the generated C of its part."""
    includes = [f'#include "{part.name}.h"\n#include "{part.name}_model.h"' for part in parts]
    rows = zip(parts, record.parts, strict=True)
    return "\n".join(
        [
            '#include "stand_in.h"',
            *includes,
            *(_caller(part) for part in parts),
            "const StandInPart stand_in_parts[] = {",
            *(_row(part, item) for part, item in rows),
            "};",
            f"const int stand_in_count = {len(parts)};\n",
        ]
    )


def _caller(part: Part) -> str:
    source, target = c_type(part.program.input), c_type(part.program.output)
    return (
        f"static void run_{part.name}(void *arena, const void *input, void *output) {{\n"
        f"  {part.name}_run(arena, static_cast<const {source} *>(input),\n"
        f"      static_cast<{target} *>(output));\n}}"
    )


def _row(part: Part, item: RecordPart) -> str:
    edges = part.program.input, part.program.output
    source, target = (size(tensor) * np.dtype(tensor.dtype).itemsize for tensor in edges)
    arena, count = arena_bytes(part.program.plan), len(micro.methods(item.graph))
    return f"    {{{part.name}_model, {source}, {target}, {arena}, {count}, run_{part.name}}},"


def _sources(record: Record, item: RecordPart) -> dict[str, str]:
    name, words = record.part_name(item), _words(record, item)
    return {
        f"{name}_model.h": filled("tflm/model.h", words),
        f"{name}_model.cc": filled("tflm/model.cc", words),
        f"{name}_tflm.h": filled("tflm/part.h", words),
        f"{name}_golden.h": "\n".join(_golden(name, item)),
    }


def _words(record: Record, item: RecordPart) -> dict[str, str]:
    name = record.part_name(item)
    calls = micro.methods(item.graph)
    return {
        "part": name,
        "upper": name.upper(),
        "adds": "\n".join(
            f"  if (resolver.{call}() != kTfLiteOk) {{\n    return kTfLiteError;\n  }}"
            for call in calls
        ),
        "arena": str(micro.arena_estimate(item.graph)),
        "bytes": str(len(item.content)),
        "content": "\n".join(_rows(item.content)),
        "count": str(len(calls)),
        "input_size": str(prod(item.inputs.shape[1:])),
        "limit": repr(_limit(item)),
        "share": repr(_SHARE if _is_integer(item) else 1.0),
        "output_size": str(prod(item.outputs.shape[1:])),
        "planned": str(micro.planned(item.graph)),
        "prepared": str(micro.prepared(item.graph)),
        "sha256": item.sha256,
    }


def _is_integer(item: RecordPart) -> bool:
    """Return whether the outputs are integers, or floats that a DEQUANTIZE makes of integers."""
    return item.outputs.dtype.kind != "f" or item.graph.operators[-1].name == "DEQUANTIZE"


def _limit(item: RecordPart) -> float:
    """Return by how much a value may differ, in the unit of the outputs."""
    if not _is_integer(item):
        return _FLOAT_LIMIT * max(1.0, float(np.abs(item.outputs).max(initial=0)))
    if item.outputs.dtype.kind != "f":
        return float(micro.steps(item.graph))
    (source,) = item.graph.operators[-1].inputs
    # half a step more: the products with the scale are rounded
    return (micro.steps(item.graph) + 0.5) * float(item.graph.tensors[source].scales[0])


def _rows(content: bytes) -> Iterator[str]:
    for start in range(0, len(content), _ROW):
        yield "    " + " ".join(f"{byte:#04x}," for byte in content[start : start + _ROW])


def _golden(name: str, item: RecordPart) -> Iterator[str]:
    """Yield the text of NAME_golden.h: inputs, and the outputs of LiteRT's reference kernels."""
    guard = f"{name.upper()}_GOLDEN_H"
    yield f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n"
    yield f"#define {name.upper()}_GOLDEN_COUNT {len(item.inputs)}\n"
    for role, values in (("input", item.inputs), ("output", item.outputs)):
        yield array(f"{name}_golden_{role}", Constant(role, values.reshape(-1)))
    yield "#endif\n"
