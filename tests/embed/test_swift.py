"""The form `swift`: what it writes and refuses, and the objects of its C for an ARM Mac."""

import os
import re
import subprocess

import macho_file
import pytest
from embed_forms import contents, embed, embedded, odd_records, sources

from edgeae.codegen import compiler
from edgeae.embed.form import Options
from edgeae.embed.forms import swift
from edgeae.embed.phones.face import faces
from edgeae.embed.record import read
from edgeae.errors import RuntimeUnavailable

PARTS = ("encoder", "decoder", "autoencoder")


@pytest.fixture
def models(tiny_bundle, tmp_path):
    return sources(tiny_bundle, tmp_path)


@pytest.mark.parametrize("kind", ["dense", "float", "conv"])
def test_the_same_model_gives_the_same_bytes(kind, models, tmp_path):
    first = contents(embedded(tmp_path, models[kind], "swift"))
    assert first == contents(embedded(tmp_path, models[kind], "swift", out="again"))
    for path, content in first.items():
        assert str(tmp_path).encode() not in content, path


def test_the_package_names_its_targets(models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], "swift"))
    manifest = files["Package.swift"].decode()
    assert manifest.startswith("// swift-tools-version:5.5\n")
    for target in re.findall(r'[tT]arget\(\s*name: "(\w+)"', manifest):
        root = "Tests" if target.endswith("Tests") else "Sources"
        assert any(path.startswith(f"{root}/{target}/") for path in files), target
    headers = re.findall(r'header "(\S+)"', files[f"{C}include/module.modulemap"].decode())
    assert headers == [f"tiny_{part}.h" for part in PARTS]
    assert {f"{C}include/{name}" for name in headers} <= set(files)
    assert f"{C}tiny_weights.c" in files


C = "Sources/CEdgeaeTiny/"


def test_swift_calls_functions_that_the_header_has(models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], "swift"))
    for part in PARTS:
        text = files[f"Sources/EdgeaeTiny/Tiny{part.capitalize()}.swift"].decode()
        called = set(re.findall(rf"\btiny_{part}_\w+(?=\()", text))
        defined = set(re.findall(r"(\w+)\(", files[f"{C}include/tiny_{part}.h"].decode()))
        assert f"tiny_{part}_run" in called and called <= defined


def test_swift_calls_functions_that_the_header_of_a_rare_kind_has(tiny_bundle, tmp_path):
    for name, record in odd_records(tiny_bundle, tmp_path).items():
        files = swift.form(record, Options()).files
        module = swift.module_name(record)
        for face in faces(record):
            text = files[f"Sources/{module}/{face.class_name}.swift"]
            header = files[f"Sources/C{module}/include/{face.name}.h"]
            called = set(re.findall(rf"\b{face.name}_\w+(?=\()", text))
            assert called <= set(re.findall(r"(\w+)\(", header)), name
        if name == "odd":
            assert "scoreThreshold: UInt32 = 700\n" in files[f"Sources/{module}/OddDecoder.swift"]


def test_golden_vectors_are_the_bundles_own(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    files = contents(embedded(tmp_path, bundle.root, "swift"))
    found = files["Tests/EdgeaeTinyTests/golden/tiny_autoencoder_output.bin"]
    assert found == bundle.golden("autoencoder")[:8].tobytes()


@pytest.mark.parametrize("name", ["func", "let", "self", "Any", "protocol", "1st", "a b", "_x"])
def test_what_is_no_identifier_of_swift_is_no_name(name, models, tmp_path):
    done = embed(tmp_path, models["dense"], "swift", "--name", name)
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeae: --name '{name}': ")


def test_a_core_that_no_apple_device_has_is_refused(models, tmp_path):
    done = embed(tmp_path, models["dense"], "swift", "--target", "cortex-m4")
    assert done.returncode == 2
    assert done.stderr == "edgeae: --target cortex-m4: swift takes portable, aarch64\n"


def test_what_the_package_is_stands_in_its_manifest(models, tmp_path):
    words = ("--package-version", "3.4.5", "--author", "Ann <a@b.c>", "--license", "MIT")
    folder = embedded(tmp_path, models["dense"], "swift", *words, "--description", "sees // all")
    for name in ("Package.swift", "README.md"):
        text = (folder / name).read_text()
        for word in (*words[1::2], "sees // all"):
            assert word in text, name


def objects(folder):
    """The objects of the C for an ARM Mac, by the name of their source."""
    found = {}
    for source in sorted(folder.glob("Sources/C*/*.c")):
        target = source.with_suffix(".o")
        done = subprocess.run(
            swift.object_command(source, target), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found[source.stem] = macho_file.read(target)
    return found


@pytest.mark.system
@pytest.mark.parametrize("kind", ["dense", "float", "conv"])
def test_objects_for_an_arm_mac_have_the_symbols_that_swift_imports(kind, models, tmp_path):
    found = objects(embedded(tmp_path, models[kind], "swift"))
    every = set().union(*(item.exported for item in found.values()))
    for name, item in found.items():
        assert (item.cpu, item.kind) == (macho_file.ARM64, macho_file.OBJECT), name
        if not name.endswith("_weights"):
            assert f"{name}_run" in item.exported
        known = {"memcpy", "memset", "memmove", "bzero", "expf", "tanhf"}
        assert item.imported - every <= known, name


@pytest.mark.system
def test_the_proof_says_what_is_missing_and_that_the_c_compiles(models, tmp_path, monkeypatch):
    folder = embedded(tmp_path, models["dense"], "swift")
    monkeypatch.setattr(swift.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeUnavailable, match=r"no command swift.*compiles for .*swift\.org"):
        swift.prove(folder, read(models["dense"]))
    broken = folder / C / "tiny_decoder.c"
    broken.write_text(broken.read_text() + "int x = ;\n")
    proof = swift.prove(folder, read(models["dense"]))
    assert proof.verdict == "fail" and "tiny_decoder.c" in proof.reasons[0]


@pytest.mark.parametrize(
    ("ending", "verdict", "reason"),
    [
        ("exit 0", "pass", ""),
        ("echo 'error: XCTAssertEqual failed' >&2; exit 1", "fail", "error: XCT"),
    ],
)
def test_a_toolchain_that_is_here_tests_the_package(
    ending, verdict, reason, models, tmp_path, monkeypatch
):
    folder = embedded(tmp_path, models["dense"], "swift")
    command = tmp_path / "bin" / "swift"
    command.parent.mkdir()
    said = 'if [ "$1" = --version ]; then echo "Swift version 6.2"; exit 0; fi'
    asked = 'test "$*" = test && test -f Package.swift || exit 7'
    command.write_text(f"#!/bin/sh\n{said}\n{asked}\n{ending}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(compiler, "zig", tuple)
    proof = swift.prove(folder, read(models["dense"]))
    assert (proof.verdict, proof.tools) == (verdict, "Swift version 6.2"), proof
    assert reason in "".join(proof.reasons)
