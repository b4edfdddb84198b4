"""Kotlin: what the class of a part holds, whether generated C or LiteRT computes its answers.

The text keeps within Kotlin 1.3: no comma at the end of a list.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

import numpy as np

from edgeae.codegen.literals import real
from edgeae.codegen.part import size
from edgeae.embed.phones.face import Face
from edgeae.embed.record import Record
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.standardization import Standardization

#: Most numbers of a table in a class: a method of Java's virtual machine has at most 64 kB of code.
_LARGEST_TABLE = 4096
#: Most characters in a line of a comment.
_LINE = 90


@dataclass(frozen=True)
class Kind:
    """An element type in Kotlin.

    Attributes:
        array: the class of its arrays; `uint8` has the bits of a Byte.
        to_int: turns the expression `$value` into an Int, or leaves a Float.
        of_int: turns the expression `$value`, an Int, into an element.
    """

    array: str
    to_int: str
    of_int: str


KINDS = {
    "int8": Kind("ByteArray", "$value.toInt()", "($value).toByte()"),
    "uint8": Kind("ByteArray", "($value.toInt() and 255)", "($value).toByte()"),
    "int16": Kind("ShortArray", "$value.toInt()", "($value).toShort()"),
    "float32": Kind("FloatArray", "$value", "$value"),
}


def array(tensor: Tensor) -> str:
    """Return the class of the arrays that hold a tensor."""
    return KINDS[tensor.dtype].array


def package(record: Record) -> str:
    """Return the name of the package that holds a model's classes."""
    return f"dev.edgeae.{record.name}"


def quoted(text: str) -> str:
    """Return a text as a string of Kotlin."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{plain}"'


def doc(text: str) -> str:
    """Return a text that can stand in a comment of Kotlin, which can be nested."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def constants(face: Face) -> str:
    """Return the constants of a part's class, for its companion."""
    return "\n".join(f"        {line}" for line in _constants(face))


def methods(face: Face) -> str:
    """Return the methods that do not depend on what computes the answers.

    They call `run`, which takes and gives arrays of the part's own element types.
    """
    blocks = [*_verbs(face), *_edges(face), *_scores(face)]
    return "\n\n".join(blocks)


def _constants(face: Face) -> Iterator[str]:
    for edge, tensor in (("INPUT", face.input), ("OUTPUT", face.output)):
        yield f"/** Number of values of the {edge.lower()}. */"
        yield f"const val {edge}_SIZE = {size(tensor)}"
        if tensor.scales and tensor.dtype != "float32":
            yield "/** real = scale × (integer − zero point) */"
            yield f"const val {edge}_SCALE = {real(tensor.scales[0])}"
            yield f"const val {edge}_ZERO_POINT = {tensor.zero_points[0]}"
    if face.scored and face.threshold is not None:
        yield "/** An anomaly has a score above it. */"
        yield f"const val SCORE_THRESHOLD = {_score_literal(face, face.threshold)}"
    if face.pixels is not None and face.shift is None:
        yield f"private val PIXELS = shortArrayOf({_listed([str(int(v)) for v in face.pixels])})"
    yield from _tables("INPUT", face.columns_in)
    yield from _tables("OUTPUT", face.columns_out)


def _tables(edge: str, columns: Standardization | None) -> Iterator[str]:
    if columns is None:
        return
    if len(columns.mean) > _LARGEST_TABLE:
        raise BadInput(
            f"{len(columns.mean)} columns are standardised; Kotlin takes at most {_LARGEST_TABLE}"
        )
    for name, values in (("MEANS", columns.mean), ("DEVIATIONS", columns.deviation)):
        texts = [real(float(np.float32(value))) for value in values]
        yield f"private val {edge}_{name} = floatArrayOf({_listed(texts)})"


def _listed(texts: list[str]) -> str:
    rows = [", ".join(texts[start : start + 8]) for start in range(0, len(texts), 8)]
    return ",\n            ".join(rows)


def _verbs(face: Face) -> Iterator[str]:
    """Yield the methods on an app's own values; a `model` has `run` for its raw ones already."""
    verb, result = face.verb, array(face.output)
    if face.pixels is not None:
        yield _method(
            "Takes the pixels of an image, 0 to 255; as bytes, those above 127 are negative.",
            f"fun {verb}(pixels: ByteArray): {result} = run(quantize(pixels))",
        )
    if face.quantizes or face.columns_in is not None:
        step = "quantize" if face.quantizes else "standardize"
        yield _method(
            f"Takes {_own(face.columns_in)}.",
            f"fun {verb}(values: FloatArray): {result} = run({step}(values))",
        )
    raw = face.part == "decoder" or (not face.quantizes and face.columns_in is None)
    if raw and face.part != "model":
        what = "the code as the encoder gives it" if face.part == "decoder" else "real values"
        yield _method(
            f"Takes {what}.",
            f"fun {verb}(input: {array(face.input)}): {result} = run(input)",
        )


def _own(columns: Standardization | None) -> str:
    return "real values" if columns is None else "the columns' own values"


def _edges(face: Face) -> Iterator[str]:
    if face.pixels is not None:
        yield _quantize_pixels(face)
    if face.quantizes:
        yield _quantize(face, "quantize", "INPUT", face.input, face.columns_in)
    elif face.columns_in is not None:
        value = _standardised("INPUT", face.columns_in)
        yield _mapped(
            "Standardises the columns' own values: the input of the model.",
            "standardize(values: FloatArray): FloatArray",
            "INPUT",
            value,
        )
    if face.dequantizes or face.columns_out is not None:
        yield _real(face)


def _quantize_pixels(face: Face) -> str:
    kind, byte = KINDS[face.input.dtype], "(pixels[it].toInt() and 255)"
    shift = face.shift
    value = f"PIXELS[{byte}]" if shift is None else f"{byte} + {shift}" if shift else byte
    return _mapped(
        "Turns the pixels of an image, 0 to 255, into the input.",
        f"quantize(pixels: ByteArray): {kind.array}",
        "INPUT",
        Template(kind.of_int).substitute(value=value.replace("+ -", "- ")),
        given="pixels",
    )


def _quantize(
    face: Face, name: str, edge: str, tensor: Tensor, columns: Standardization | None
) -> str:
    kind, limits = KINDS[tensor.dtype], np.iinfo(tensor.dtype)
    low, high = (real(limit - tensor.zero_points[0]) for limit in (limits.min, limits.max))
    value = "values[it]" if columns is None else _standardised(edge, columns)
    nearest = f"nearest({value} / {edge}_SCALE, {low}, {high}) + {edge}_ZERO_POINT"
    return _mapped(
        f"Quantizes {_own(columns)} to the nearest integer, halves away from zero; NaN to the "
        "smallest.",
        f"{name}(values: FloatArray): {kind.array}",
        edge,
        Template(kind.of_int).substitute(value=nearest),
    )


def _real(face: Face) -> str:
    kind = KINDS[face.output.dtype]
    value = Template(kind.to_int).substitute(value="output[it]")
    if face.dequantizes:
        value = f"OUTPUT_SCALE * ({value} - OUTPUT_ZERO_POINT).toFloat()"
    if face.columns_out is not None:
        place = f"it % {len(face.columns_out.mean)}"
        value = f"{value} * OUTPUT_DEVIATIONS[{place}] + OUTPUT_MEANS[{place}]"
    return _mapped(
        f"Turns the output into {_own(face.columns_out)}.",
        f"real(output: {kind.array}): FloatArray",
        "OUTPUT",
        value,
        given="output",
    )


def _standardised(edge: str, columns: Standardization) -> str:
    # in float32, as edgeae's own tools do it: two roundings, in this order
    place = f"it % {len(columns.mean)}"
    return f"((values[it] - {edge}_MEANS[{place}]) / {edge}_DEVIATIONS[{place}])"


def _scores(face: Face) -> Iterator[str]:
    """Yield the score of an app's own values; the class itself has that of raw ones."""
    if not face.scored:
        return
    kind = score_type(face)
    if not face.compares_input:
        yield _quantize(face, "quantizeExpected", "OUTPUT", face.output, face.columns_out)
    if face.part == "decoder":
        return
    if face.pixels is not None and face.compares_input:
        yield _method(
            "Returns the score of an image, see `score`.",
            f"fun score(pixels: ByteArray): {kind} = quantize(pixels).let {{ score(it, it) }}",
        )
    step = "quantize" if face.quantizes else "standardize" if face.columns_in else ""
    given = f"{step}(values)" if step else "values"
    other = "it" if face.compares_input else "quantizeExpected(values)"
    yield _method(
        f"Returns the score of {_own(face.columns_in)}, see `score`.",
        f"fun score(values: FloatArray): {kind} = {given}.let {{ score(it, {other}) }}",
    )


def score_type(face: Face) -> str:
    """Return the type of a score; a Long holds that of every output of integers."""
    return "Float" if face.output.dtype == "float32" else "Long"


def _score_literal(face: Face, value: float) -> str:
    return real(value) if score_type(face) == "Float" else f"{int(value)}L"


def score_doc(face: Face) -> str:
    """Return what the score of raw values is."""
    where = "" if face.compares_input else ", by `quantizeExpected`"
    return (
        "Returns the sum of the squared errors against the expected values, in steps of the "
        f"output's scale. `expected` are the image's values as the model takes them{where}."
    )


def _method(text: str, code: str) -> str:
    return f"{commented(text)}\n    {code}"


def commented(text: str) -> str:
    """Return a text as the comment of a method: one line if it is short."""
    if len(text) <= _LINE:
        return f"    /** {text} */"
    lines = "\n".join(f"     * {line}" for line in textwrap.wrap(text, _LINE))
    return f"    /**\n{lines}\n     */"


def _mapped(text: str, head: str, edge: str, value: str, given: str = "values") -> str:
    """Return a function that makes an array, each of whose elements is `value`."""
    result = head.rpartition(": ")[2]
    return f"""\
{commented(text)}
    fun {head} {{
        sized({given}.size, {edge}_SIZE, "{given}")
        return {result}({edge}_SIZE) {{
            {value}
        }}
    }}"""
