"""Swift: the class of a part, over the generated C and its functions for the values."""

from collections.abc import Iterator

from edgeae.codegen.literals import real
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, size
from edgeae.codegen.score import score_arena_bytes, score_literal, score_type
from edgeae.embed.phones.face import Face, about
from edgeae.embed.phones.golden_files import float_limit
from edgeae.embed.templating import filled

#: Element type → its name in Swift.
TYPES = {"int8": "Int8", "uint8": "UInt8", "int16": "Int16", "float32": "Float"}
#: The C type of a score → its name in Swift.
_SCORES = {"float": "Float", "uint32_t": "UInt32", "uint64_t": "UInt64"}


def class_text(module: str, face: Face, part: Part) -> str:
    """Return the text of a part's class.

    Args:
        module: name of the module of Swift.
        face: the part's class.
        part: its C.
    """
    words = {
        "module": module,
        "about": about(face),
        "name": face.name,
        "class_name": face.class_name,
        "input_type": TYPES[face.input.dtype],
        "output_type": TYPES[face.output.dtype],
        "input_size": str(size(face.input)),
        "output_size": str(size(face.output)),
        "arena": str(_arena_bytes(part)),
        "score_type": _SCORES[score_type(part)],
        "where": "" if face.compares_input else ", by `quantizeExpected`",
        "constants": "\n".join(f"    {line}" for line in _constants(face, part)),
        "methods": "\n\n".join((*_verbs(face), *_edges(face), *_scores(face, part))),
    }
    score = filled("swift/score.swift", words) if face.scored else ""
    return filled("swift/Part.swift", {**words, "score": score})


def example(face: Face) -> str:
    """Return a call of a part's class on an app's own values."""
    if face.pixels is not None:
        return f"{face.verb}(pixels: pixels)"
    if face.part == "decoder":
        return f"{face.verb}(code: code)"
    plain = face.part == "model" and not face.quantizes
    return f"{face.verb}({'values' if plain else 'values: values'})"


def test_text(face: Face) -> str:
    """Return the text of the test of a part's golden vectors."""
    check = "            XCTAssertEqual(output, wanted)"
    if face.output.dtype == "float32":
        limit = f"{float_limit(face):.9g}"
        check = (
            "            for (found, known) in zip(output, wanted) {\n"
            f"                XCTAssertEqual(found, known, accuracy: {limit})\n"
            "            }"
        )
    words = {
        "Part": face.part.capitalize(),
        "name": face.name,
        "class_name": face.class_name,
        "input_type": TYPES[face.input.dtype],
        "output_type": TYPES[face.output.dtype],
        "check": check,
    }
    return filled("swift/test.swift", words)


def _arena_bytes(part: Part) -> int:
    least = max(arena_bytes(part.program.plan), 1)
    return max(least, score_arena_bytes(part.program)) if part.scored else least


def _constants(face: Face, part: Part) -> Iterator[str]:
    for edge, tensor in (("input", face.input), ("output", face.output)):
        yield f"/// Number of values of the {edge}."
        yield f"public static let {edge}Size = {size(tensor)}"
        if tensor.scales and tensor.dtype != "float32":
            scale = real(tensor.scales[0]).removesuffix("f")
            yield "/// real = scale × (integer − zero point)"
            yield f"public static let {edge}Scale: Float = {scale}"
            yield f"public static let {edge}ZeroPoint = {tensor.zero_points[0]}"
    if face.scored and face.threshold is not None:
        kind = _SCORES[score_type(part)]
        literal = score_literal(part, face.threshold).rstrip("ful")
        yield "/// An anomaly has a score above it."
        yield f"public static let scoreThreshold: {kind} = {literal}"


def _verbs(face: Face) -> Iterator[str]:
    """Yield the methods on an app's own values; a `model` has `run` for its raw ones already."""
    result = TYPES[face.output.dtype]
    columns = face.columns_in is not None
    if face.pixels is not None:
        yield _method(
            "Takes the pixels of an image, 0 to 255.",
            f"{face.verb}(pixels: [UInt8]) -> [{result}] {{ run(quantize(pixels: pixels)) }}",
        )
    if face.quantizes or columns:
        step = "quantize" if face.quantizes else "standardize"
        yield _method(
            f"Takes {_own(columns)}.",
            f"{face.verb}(values: [Float]) -> [{result}] {{ run({step}(values: values)) }}",
        )
    raw = face.part == "decoder" or (not face.quantizes and not columns)
    if raw and face.part != "model":
        label = "code" if face.part == "decoder" else "values"
        what = "the code as the encoder gives it" if face.part == "decoder" else "real values"
        source = TYPES[face.input.dtype]
        yield _method(
            f"Takes {what}.",
            f"{face.verb}({label}: [{source}]) -> [{result}] {{ run({label}) }}",
        )


def _own(columns: bool) -> str:
    return "the columns' own values" if columns else "real values"


def _edges(face: Face) -> Iterator[str]:
    source, target = TYPES[face.input.dtype], TYPES[face.output.dtype]
    own = _own(face.columns_in is not None)
    if face.pixels is not None:
        head, text = "quantize(pixels: [UInt8])", "Turns the pixels of an image into the input."
        yield _mapped(face, text, head, "quantize_u8", "input", source)
    if face.quantizes:
        yield _mapped(face, _quantizes(own), "quantize(values: [Float])", "quantize_f32", "input")
    elif face.columns_in is not None:
        head, text = "standardize(values: [Float])", f"Standardises {own}: the model's input."
        yield _mapped(face, text, head, "standardize_f32", "input", "Float")
    if face.dequantizes or face.columns_out is not None:
        function = "dequantize_f32" if face.dequantizes else "restore_f32"
        text = f"Turns the output into {_own(face.columns_out is not None)}."
        yield _mapped(face, text, f"real(_ output: [{target}])", function, "output", "Float")


def _quantizes(own: str) -> str:
    return f"Quantizes {own} to the nearest integer, halves away from zero; NaN to the smallest."


def _scores(face: Face, part: Part) -> Iterator[str]:
    """Yield the score of an app's own values; the class itself has that of raw ones."""
    if not face.scored:
        return
    kind, columns = _SCORES[score_type(part)], face.columns_in is not None
    if not face.compares_input:
        head, text = "quantizeExpected(values: [Float])", _quantizes(_own(columns))
        yield _mapped(face, text, head, "quantize_expected_f32", "output")
    if face.part == "decoder":
        return
    if face.pixels is not None and face.compares_input:
        yield _scored("pixels", "UInt8", kind, "quantize(pixels: pixels)", "input")
    step = "quantize(values: values)" if face.quantizes else "values"
    if columns and not face.quantizes:
        step = "standardize(values: values)"
    expected = "input" if face.compares_input else "quantizeExpected(values: values)"
    yield _scored("values", "Float", kind, step, expected)


def _scored(label: str, element: str, kind: str, step: str, expected: str) -> str:
    return f"""\
    /// Returns the score of {"an image" if label == "pixels" else "real values"}, see `score`.
    public func score({label}: [{element}]) -> {kind} {{
        let input = {step}
        return score(input, expected: {expected})
    }}"""


def _method(text: str, code: str) -> str:
    return f"    /// {text}\n    public func {code}"


def _mapped(face: Face, text: str, head: str, function: str, edge: str, result: str = "") -> str:
    """Return a method that calls a function of the part's header.

    Args:
        face: the part's class.
        text: what the method does.
        head: its name and parameter.
        function: the function of C, without the part's name.
        edge: the edge whose number of values it takes and gives.
        result: type of the values that it gives; empty for that of the edge.
    """
    tensor = face.input if edge == "input" else face.output
    words = {
        "name": face.name,
        "doc": text,
        "head": head,
        "given": head.partition("(")[2].partition(":")[0].removeprefix("_ "),
        "function": function,
        "size": f"{edge}Size",
        "count": str(size(tensor)),
        "result": result or TYPES[tensor.dtype],
    }
    return filled("swift/mapped.swift", words).rstrip()
