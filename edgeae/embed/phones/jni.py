"""The layer between a Kotlin class and the generated C: JNI functions, and their declarations."""

from collections.abc import Iterable, Sequence

from edgeae.codegen.literals import comment
from edgeae.codegen.part import c_type
from edgeae.embed.phones import kotlin
from edgeae.embed.phones.face import Face
from edgeae.embed.record import Record
from edgeae.embed.templating import filled

#: Element type → what JNI calls it; `uint8` has the bits of a byte.
_JAVA = {"int8": "byte", "uint8": "byte", "int16": "short", "float32": "float"}
#: The type of a score in Kotlin → in JNI.
_SCORES = {"Long": "jlong", "Float": "jfloat"}


def library(record: Record) -> str:
    """Return the name of the library, of which no other library in an app has the like."""
    return f"edgeae_{record.name}"


def jni_source(record: Record, faces: Iterable[Face], head: Sequence[str]) -> str:
    """Return the text of `jni.c`.

    Args:
        record: the model.
        faces: its parts.
        head: lines for the head of the file.
    """
    faces = tuple(faces)
    words = {
        "includes": "\n".join(f'#include "{face.name}.h"' for face in faces),
        "parts": "".join(_part(record, face) for face in faces),
    }
    return comment(head) + filled("android/jni.c", words)


def _part(record: Record, face: Face) -> str:
    words = _words(record, face)
    score = filled("android/jni_score.c", words) if face.scored else ""
    return filled("android/jni_part.c", words) + score


def _words(record: Record, face: Face) -> dict[str, str]:
    source, target = (_JAVA[tensor.dtype] for tensor in (face.input, face.output))
    upper = face.name.upper()
    return {
        "name": face.name,
        "upper": upper,
        "part": face.part,
        "arena": f"{upper}_SCORE_ARENA_BYTES" if face.scored else f"{upper}_ARENA_BYTES",
        "jni_package": mangled(kotlin.package(record)),
        "input_type": c_type(face.input),
        "output_type": c_type(face.output),
        "input_java": source,
        "output_java": target,
        "Input": source.capitalize(),
        "Output": target.capitalize(),
        "result": _SCORES[kotlin.score_type(face)],
    }


def mangled(package: str) -> str:
    """Return a package's name as it stands in the names of JNI functions.

    See "Resolving Native Method Names" in the specification of JNI.
    """
    return package.replace("_", "_1").replace(".", "_")


def declarations(record: Record, faces: Iterable[Face]) -> str:
    """Return the text of `Native.kt`."""
    words = {
        "package": kotlin.package(record),
        "library": library(record),
        "functions": "\n\n".join(_declared(face) for face in faces),
    }
    return filled("android/Native.kt", words)


def _declared(face: Face) -> str:
    source, target = kotlin.array(face.input), kotlin.array(face.output)
    memory = "memory: ByteBuffer"
    heads = [
        f"{face.part}MemoryBytes(): Int",
        f"{face.part}Run({memory}, input: {source}, output: {target})",
    ]
    if face.scored:
        result = kotlin.score_type(face)
        heads.append(f"{face.part}Score({memory}, input: {source}, expected: {target}): {result}")
    return "\n\n".join(f"    @JvmStatic\n    external fun {head}" for head in heads)
