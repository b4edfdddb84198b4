"""Writes a program as C99: one header and one source file a part."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeae.codegen import kernels
from edgeae.codegen.memory import INPUT, OUTPUT
from edgeae.codegen.program import Program
from edgeae.codegen.step import C_TYPES, Constant, Member, Step
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Words that C or C++ reserves.
_RESERVED = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while class namespace template this new delete bool true false try catch throw public
private protected virtual operator friend using
"""
_LINE = 100


@dataclass(frozen=True)
class Source:
    """The C files of one part.

    Attributes:
        name: name of the part, which begins every name in the files.
        header, code: texts of NAME.h and NAME.c.
    """

    name: str
    header: str
    code: str


def checked_name(name: str) -> str:
    """Return a name that C and C++ take as the beginning of all names of a part.

    Raises:
        BadInput: they do not.
    """
    if not _IDENTIFIER.fullmatch(name) or name in _RESERVED.split():
        raise BadInput(
            f"--name {name!r}: allowed are names of C: a letter, then letters, digits and _"
        )
    return name


def source(program: Program, name: str, origin: Sequence[str] = ()) -> Source:
    """Return the C files of a program; the same program gives the same bytes.

    Args:
        program: the program.
        name: name of the part, such as `deep_encoder`.
        origin: lines for the head of both files: recipe, model and hash; no time and no path.

    Raises:
        BadInput: the name is none of C.
    """
    checked_name(name)
    head = _comment(origin)
    return Source(name, head + _header(program, name), head + _code(program, name))


def _comment(lines: Sequence[str]) -> str:
    return "".join(f"/* {line.replace('*/', '')} */\n" for line in lines)


def _header(program: Program, name: str) -> str:
    upper = name.upper()
    lines = [
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define {upper}_ARENA_BYTES {max(arena_bytes(program), 1)}",
        *_edge_macros(program.input, f"{upper}_INPUT"),
        *_edge_macros(program.output, f"{upper}_OUTPUT"),
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"/* {_edge(program.input, 'input')} -> {_edge(program.output, 'output')} */",
        f"{_signature(program, name)};",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def arena_bytes(program: Program) -> int:
    """Return the bytes of the arena, with what aligning its start may take."""
    plan = program.plan
    return plan.arena_bytes + (plan.alignment - 1 if plan.arena_bytes else 0)


def _edge_macros(tensor: Tensor, prefix: str) -> list[str]:
    lines = [f"#define {prefix}_SIZE {int(np.prod(tensor.shape))}"]
    if len(tensor.scales) == 1:
        lines += [
            f"#define {prefix}_SCALE {float_literal(tensor.scales[0])}",
            f"#define {prefix}_ZERO_POINT ({tensor.zero_points[0]})",
        ]
    return lines


def _edge(tensor: Tensor, name: str) -> str:
    return f"{C_TYPES[tensor.dtype]} {name}[{int(np.prod(tensor.shape))}]"


def _signature(program: Program, name: str) -> str:
    source_type, target_type = C_TYPES[program.input.dtype], C_TYPES[program.output.dtype]
    return f"void {name}_run(void *arena, const {source_type} *input, {target_type} *output)"


def _code(program: Program, name: str) -> str:
    constants = _named(program, name)
    chosen = kernels.ordered(step.kernel for step in program.steps)
    parts = [
        f'#include "{name}.h"\n',
        *(_array(constants[item.key], item) for item in program.constants()),
        *(kernels.source(item, name) for item in chosen),
        *_layers(program, name, constants),
        "\n".join(_run(program, name)),
    ]
    return "\n".join(parts)


def _named(program: Program, name: str) -> dict[tuple[str, int, bytes], str]:
    return {
        item.key: f"{name}_{item.role}_{place}" for place, item in enumerate(program.constants())
    }


def _array(name: str, item: Constant) -> str:
    values = item.values.view(np.uint16) if item.values.dtype == np.float16 else item.values
    texts = [float_literal(v) if values.dtype.kind == "f" else integer(v) for v in values.tolist()]
    aligned = f" __attribute__((aligned({item.alignment})))" if item.alignment > 1 else ""
    size = max(len(texts), 1)
    return (
        f"static const {item.c_type} {name}[{size}]{aligned} = {{\n"
        + "\n".join(_wrapped(texts or ["0"]))
        + "\n};\n"
    )


def _wrapped(texts: Sequence[str]) -> Iterator[str]:
    line = ""
    for text in texts:
        if len(line) + len(text) + 2 > _LINE:
            yield line
            line = ""
        line += f"{' ' if line else '  '}{text},"
    yield line


def integer(value: int) -> str:
    """Return an integer as C; the smallest ones cannot be written as a minus and a number."""
    if value == -(1 << 63):
        return "(-9223372036854775807 - 1)"
    if value == -(1 << 31):
        return "(-2147483647 - 1)"
    return f"{value}u" if value >= 1 << 31 else str(value)


def float_literal(value: float) -> str:
    """Return a float32 as C: nine digits give back the same value."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def _layers(
    program: Program, name: str, constants: dict[tuple[str, int, bytes], str]
) -> Iterator[str]:
    for place, step in enumerate(program.steps):
        members = kernels.kernel(step.kernel).members
        assert set(members) == set(step.members), (step.kernel, members, set(step.members))
        if members:
            values = ", ".join(_member(step.members[item], constants) for item in members)
            yield (
                f"static const struct {name}_{step.kernel} {name}_step_{place} = {{{values}}};\n"
            )


def _member(value: Member, constants: dict[tuple[str, int, bytes], str]) -> str:
    if value is None:
        return "0"
    if isinstance(value, Constant):
        return constants[value.key]
    return integer(value) if isinstance(value, int) else float_literal(value)


def _run(program: Program, name: str) -> Iterator[str]:
    constants = _named(program, name)
    yield f"{_signature(program, name)} {{"
    if program.plan.arena_bytes:
        yield f"  int8_t *const bytes = {_aligned(program.plan.alignment)};"
    else:
        yield "  (void)arena;"
    for place, step in enumerate(program.steps):
        arguments = ", ".join(_arguments(program, name, place, step, constants))
        yield f"  {name}_{step.kernel}({arguments});"
    yield "}"
    yield ""


def _aligned(alignment: int) -> str:
    if alignment == 1:
        return "(int8_t *)arena"
    return f"(int8_t *)(((uintptr_t)arena + {alignment - 1}u) & ~(uintptr_t){alignment - 1}u)"


def _arguments(
    program: Program,
    name: str,
    place: int,
    step: Step,
    constants: dict[tuple[str, int, bytes], str],
) -> Iterator[str]:
    if step.members:
        yield f"&{name}_step_{place}"
    for item in step.inputs:
        if isinstance(item, Constant):
            yield constants[item.key]
        else:
            yield _pointer(program, item, "const ")
    yield _pointer(program, step.output, "")
    if step.scratch_bytes:
        yield f"(void *)(bytes + {program.plan.scratch[place]})"


def _pointer(program: Program, index: int, qualifier: str) -> str:
    where = program.plan.places[index]
    tensor = program.graph.tensors[index]
    kind = C_TYPES[tensor.dtype]
    if where in (INPUT, OUTPUT):
        edge = program.input if where == INPUT else program.output
        if edge.dtype == tensor.dtype:
            return str(where)
        return f"({qualifier}{kind} *)({qualifier}void *){where}"
    if kind == "int8_t":
        return f"bytes + {where}"
    return f"({qualifier}{kind} *)({qualifier}void *)(bytes + {where})"
