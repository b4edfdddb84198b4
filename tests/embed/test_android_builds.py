"""What `android` and `android-litert` write, built and run: on a JVM, and for phones' cores."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import elf_file
import numpy as np
import pytest
import tiny
from embed_forms import COLUMNS, THRESHOLD, embedded, odd_records, sources

from edgeae.codegen import compiler
from edgeae.embed.form import Options
from edgeae.embed.forms import android, android_litert
from edgeae.embed.phones import gradle, jvm
from edgeae.embed.phones.face import faces
from edgeae.embed.record import read
from edgeae.errors import RuntimeUnavailable
from edgeae.metrics.quantization import Affine, dequantize, quantize

TESTS = Path(__file__).parent.parent
STAND_INS = TESTS / "stand_ins"
PAGE = 0x4000
#: What Android's libc has of the functions that compilers call by themselves.
LIBC = {"memcpy", "memset", "memmove"}
LIBM = {"expf", "tanhf"}


@pytest.fixture
def models(tiny_bundle, tmp_path):
    return sources(tiny_bundle, tmp_path)


@pytest.fixture
def kotlin():
    """Fail, never skip, where the compiler of Kotlin or a JDK is missing."""
    for command, package in (("kotlinc", "kotlin"), ("javac", "default-jdk-headless")):
        if shutil.which(command) is None:
            pytest.fail(f"{command} is missing: apt install {package}", pytrace=False)


def library(folder: Path, processor: str) -> elf_file.Elf:
    """The module's C as a library for a phone, by the flags of its `CMakeLists.txt`."""
    cpp = folder / android._CPP
    cmake = (cpp / "CMakeLists.txt").read_text()
    (linked,) = re.findall(r"target_link_options\(\w+ PRIVATE (.*)\)", cmake)
    assert "C_VISIBILITY_PRESET hidden" in cmake
    flags = ("-target", f"{processor}-linux-android", "-O2", *compiler.STRICT)
    free = ("-ffreestanding", "-nostdlib", "-fno-sanitize=undefined", f"-I{STAND_INS}")
    target = folder / f"{processor}.so"
    command = [*compiler.zig(), *flags, *free, "-fvisibility=hidden", "-shared", "-fPIC"]
    command += [*linked.split(), *map(str, sorted(cpp.glob("*.c"))), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return elf_file.read(target)


def check_library(found: elf_file.Elf, parts: set[str], own: set[str]) -> None:
    """Assert what devices with pages of 16 kB ask for, and that only JNI's names are to be seen."""
    assert found.kind == 3 and found.alignments  # a shared object, with segments to load
    assert set(found.alignments) == {PAGE}
    names = {f"{part}{what}" for part in parts for what in ("MemoryBytes", "Run", "Score")}
    exported = {name.rpartition("_Native_")[2] for name in found.exported}
    assert all(name.startswith("Java_dev_edgeae_") for name in found.exported), found.exported
    assert exported <= names and {f"{part}Run" for part in parts} <= exported
    assert found.imported <= own, found.imported


@pytest.mark.system
@pytest.mark.parametrize("processor", ["aarch64", "x86_64"])
@pytest.mark.parametrize(
    ("kind", "parts", "own"),
    [
        ("dense", {"encoder", "decoder", "autoencoder"}, LIBC),
        ("float", {"encoder", "decoder", "autoencoder"}, LIBC | LIBM),
        ("conv", {"model"}, LIBC),
    ],
)
def test_libraries_of_phones_are_aligned_and_export_jni_only(
    kind, parts, own, processor, models, tmp_path
):
    found = library(embedded(tmp_path, models[kind], "android"), processor)
    assert found.machine == processor and found.needed == ()
    check_library(found, parts, own)


@pytest.mark.system
def test_cmake_builds_the_library_as_the_file_says(models, tmp_path, kotlin):
    for command in ("cmake", "make"):
        if shutil.which(command) is None:
            pytest.fail(f"{command} is missing: apt install {command}", pytrace=False)
    folder = embedded(tmp_path, models["dense"], "android")
    includes = " ".join(f"-I{place}" for place in jvm.include_folders())
    build = tmp_path / "build"
    for command in (
        [
            "cmake",
            "-S",
            str(folder / android._CPP),
            "-B",
            str(build),
            f"-DCMAKE_C_FLAGS={includes}",
        ],
        ["cmake", "--build", str(build)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "warning:" not in done.stderr
    found = elf_file.read(build / "libedgeae_tiny.so")
    assert set(found.needed) <= {"libc.so.6"}
    weak = {name for name in found.imported if name.startswith(("_ITM_", "__"))}
    parts = {"encoder", "decoder", "autoencoder"}
    assert found.machine == platform.machine()
    check_library(found, parts, LIBC | weak)


@pytest.mark.system
@pytest.mark.parametrize(("kind", "name"), [("dense", "my_model"), ("float", "f")])
def test_kotlin_and_jni_give_the_golden_vectors_on_a_jvm(kind, name, models, tmp_path, kotlin):
    folder = embedded(tmp_path, models[kind], "android", "--name", name)
    proof = android.prove(folder, read(models[kind], name))
    assert (proof.verdict, proof.reasons) == ("pass", ()), proof
    assert "kotlinc" in proof.tools and "JVM" in proof.note


@pytest.mark.system
def test_a_wrong_answer_or_wrong_code_fails_the_proof(models, tmp_path, kotlin):
    record = read(models["conv"], "c")  # libc.so would be the system's
    folder = embedded(tmp_path, models["conv"], "android", "--name", "c")
    golden = folder / gradle.TESTS / "resources" / "c_output.bin"
    content = bytearray(golden.read_bytes())
    content[5] ^= 1
    golden.write_bytes(content)
    proof = android.prove(folder, record)
    assert proof.verdict == "fail" and "c: 1 wrong values" in proof.reasons[0], proof
    for path, text, word in (
        ("src/main/kotlin/dev/edgeae/c/Numbers.kt", "package ?\n", "error"),
        (f"{android._CPP}/jni.c", "int x = ;\n", "jni.c"),
    ):
        (folder / path).write_text(text)
        shutil.rmtree(folder / "host")
        proof = android.prove(folder, record)
        assert proof.verdict == "fail" and word in proof.reasons[0], proof


@pytest.mark.parametrize(
    ("module", "missing"),
    [
        (android, "kotlinc"),
        (android, "java"),
        (android, "javac"),
        (android_litert, "kotlinc"),
        (android_litert, "java"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(module, missing, models, tmp_path, monkeypatch):
    there = {name: f"/usr/bin/{name}" for name in ("kotlinc", "java", "javac") if name != missing}
    monkeypatch.setattr(shutil, "which", lambda name, *_: there.get(name))
    monkeypatch.setattr(jvm, "_said", lambda command, word: word)
    monkeypatch.setattr(jvm, "include_folders", lambda: [jvm.tool("javac", jvm._JDK)])
    monkeypatch.setattr(compiler, "version", lambda: "cc")
    with pytest.raises(RuntimeUnavailable, match=f"no command {missing}; apt install "):
        module.prove(tmp_path, read(models["dense"]))


@pytest.fixture
def probed(models, tmp_path, kotlin):
    """Values through the tiny int8 model's Kotlin classes on a JVM: file name → content."""
    folder = embedded(tmp_path, models["dense"], "android")
    place = tmp_path / "values"
    place.mkdir()
    (place / "values.bin").write_bytes(hard_values().astype("<f4").tobytes())
    (place / "pixels.bin").write_bytes(tiny.images(64).tobytes())
    includes = [f"-I{item}" for item in jvm.include_folders()]
    compiler.shared_library(
        sorted((folder / android._CPP).glob("*.c")),
        tmp_path / "libedgeae_tiny.so",
        ("-O2", "-fvisibility=hidden", *includes),
    )
    sources = [
        *(folder / "src/main").rglob("*.kt"),
        *(folder / gradle.TESTS).rglob("*.kt"),
        *(TESTS / "kotlin" / name for name in ("Probe.kt", "junit.kt")),
    ]
    resources = folder / gradle.TESTS / "resources"
    ran(sources, tmp_path, "ProbeKt", str(place), extra=resources)
    return {path.name: path.read_bytes() for path in place.iterdir()}


def ran(sources, place: Path, main: str, *arguments: str, extra, package: str = "tiny") -> str:
    """Compile Kotlin, run a `main` of a package with resources, and return what it prints."""
    archive = str(place / "probe.jar")
    command = ["kotlinc", *map(str, sources), "-include-runtime", "-d", archive]
    quick = {**os.environ, "JAVA_OPTS": jvm._QUICK}
    done = subprocess.run(command, capture_output=True, text=True, env=quick, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"/out/.*src/main/.* warning: ", done.stderr), done.stderr
    java = ["java", "-Xcheck:jni", f"-Djava.library.path={place}", "-cp", f"{archive}:{extra}"]
    done = subprocess.run(
        [*java, f"dev.edgeae.{package}.{main}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "WARNING" not in done.stdout  # what -Xcheck:jni finds
    return done.stdout


def hard_values() -> np.ndarray:
    """Rows of 16 real values: halves between two integers, limits, infinities, NaN and others."""
    scale, zero = tiny.QUANTIZED["image"]
    halves = (np.arange(-140, 140) + np.float32(0.5) - zero).astype(np.float32) * np.float32(scale)
    odd = np.float32([np.inf, -np.inf, np.nan, 0, -0.0, 1e30, -1e30, 1e-30])
    random = np.random.default_rng(2).uniform(-0.2, 1.2, 4000 - 8).astype(np.float32)
    return np.concatenate([halves, odd, random])[: 16 * 250].reshape(-1, 16)


@pytest.mark.system
def test_the_numbers_at_the_edges_are_edgeaes_own(probed):
    image, code = (Affine(*tiny.QUANTIZED[name], "int8") for name in ("image", "code"))
    values = hard_values()
    limits = {np.nan: -1e30, np.inf: 1e30, -np.inf: -1e30}  # `quantize` refuses these three
    known = np.nan_to_num(values, nan=limits[np.nan], posinf=1e30, neginf=-1e30)
    found = np.frombuffer(probed["quantized.bin"], np.int8)
    assert np.array_equal(found, quantize(known, image).reshape(-1))

    pixels = tiny.images(64).reshape(-1, 16)
    graphs = tiny.parts(tiny.int8_graph())
    stored = (pixels.astype(int) - 128).astype(np.int8)
    for part, name in (("encoder", "codes.bin"), ("autoencoder", "reconstructions.bin")):
        content = tiny.write(graphs[part])
        answers = tiny.run(content, stored, tiny.RESOLVERS["litert-reference"])
        assert np.array_equal(np.frombuffer(probed[name], np.int8), answers.reshape(-1)), part

    bits = np.array(probed["reals.txt"].split(), np.int32).view(np.float32)
    assert np.array_equal(bits, dequantize(np.arange(-128, 128).astype(np.int8), code))

    errors = answers.astype(int) - stored
    scores = np.array(probed["scores.txt"].split(), int).reshape(-1, 2)
    assert np.array_equal(scores[:, 0], (errors**2).sum(axis=1))
    assert np.array_equal(scores[:, 0], scores[:, 1])

    assert probed["refusal.txt"].decode() == "pixels: 15 values; allowed are 16"
    assert probed["threads.txt"] == b"0"


@pytest.fixture
def kinds(tiny_bundle, tmp_path, kotlin):
    """What the Kotlin classes of odd records return on a JVM: name → numbers; and what it said."""
    place, sources, resources = tmp_path / "values", [], []
    place.mkdir()
    (place / "values.bin").write_bytes(column_values().astype("<f4").tobytes())
    includes = [f"-I{item}" for item in jvm.include_folders()]
    flags = ("-O2", *compiler.STRICT, "-fvisibility=hidden")
    for name, record in odd_records(tiny_bundle, tmp_path).items():
        folder = tmp_path / "out" / name
        for path, content in android.form(record, Options()).files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        if name == "odd":
            whole = replace(faces(record)[2], compares_input=False)
            text = android._class(record, whole)
            (folder / "src/main/kotlin/dev/edgeae/odd/OddAutoencoder.kt").write_text(text)
        units = sorted((folder / android._CPP).glob("*.c"))
        library = tmp_path / f"libedgeae_{name}.so"
        compiler.shared_library(units, library, (*flags, *includes))
        sources += [*(folder / "src/main").rglob("*.kt"), *folder.rglob("Golden.kt")]
        resources.append(str(folder / gradle.TESTS / "resources"))
    sources.append(TESTS / "kotlin" / "KindsProbe.kt")
    extra = os.pathsep.join(resources)
    said = ran(sources, tmp_path, "KindsProbeKt", str(place), extra=extra, package="odd")
    return {
        path.stem: np.array(path.read_text().split(), np.int64) for path in place.glob("*.txt")
    }, said


def column_values() -> np.ndarray:
    """Rows of 16 values: four samples of four columns, some beyond the range of the integers."""
    real = np.random.default_rng(3).normal(0.5, 0.4, (50, 4, 4)).astype(np.float32)
    real[:5] *= 10
    mean, deviation = np.float32(COLUMNS.mean), np.float32(COLUMNS.deviation)
    return (real * deviation + mean).reshape(50, 16)


@pytest.mark.system
def test_kinds_that_are_rare_give_edgeaes_numbers_too(kinds):
    found, said = kinds
    assert said.splitlines() == ["flat: 0 of 3 parts", "bytes: 0 of 3 parts", "wide: 0 of 1 parts"]
    image, answer = (Affine(*tiny.QUANTIZED[name], "int8") for name in ("image", "reconstruction"))
    mean, deviation = np.float32(COLUMNS.mean), np.float32(COLUMNS.deviation)
    rows = column_values().reshape(-1, 4, 4)
    standard = (rows - mean) / deviation
    stored, expected = (quantize(standard, grid).reshape(-1, 16) for grid in (image, answer))
    assert np.array_equal(found["quantized"], stored.reshape(-1))
    assert np.array_equal(found["expected"], expected.reshape(-1))
    assert not np.array_equal(stored, expected)

    content = tiny.write(tiny.parts(tiny.int8_graph())["autoencoder"])
    answers = tiny.run(content, stored, tiny.RESOLVERS["litert-reference"])
    assert np.array_equal(found["answers"], answers.reshape(-1))
    real = dequantize(answers, answer).reshape(-1, 4, 4) * deviation + mean
    assert np.array_equal(found["reals"].astype(np.int32).view(np.float32), real.reshape(-1))
    errors = answers.astype(int) - expected
    assert np.array_equal(found["scores"], (errors**2).sum(axis=1))
    assert found["threshold"] == [THRESHOLD]
    assert np.array_equal(found["pixels"], np.arange(256)[::-1] - 128)

    bits = found["standardized"].astype(np.int32).view(np.float32)
    assert np.array_equal(bits, standard.reshape(-1))
    restored = rows * deviation + mean
    assert np.array_equal(found["restored"].astype(np.int32).view(np.float32), restored.reshape(-1))
    wide = np.maximum(quantize(rows, Affine(2**-9, 0, "int16")), 0)
    assert np.array_equal(found["wide"], wide.reshape(-1))


@pytest.mark.system
def test_classes_on_litert_compile_and_answer_against_stand_ins(models, tmp_path, kotlin):
    folder = embedded(tmp_path, models["float"], "android-litert")
    proof = android_litert.prove(folder, read(models["float"]))
    assert (proof.verdict, proof.reasons) == ("pass", ()), proof
    assert "did not run" in proof.note


@pytest.mark.system
def test_the_accelerator_that_runs_is_told_and_why_others_do_not(models, tmp_path, kotlin):
    folder = embedded(tmp_path, models["dense"], "android-litert")
    resources = folder / gradle.TESTS / "resources"
    sources = [
        *android_litert._STAND_INS.glob("*.kt"),
        *(folder / "src/main").rglob("*.kt"),
        *(folder / gradle.TESTS).rglob("*.kt"),
        *(TESTS / "kotlin" / name for name in ("LitertProbe.kt", "junit.kt", "instrumentation.kt")),
    ]
    said = ran(sources, tmp_path, "LitertProbeKt", extra=resources).splitlines()
    assert said == [
        "CPU []",
        "CPU [GPU: no GPU accelerator]",
        "tiny_encoder.tflite: no accelerator runs it: [GPU: no GPU accelerator]",
        "accelerators [NPU]: allowed are CPU and GPU",
        "accelerators []: allowed are CPU and GPU",
        "score 0, 4 where four values are a step off",
        "golden test ran",
    ]


@pytest.mark.system
def test_the_table_of_jni_is_the_jdks(tmp_path, kotlin):
    """The stand-in for `jni.h` has its functions where the JDK has them."""
    names = re.findall(r"\(\*(\w+)\)\(JNIEnv", (STAND_INS / "jni.h").read_text())
    names = [name for name in names if name != "JNIEnv"]
    names.append("GetDirectBufferAddress")
    lines = [f'printf("%zu ", offsetof(struct JNINativeInterface_, {name}));' for name in names]
    source = tmp_path / "offsets.c"
    source.write_text(
        "#include <jni.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        f"int main(void) {{ {' '.join(lines)} return 0; }}\n"
    )
    answers = []
    for places in ([STAND_INS], jvm.include_folders()):
        program = tmp_path / "offsets"
        flags = [f"-I{place}" for place in places]
        compiler.run([*compiler.host(), *flags, str(source), "-o", str(program)], "offsets")
        answers.append(compiler.run([str(program)], "offsets").split())
    assert answers[0] == answers[1] and len(set(answers[0])) == len(set(names)) >= 8
