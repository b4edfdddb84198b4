"""What the Gradle modules of a model have in common: build files, tests and golden vectors."""

from collections.abc import Sequence

from edgeae.embed.phones import kotlin
from edgeae.embed.phones.face import Face
from edgeae.embed.phones.golden_files import float_limit, golden_files
from edgeae.embed.phones.kotlin import KINDS
from edgeae.embed.record import Record
from edgeae.embed.templating import filled

#: Folder of the sources that tests on a device run, and of the check that a host runs.
TESTS, CHECK = "src/androidTest", "src/hostCheck"
#: Element type → the function of `Golden.kt` that reads a file of it.
_READERS = {"int8": "bytes", "uint8": "bytes", "int16": "shorts", "float32": "floats"}


def source_folder(record: Record, root: str) -> str:
    """Return the folder of Kotlin sources below `root`, such as `src/main`, with a slash."""
    return f"{root}/kotlin/{kotlin.package(record).replace('.', '/')}/"


def module(record: Record) -> dict[str, str]:
    """Return path → text of the files that every module has."""
    words = {"package": kotlin.package(record), "name": record.name}
    return {
        "settings.gradle.kts": filled("kotlin/settings.gradle.kts", words),
        "src/main/AndroidManifest.xml": filled("kotlin/AndroidManifest.xml", words),
        f"{source_folder(record, 'src/main')}Numbers.kt": filled("kotlin/Numbers.kt", words),
    }


def build_words(record: Record) -> dict[str, str]:
    """Return what build files say about a package: every text as Kotlin writes it."""
    package = record.package
    return {
        "package": kotlin.package(record),
        "name": record.name,
        "title": record.title,
        "version": package.version,
        "comment": "; ".join((f"{record.title} in an Android library", *record.head)),
        "description": kotlin.quoted(record.description),
        "publishing": filled(
            "kotlin/publishing.gradle.kts",
            {
                "name": record.name,
                "title": kotlin.quoted(record.title),
                "description": kotlin.quoted(record.description),
                "details": _details(record),
            },
        ),
    }


def _details(record: Record) -> str:
    """Return the lines of the POM about address, licence and author, as far as they are known."""
    package, quoted = record.package, kotlin.quoted
    lines = []
    if package.url:
        lines.append(f"url.set({quoted(package.url)})")
    if package.license:
        lines.append(f"licenses {{ license {{ name.set({quoted(package.license)}) }} }}")
    if package.author:
        lines.append(f"developers {{ developer {{ name.set({quoted(package.author)}) }} }}")
    return "".join(f"                {line}\n" for line in lines)


def terms(record: Record) -> str:
    """Return what a README says after the version: licence, author and address, where known."""
    package = record.package
    known = (
        ("licence", package.license or "none stated, which permits nothing"),
        ("author", package.author),
        ("", package.url),
    )
    return "".join(f"; {label + ': ' if label else ''}{text}" for label, text in known if text)


def tests(
    record: Record, faces: Sequence[Face], *, context: bool = False, steps: int = 0
) -> dict[str, str | bytes]:
    """Return path → content of the tests over the golden vectors, for devices and for hosts.

    Args:
        record: the model.
        faces: its parts.
        context: whether the classes take an Android context.
        steps: how far an output of integers may be from its golden vector.
    """
    words = {
        "package": kotlin.package(record),
        "parameter": "context: Context" if context else "",
        "entries": ",\n".join(_entry(face, context) for face in faces),
        "counts": "\n\n".join(_count(face, steps) for face in faces),
        **_reading(faces, context),
    }
    device, host = _arguments(context)
    return {
        f"{source_folder(record, TESTS)}Golden.kt": filled("kotlin/Golden.kt", words),
        f"{source_folder(record, TESTS)}GoldenTest.kt": filled(
            "kotlin/GoldenTest.kt", words | device
        ),
        **golden_files(f"{TESTS}/resources/", faces),
        f"{source_folder(record, CHECK)}Check.kt": filled("kotlin/Check.kt", words | host),
    }


def _reading(faces: Sequence[Face], context: bool) -> dict[str, str]:
    """Return the functions that read files of more than bytes, and the imports."""
    kinds = sorted({tensor.dtype for face in faces for tensor in (face.input, face.output)})
    readers = [
        filled(
            "kotlin/reader.kt",
            {
                "read": _READERS[kind],
                "array": KINDS[kind].array,
                "view": KINDS[kind].array.replace("Array", "Buffer"),
            },
        ).rstrip()
        for kind in kinds
        if _READERS[kind] != "bytes"
    ]
    imports = [
        *(["android.content.Context"] if context else []),
        *(["java.nio.ByteBuffer", "java.nio.ByteOrder"] if readers else []),
    ]
    lines = "".join(f"import {name}\n" for name in imports)
    return {"readers": "".join(readers), "imports": lines and f"{lines}\n"}


def _arguments(context: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Return how a device's test and a host's check come by a context."""
    if not context:
        return ({"imports": "", "argument": ""},) * 2
    device = {
        "imports": "import androidx.test.platform.app.InstrumentationRegistry\n",
        "argument": "InstrumentationRegistry.getInstrumentation().targetContext",
    }
    host = {"imports": "import android.content.Context\n", "argument": "Context()"}
    return device, host


def _entry(face: Face, context: bool) -> str:
    call = f"{face.part}({face.class_name}())"
    if context:
        call = f"{face.class_name}(context).use {{ {face.part}(it) }}"
    return f'        "{face.name}" to {call}'


def _count(face: Face, steps: int) -> str:
    """Return a function that counts the wrong values of a part."""
    words = {
        "name": face.name,
        "part": face.part,
        "class_name": face.class_name,
        "read_input": _READERS[face.input.dtype],
        "read_output": _READERS[face.output.dtype],
        "error": _error(face),
        "wrong": _wrong(face, steps),
    }
    return filled("kotlin/count.kt", words).rstrip()


def _error(face: Face) -> str:
    values = ["output[place]", "expected[vector * output.size + place]"]
    if face.output.dtype == "uint8":
        values = [f"({value}.toInt() and 255)" for value in values]
    return " - ".join(values)


def _wrong(face: Face, steps: int) -> str:
    if face.output.dtype == "float32":
        limit = f"{float_limit(face):.9g}f"
        return f"!(error <= {limit} && error >= -{limit})"  # NaN is wrong as well
    return f"error > {steps} || error < -{steps}" if steps else "error != 0"
