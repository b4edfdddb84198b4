"""Writes the header of a part: sizes and scales as macros, and functions for the values.

The functions are `static inline`: who does not call them pays no byte for them.
"""

from collections.abc import Iterator

import numpy as np

from edgeae.codegen.literals import integer, real
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, c_type, has_scale, size
from edgeae.codegen.score import score_arena_bytes, score_signature
from edgeae.formats.tflite.graph import Tensor


def header(part: Part) -> str:
    """Return the text of NAME.h."""
    blocks = [
        f"#ifndef {part.upper}_H\n#define {part.upper}_H\n\n#include <stdint.h>",
        "\n".join(_macros(part)),
        *_contract(part),
        '#ifdef __cplusplus\nextern "C" {\n#endif',
        *_functions(part),
        *_values(part),
        "#ifdef __cplusplus\n}\n#endif",
        "#endif\n",
    ]
    return "\n\n".join(blocks)


def signature(part: Part) -> str:
    """Return the head of `NAME_run`."""
    source, target = c_type(part.program.input), c_type(part.program.output)
    return f"void {part.name}_run(void *arena, const {source} *input, {target} *output)"


def self_test_signature(part: Part) -> str:
    """Return the head of `NAME_self_test`."""
    target = c_type(part.program.output)
    return f"int32_t {part.name}_self_test(void *arena, uint32_t arena_bytes, {target} *output)"


def _macros(part: Part) -> Iterator[str]:
    program, upper = part.program, part.upper
    yield f"#define {upper}_ARENA_BYTES {max(arena_bytes(program.plan), 1)}"
    yield f"#define {upper}_CONSTANT_BYTES {program.constant_bytes}"
    if part.scored:
        yield f"#define {upper}_SCORE_ARENA_BYTES {score_arena_bytes(program)}"
    for edge, tensor in (("INPUT", program.input), ("OUTPUT", program.output)):
        yield f"#define {upper}_{edge}_SIZE {size(tensor)}"
        if has_scale(tensor):
            yield f"#define {upper}_{edge}_SCALE {real(tensor.scales[0])}"
            yield f"#define {upper}_{edge}_ZERO_POINT ({tensor.zero_points[0]})"
    if part.contract is not None:
        yield f"#define {upper}_CODE_CONTRACT {part.contract:#010x}u"


def _contract(part: Part) -> Iterator[str]:
    """Yield the check that encoder and decoder, in whichever order they are included, fit."""
    if part.contract is None or not part.partner:
        return
    other = f"{part.partner.upper()}_CODE_CONTRACT"
    yield (
        f"#if defined({other})\n#if {other} != {part.upper}_CODE_CONTRACT\n"
        f'#error "{part.name}.h and {part.partner}.h are of two bundles: their codes differ"\n'
        "#endif\n#endif"
    )


def _functions(part: Part) -> Iterator[str]:
    program = part.program
    source, target = program.input, program.output
    yield (
        f"/* {c_type(source)} input[{size(source)}] -> {c_type(target)} output[{size(target)}]; "
        f"arena: {part.upper}_ARENA_BYTES bytes. */\n{signature(part)};"
    )
    if part.scored:
        yield (
            "/* Returns the sum of the squared errors of the reconstruction, in steps of its scale;"
            "\n * no output buffer is needed. "
            f"arena: {part.upper}_SCORE_ARENA_BYTES bytes. */\n{score_signature(part)};"
        )
    if part.golden is not None:
        yield (
            f"#ifdef {part.upper}_SELF_TEST\n"
            "/* Returns how many values of the golden vectors come out wrong, "
            f"or -1 if the arena is too small. */\n{self_test_signature(part)};\n#endif"
        )


def _values(part: Part) -> Iterator[str]:
    source, target = part.program.input, part.program.output
    if part.pixels is not None:
        yield _quantize_u8(part)
    if has_scale(source):
        yield _quantize_f32(part.name, part.upper, source)
    if has_scale(target):
        yield _dequantize_f32(part.name, part.upper, target)


def _quantize_u8(part: Part) -> str:
    assert part.pixels is not None
    tensor = part.program.input
    kind, table = c_type(tensor), [int(value) for value in part.pixels]
    lines = []
    if all(value == place + table[0] for place, value in enumerate(table)):
        shift = f" - {-table[0]}" if table[0] < 0 else f" + {table[0]}" if table[0] else ""
        value = f"({kind})(pixels[index]{shift})"
    else:
        texts = [integer(value) for value in table]
        rows = [", ".join(texts[start : start + 16]) for start in range(0, 256, 16)]
        joined = ",\n    ".join(rows)
        lines = [f"  static const {kind} table[256] = {{\n    {joined}}};"]
        value = "table[pixels[index]]"
    return "\n".join(
        [
            "/* Turns the pixels of an image, 0 to 255, into the input. */",
            f"static inline void {part.name}_quantize_u8(const uint8_t *pixels, {kind} *input) {{",
            *lines,
            f"  for (int32_t index = 0; index < {part.upper}_INPUT_SIZE; index++) {{",
            f"    input[index] = {value};",
            "  }",
            "}",
        ]
    )


def _quantize_f32(name: str, upper: str, tensor: Tensor) -> str:
    limits, kind = np.iinfo(tensor.dtype), c_type(tensor)
    low, high = limits.min - tensor.zero_points[0], limits.max - tensor.zero_points[0]
    return f"""\
/* Quantizes real values to the nearest integer, halves away from zero; NaN to the smallest. */
static inline void {name}_quantize_f32(const float *values, {kind} *input) {{
  for (int32_t index = 0; index < {upper}_INPUT_SIZE; index++) {{
    float steps = values[index] / {upper}_INPUT_SCALE;
    steps = steps > {real(low)} ? steps : {real(low)};
    steps = steps < {real(high)} ? steps : {real(high)};
    int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
    input[index] = ({kind})(whole + {upper}_INPUT_ZERO_POINT);
  }}
}}"""


def _dequantize_f32(name: str, upper: str, tensor: Tensor) -> str:
    return f"""\
/* Turns the output into real values. */
static inline void {name}_dequantize_f32(const {c_type(tensor)} *output, float *values) {{
  for (int32_t index = 0; index < {upper}_OUTPUT_SIZE; index++) {{
    const int32_t steps = output[index] - {upper}_OUTPUT_ZERO_POINT;
    values[index] = {upper}_OUTPUT_SCALE * (float)steps;
  }}
}}"""
