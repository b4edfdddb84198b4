"""The form `android-litert`: a Gradle module with `.tflite` files and classes on LiteRT."""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.phones import gradle, jvm, kotlin
from edgeae.embed.phones.face import Face, about, faces
from edgeae.embed.phones.identifiers import checked
from edgeae.embed.record import Record
from edgeae.embed.templating import filled
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor

#: Element type → how LiteRT's `TensorBuffer` writes and reads it; `uint8` has the bits of an int8.
_ACCESS = {
    "int8": ("writeInt8", "readInt8"),
    "uint8": ("writeInt8", "readInt8"),
    "float32": ("writeFloat", "readFloat"),
}
_ASSETS = "src/main/assets"
#: Our classes in place of Android's and LiteRT's.
_STAND_INS = Path(__file__).parents[1] / "stand_ins" / "litert"


def form(record: Record, options: Options) -> Form:
    """Return the files; see `FormModule`."""
    checked(record.name, "Java and Kotlin")
    if options != Options():
        raise BadInput(
            "--target and --optimize are for C, of which android-litert has none; allowed are "
            "their defaults"
        )
    parts = faces(record)
    files: dict[str, str | bytes] = {
        f"{_ASSETS}/{face.name}.tflite": item.content
        for face, item in zip(parts, record.parts, strict=True)
    }
    files |= gradle.module(record) | _classes(record, parts) | _build(record, parts)
    return Form(files | gradle.tests(record, parts, context=True, steps=record.max_lsb))


def _classes(record: Record, parts: Iterable[Face]) -> dict[str, str]:
    folder = gradle.source_folder(record, "src/main")
    texts = {f"{face.class_name}.kt": _class(record, face) for face in parts}
    words = {"package": kotlin.package(record)}
    texts["Compiled.kt"] = filled("android-litert/Compiled.kt", words)
    return {f"{folder}{name}": text for name, text in texts.items()}


def _class(record: Record, face: Face) -> str:
    words = {
        "package": kotlin.package(record),
        "about": kotlin.doc(about(face)),
        "class_name": face.class_name,
        "asset": f"{face.name}.tflite",
        "input_array": kotlin.array(face.input),
        "output_array": kotlin.array(face.output),
        "write": _access(record, face, face.input)[0],
        "read": _access(record, face, face.output)[1],
        "methods": kotlin.methods(face),
        "constants": kotlin.constants(face),
    }
    return filled("android-litert/Part.kt", {**words, "score": _score(words, face)})


def _access(record: Record, face: Face, tensor: Tensor) -> tuple[str, str]:
    if tensor.dtype not in _ACCESS:
        raise BadInput(
            f"{record.title}: {face.part} has a tensor {tensor.name!r:.60} of {tensor.dtype}; "
            f"LiteRT's Kotlin API takes {', '.join(_ACCESS)}"
        )
    return _ACCESS[tensor.dtype]


def _score(words: dict[str, str], face: Face) -> str:
    """Return the function of the score, which LiteRT does not compute."""
    if not face.scored:
        return ""
    values = [
        Template(kotlin.KINDS[face.output.dtype].to_int).substitute(value=f"{name}[place]")
        for name in ("output", "expected")
    ]
    error, zero = " - ".join(values), "0f"
    if face.output.dtype != "float32":
        error, zero = f"({error}).toLong()", "0L"
    own = {
        "doc": kotlin.commented(kotlin.score_doc(face)),
        "score_type": kotlin.score_type(face),
        "error": error,
        "zero": zero,
    }
    return filled("android-litert/score.kt", words | own)


def _build(record: Record, parts: tuple[Face, ...]) -> dict[str, str]:
    first = parts[0]
    given = "pixels" if first.pixels is not None else "values"
    limit = f"integers may be {record.max_lsb} LSB off, floats 1e-5 of the largest"
    words = {
        **gradle.build_words(record),
        "class_name": first.class_name,
        "call": f"{first.verb}({given})",
        "limit": limit,
        "terms": gradle.terms(record),
    }
    build = filled("android-litert/build.gradle.kts", words)
    readme = filled("android-litert/README.md", {**words, "description": record.description})
    return {"build.gradle.kts": build, "README.md": readme}


def prove(folder: Path, record: Record) -> Proof:
    """Run the classes against stand-ins of LiteRT, which does not exist here; see `FormModule`.

    The stand-ins take nothing but a golden input, written for the model that is asked, and give its
    golden output: the classes are compiled and run, the model is not.
    """
    tools = jvm.versions()
    note = "against stand-ins of Android's and LiteRT's classes: the model itself did not run"
    resources = folder / gradle.TESTS / "resources"
    sources = [
        *sorted(_STAND_INS.rglob("*.kt")),
        *sorted((folder / "src/main/kotlin").rglob("*.kt")),
        *sorted((folder / gradle.TESTS).rglob("Golden.kt")),
        *sorted((folder / gradle.CHECK).rglob("*.kt")),
    ]
    main = f"{kotlin.package(record)}.CheckKt"
    return jvm.checked(folder, sources, resources, main, tools, note=note)
