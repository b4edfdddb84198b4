"""Writes programs as C99: a header and a source file a part, and the constants that they share."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeae.codegen import kernels
from edgeae.codegen.calls import Calls
from edgeae.codegen.header import header, self_test_signature, signature
from edgeae.codegen.literals import array, checked_name, comment, integer, real
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, c_type, size
from edgeae.codegen.program import Program
from edgeae.codegen.score import score
from edgeae.codegen.step import Constant, Member

_Names = Mapping[tuple[str, int, bytes], str]


def files(package: str, parts: Sequence[Part], head: Sequence[str] = ()) -> dict[str, str]:
    """Return file name → text of a package; the same parts give the same bytes.

    Constants that several parts use are in `PACKAGE_weights.c`.

    Args:
        package: name of the package.
        parts: its parts.
        head: lines for the head of each file: recipe, model and hash; no time and no path.

    Raises:
        BadInput: a name is none of C.
    """
    for name in (package, *(part.name for part in parts)):
        checked_name(name)
    uses = Counter(item.key for part in parts for item in part.program.constants())
    shared = {
        item.key: item for part in parts for item in part.program.constants() if uses[item.key] > 1
    }
    names = {
        key: f"{package}_{item.role}_{place}" for place, (key, item) in enumerate(shared.items())
    }
    texts: dict[str, str] = {}
    for part in parts:
        texts[f"{part.name}.h"] = header(part)
        texts[f"{part.name}.c"] = code(part, names, f"{package}_weights.h" if shared else "")
        if part.golden is not None:
            texts[f"{part.name}_golden.h"] = _golden(part)
    if shared:
        texts |= _weights(f"{package}_weights", shared, names)
    top = comment(head)
    return {name: top + text for name, text in texts.items()}


@dataclass(frozen=True)
class Source:
    """The C files of one part, with all its constants.

    Attributes:
        name: name of the part, which begins every name in the files.
        header, code: texts of NAME.h and NAME.c.
    """

    name: str
    header: str
    code: str


def source(program: Program, name: str) -> Source:
    """Return the C files of one program."""
    part = Part(checked_name(name), program)
    return Source(name, header(part), code(part, {}, ""))


def code(part: Part, shared: _Names, shared_header: str) -> str:
    """Return the text of NAME.c.

    Args:
        part: the part.
        shared: key of a constant → its name, for constants of `shared_header`.
        shared_header: file that declares them; empty if there are none.
    """
    program, own = part.program, _own(part, shared)
    calls = Calls(part.name, program, {**own, **shared})
    includes = [f"{part.name}.h", *([shared_header] if shared_header else [])]
    blocks = [
        "".join(f'#include "{name}"\n' for name in includes),
        *(array(own[item.key], item) for item in program.constants() if item.key in own),
        *(
            kernels.source(item, part.name)
            for item in kernels.ordered(step.kernel for step in program.steps)
        ),
        *_layers(part, calls),
        "\n".join(_run(part, calls)),
        *([score(part, calls)] if part.scored else []),
        *([_self_test(part)] if part.golden is not None else []),
    ]
    return "\n".join(blocks)


def _own(part: Part, shared: _Names) -> dict[tuple[str, int, bytes], str]:
    return {
        item.key: f"{part.name}_{item.role}_{place}"
        for place, item in enumerate(part.program.constants())
        if item.key not in shared
    }


def _weights(
    name: str, shared: Mapping[tuple[str, int, bytes], Constant], names: _Names
) -> dict[str, str]:
    """Return the file of the shared constants and its header."""
    declared = "\n".join(
        f"extern const {item.c_type} {names[key]}[{max(item.values.size, 1)}];"
        for key, item in shared.items()
    )
    guard = f"{name.upper()}_H"
    declarations = (
        f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{declared}\n\n'
        "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
    )
    arrays = [array(names[key], item, "const") for key, item in shared.items()]
    return {f"{name}.h": declarations, f"{name}.c": "\n".join([f'#include "{name}.h"\n', *arrays])}


def _layers(part: Part, calls: Calls) -> Iterator[str]:
    for place, step in enumerate(part.program.steps):
        members = kernels.kernel(step.kernel).members
        assert set(members) == set(step.members), (step.kernel, members, set(step.members))
        if members:
            values = ", ".join(_member(step.members[item], calls.names) for item in members)
            kind = f"struct {part.name}_{step.kernel}_layer"
            yield f"static const {kind} {calls.layer(place)} = {{{values}}};\n"


def _member(value: Member, names: _Names) -> str:
    if value is None:
        return "0"
    if isinstance(value, Constant):
        return names[value.key]
    return real(value) if isinstance(value, float) else integer(int(value))


def _run(part: Part, calls: Calls) -> Iterator[str]:
    plan = part.program.plan
    yield f"{signature(part)} {{"
    if plan.arena_bytes:
        yield f"  int8_t *const bytes = {calls.base(plan.alignment)};"
    else:
        yield "  (void)arena;"
    yield from (f"  {calls.call(place)}" for place in range(len(part.program.steps)))
    yield "}\n"


def _golden(part: Part) -> str:
    """Return the text of NAME_golden.h: the vectors of the self-test."""
    assert part.golden is not None
    inputs, outputs = part.golden
    guard = f"{part.upper}_GOLDEN_H"
    arrays = [
        array(f"{part.name}_golden_{role}", Constant(role, values.reshape(-1)))
        for role, values in (("input", inputs), ("output", outputs))
    ]
    count = f"#define {part.upper}_GOLDEN_COUNT {len(inputs)}\n"
    lines = [f"#ifndef {guard}\n#define {guard}\n", count, *arrays, "#endif\n"]
    return "\n".join(lines)


def _self_test(part: Part) -> str:
    name, target = part.name, part.program.output
    wrong = "output[index] != expected[index]"
    if np.dtype(target.dtype).kind == "f":
        error = "output[index] - expected[index]"
        wrong = f"!({error} <= limit && {error} >= -limit)"
    limit = f"  const float limit = 1e-5f * {real(_largest(part))};\n" if "limit" in wrong else ""
    return f"""\
#ifdef {part.upper}_SELF_TEST
#include "{name}_golden.h"

{self_test_signature(part)} {{
{limit}  int32_t wrong = 0;
  if (arena_bytes < {max(arena_bytes(part.program.plan), 1)}u) {{
    return -1;
  }}
  for (int32_t vector = 0; vector < {part.upper}_GOLDEN_COUNT; vector++) {{
    const {c_type(target)} *expected = {name}_golden_output + vector * {size(target)};
    {name}_run(arena, {name}_golden_input + vector * {size(part.program.input)}, output);
    for (int32_t index = 0; index < {size(target)}; index++) {{
      wrong += {wrong};
    }}
  }}
  return wrong;
}}
#endif
"""


def _largest(part: Part) -> float:
    assert part.golden is not None
    return max(1.0, float(np.abs(part.golden[1]).max(initial=0)))
