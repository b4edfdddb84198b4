"""Writes the header of a part: sizes and scales as macros, and functions for the values.

The functions are `static inline`: who does not call them pays no byte for them.
"""

from collections.abc import Iterator

import numpy as np

from edgeae.codegen.literals import integer, real
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, c_type, has_scale, size
from edgeae.codegen.score import score_arena_bytes, score_literal, score_signature
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.standardization import Standardization


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
        if part.threshold is not None:
            yield f"#define {upper}_SCORE_THRESHOLD {score_literal(part, part.threshold)}"
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
            f"{_expected(part)}{_alarm(part)}arena: {part.upper}_SCORE_ARENA_BYTES bytes. */\n"
            f"{score_signature(part)};"
        )
    if part.golden is not None:
        yield (
            f"#ifdef {part.upper}_SELF_TEST\n"
            "/* Returns how many values of the golden vectors come out wrong, "
            f"or -1 if the arena is too small. */\n{self_test_signature(part)};\n#endif"
        )


def _expected(part: Part) -> str:
    if part.compares_input:
        return ""
    return f"`expected` are the input's values by {part.name}_quantize_expected_f32.\n * "


def _alarm(part: Part) -> str:
    if part.threshold is None:
        return ""
    return f"An anomaly has a score above {part.upper}_SCORE_THRESHOLD.\n * "


def _values(part: Part) -> Iterator[str]:
    source, target = part.program.input, part.program.output
    if part.pixels is not None:
        yield _quantize_u8(part)
    if has_scale(source):
        yield _quantize_f32(part)
    elif part.columns_in is not None:
        yield _standardize_f32(part, part.columns_in)
    if part.scored and not part.compares_input:
        yield _quantize_expected_f32(part)
    if has_scale(target):
        yield _dequantize_f32(part)
    elif part.columns_out is not None:
        yield _restore_f32(part, part.columns_out)


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


def _quantize_f32(part: Part) -> str:
    return _quantizer(part, part.program.input, "INPUT", "quantize_f32", part.columns_in)


def _quantize_expected_f32(part: Part) -> str:
    """Return the function for what the score compares, if it is not the input as it is."""
    return _quantizer(
        part, part.program.output, "OUTPUT", "quantize_expected_f32", part.columns_out
    )


def _quantizer(
    part: Part, tensor: Tensor, edge: str, function: str, columns: Standardization | None
) -> str:
    """Return a function that quantizes real values as `tensor`, of the macros of `edge`."""
    name, macro, result = part.name, f"{part.upper}_{edge}", edge.lower()
    limits, kind = np.iinfo(tensor.dtype), c_type(tensor)
    low, high = limits.min - tensor.zero_points[0], limits.max - tensor.zero_points[0]
    what, tables, value = "real values", "", "values[index]"
    if columns is not None:
        what, tables = "the columns' own values, which it standardises,", _tables(columns)
        value = _standardised(columns)
    return f"""\
/* Quantizes {what} to the nearest integer, halves away from zero; NaN to the smallest. */
static inline void {name}_{function}(const float *values, {kind} *{result}) {{
{tables}  for (int32_t index = 0; index < {macro}_SIZE; index++) {{
    float steps = {value} / {macro}_SCALE;
    steps = steps > {real(low)} ? steps : {real(low)};
    steps = steps < {real(high)} ? steps : {real(high)};
    int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
    {result}[index] = ({kind})(whole + {macro}_ZERO_POINT);
  }}
}}"""


def _dequantize_f32(part: Part) -> str:
    tensor, name, upper = part.program.output, part.name, part.upper
    value = f"{upper}_OUTPUT_SCALE * (float)steps"
    what, tables, store = "real values", "", f"values[index] = {value};"
    if part.columns_out is not None:
        what, tables = "the columns' own values", _tables(part.columns_out)
        store = f"const float value = {value};\n    {_restored(part.columns_out)}"
    return f"""\
/* Turns the output into {what}. */
static inline void {name}_dequantize_f32(const {c_type(tensor)} *output, float *values) {{
{tables}  for (int32_t index = 0; index < {upper}_OUTPUT_SIZE; index++) {{
    const int32_t steps = output[index] - {upper}_OUTPUT_ZERO_POINT;
    {store}
  }}
}}"""


def _standardize_f32(part: Part, columns: Standardization) -> str:
    return f"""\
/* Standardises the columns' own values: the input of the model. */
static inline void {part.name}_standardize_f32(const float *values, float *input) {{
{_tables(columns)}  for (int32_t index = 0; index < {part.upper}_INPUT_SIZE; index++) {{
    input[index] = {_standardised(columns)};
  }}
}}"""


def _restore_f32(part: Part, columns: Standardization) -> str:
    return f"""\
/* Turns the output into the columns' own values. */
static inline void {part.name}_restore_f32(const float *output, float *values) {{
{_tables(columns)}  for (int32_t index = 0; index < {part.upper}_OUTPUT_SIZE; index++) {{
    const float value = output[index];
    {_restored(columns)}
  }}
}}"""


def _tables(columns: Standardization) -> str:
    """Return the means and deviations as constants, a value per column."""
    count = len(columns.mean)
    return "".join(
        f"  static const float {name}[{count}] = {{\n    {_listed(values)}}};\n"
        for name, values in (("means", columns.mean), ("deviations", columns.deviation))
    )


def _listed(values: tuple[float, ...]) -> str:
    texts = [real(float(np.float32(value))) for value in values]
    rows = [", ".join(texts[start : start + 6]) for start in range(0, len(texts), 6)]
    return ",\n    ".join(rows)


def _standardised(columns: Standardization) -> str:
    # in float32, as edgeae's own tools do it: two roundings, in this order
    place = f"index % {len(columns.mean)}"
    return f"((values[index] - means[{place}]) / deviations[{place}])"


def _restored(columns: Standardization) -> str:
    place = f"index % {len(columns.mean)}"
    return f"values[index] = value * deviations[{place}] + means[{place}];"
