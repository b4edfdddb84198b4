"""The form `android`: a Gradle module with the generated C, a layer of JNI and Kotlin classes."""

from collections.abc import Iterable
from pathlib import Path

from edgeae.codegen import compiler
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.phones import gradle, jvm, kotlin
from edgeae.embed.phones.face import Face, about, faces
from edgeae.embed.phones.identifiers import checked
from edgeae.embed.phones.jni import declarations, jni_source, library
from edgeae.embed.record import Record
from edgeae.embed.templating import filled
from edgeae.errors import BadInput, NotMeasured

#: Target → the ABIs that its C is for; empty for all that the NDK builds.
_ABIS = {"portable": "", "aarch64": "arm64-v8a", "x86-64": "x86_64"}
_CPP = "src/main/cpp"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes of the target; see `FormModule`."""
    checked(record.name, "Java and Kotlin")
    if options.target not in _ABIS:
        raise BadInput(
            f"--target {options.target}: android takes {', '.join(_ABIS)}; others are no phones"
        )
    made = c_sources(record, options, "C99 for Android")
    parts = faces(record)
    files: dict[str, str | bytes] = {f"{_CPP}/{name}": text for name, text in made.texts.items()}
    files |= {
        f"{_CPP}/jni.c": jni_source(record, parts, (f"{record.title} for JNI", *record.head)),
        f"{_CPP}/CMakeLists.txt": filled(
            "android/CMakeLists.txt",
            {
                "name": record.name,
                "version": record.package.version,
                "library": library(record),
                "sources": "\n  ".join(made.units),
            },
        ),
    }
    files |= gradle.module(record) | _classes(record, parts) | gradle.tests(record, parts)
    files |= _build(record, parts[0], _ABIS[options.target])
    return Form(files, made.footprints())


def _classes(record: Record, parts: Iterable[Face]) -> dict[str, str]:
    folder = gradle.source_folder(record, "src/main")
    texts = {f"{face.class_name}.kt": _class(record, face) for face in parts}
    texts["Native.kt"] = declarations(record, parts)
    return {f"{folder}{name}": text for name, text in texts.items()}


def _class(record: Record, face: Face) -> str:
    words = {
        "package": kotlin.package(record),
        "about": kotlin.doc(about(face)),
        "class_name": face.class_name,
        "part": face.part,
        "input_array": kotlin.array(face.input),
        "output_array": kotlin.array(face.output),
        "score_type": kotlin.score_type(face),
        "doc": kotlin.commented(kotlin.score_doc(face)),
        "methods": kotlin.methods(face),
        "constants": kotlin.constants(face),
    }
    score = filled("android/score.kt", words) if face.scored else ""
    return filled("android/Part.kt", {**words, "score": score})


def _build(record: Record, first: Face, abi: str) -> dict[str, str]:
    filters = f'        ndk {{ abiFilters += "{abi}" }}\n' if abi else ""
    given = "pixels" if first.pixels is not None else "values"
    words = {
        **gradle.build_words(record),
        "abis": filters,
        "class_name": first.class_name,
        "call": f"{first.class_name}().{first.verb}({given})",
        "terms": gradle.terms(record),
    }
    rules = filled("android/consumer-rules.pro", words)
    build = filled("android/build.gradle.kts", words)
    readme = filled("android/README.md", {**words, "description": record.description})
    return {"consumer-rules.pro": rules, "build.gradle.kts": build, "README.md": readme}


def prove(folder: Path, record: Record) -> Proof:
    """Run the golden vectors through the Kotlin classes on the host's JVM; see `FormModule`."""
    includes = [f"-I{place}" for place in jvm.include_folders()]
    tools = f"{compiler.version()}, {jvm.versions()}"
    note = "on this machine's JVM, without the Android NDK and a device"
    target = folder / "host" / f"lib{library(record)}.so"
    target.parent.mkdir()
    flags = ("-O2", *compiler.STRICT, "-fvisibility=hidden", *includes)
    try:
        compiler.shared_library(sorted((folder / _CPP).glob("*.c")), target, flags)
    except NotMeasured as error:
        return Proof(tools, "fail", (str(error),), note)
    sources = [
        *sorted((folder / "src/main/kotlin").rglob("*.kt")),
        *sorted((folder / gradle.TESTS).rglob("Golden.kt")),
        *sorted((folder / gradle.CHECK).rglob("*.kt")),
    ]
    main = f"{kotlin.package(record)}.CheckKt"
    resources = folder / gradle.TESTS / "resources"
    return jvm.checked(folder, sources, resources, main, tools, note=note, libraries=target.parent)
