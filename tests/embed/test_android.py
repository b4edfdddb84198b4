"""The forms `android` and `android-litert`: what they write, and what they refuse.

`test_android_builds.py` builds and runs it.
"""

import json
import re
from dataclasses import replace

import pytest
from ai_edge_litert import schema_py_generated as schema
from c_models import model, operator
from edgeae_cli import edgeae_warm
from embed_forms import contents, embed, embedded, int16_model, sources

from edgeae.embed.phones.face import faces
from edgeae.embed.record import read
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor

FORMS = ("android", "android-litert")
MAIN = "src/main/kotlin/dev/edgeae/tiny"


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def models(tiny_bundle, tmp_path):
    return sources(tiny_bundle, tmp_path)


@pytest.mark.parametrize("kind", ["dense", "float", "conv"])
def test_the_same_model_gives_the_same_bytes(form, kind, models, tmp_path):
    first = contents(embedded(tmp_path, models[kind], form))
    again = contents(embedded(tmp_path, models[kind], form, out="again"))
    assert first == again
    for path, content in first.items():
        assert str(tmp_path).encode() not in content, path


def test_the_module_has_what_gradle_looks_for(form, models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], form))
    assert {"build.gradle.kts", "settings.gradle.kts", "src/main/AndroidManifest.xml"} <= set(files)
    for part in ("Encoder", "Decoder", "Autoencoder"):
        text = files[f"{MAIN}/Tiny{part}.kt"].decode()
        assert text.startswith("package dev.edgeae.tiny\n") and f"class Tiny{part}" in text
    # nothing of the templates is left over
    for path, content in files.items():
        if path.endswith((".kt", ".kts", ".c", ".txt")):
            assert not re.search(r"\$[a-z_]+_[a-z]+\b", content.decode()), path


def test_golden_vectors_are_the_bundles_own(form, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    files = contents(embedded(tmp_path, bundle.root, form, "--golden", "5"))
    golden = bundle.golden("encoder")[:5]
    folder = "src/androidTest/resources/"
    assert files[f"{folder}tiny_encoder_output.bin"] == golden.tobytes()
    assert files[f"{folder}tiny_decoder_input.bin"] == golden.tobytes()
    assert len(files[f"{folder}tiny_encoder_input.bin"]) == 5 * 16


def test_assets_are_the_artifacts_to_the_byte(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    files = contents(embedded(tmp_path, bundle.root, "android-litert", "--name", "other"))
    for part in ("encoder", "decoder", "autoencoder"):
        asset = files[f"src/main/assets/other_{part}.tflite"]
        assert asset == bundle.read(bundle.artifact(part))


def test_kotlin_declares_the_functions_that_c_defines(models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], "android", "--name", "my_model"))
    declared = re.findall(
        r"external fun (\w+)\((.*)\)",
        files["src/main/kotlin/dev/edgeae/my_model/Native.kt"].decode(),
    )
    jni = files["src/main/cpp/jni.c"].decode()
    defined = re.findall(r"Java_dev_edgeae_my_1model_Native_(\w+)\(([^)]*)\)", jni)
    assert len(declared) == 8  # memory and run of three parts, score of two
    # C takes the environment and the class before Kotlin's own arguments
    counts = {name: len(text.split(", ")) if text else 0 for name, text in declared}
    assert {name: text.count(",") - 1 for name, text in defined} == counts


def test_the_library_fits_pages_of_16_kb(models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], "android"))
    cmake = files["src/main/cpp/CMakeLists.txt"].decode()
    assert "-Wl,-z,max-page-size=16384" in cmake and "C_VISIBILITY_PRESET hidden" in cmake
    units = {
        path.rpartition("/")[2] for path in files if re.fullmatch(r"src/main/cpp/\w+\.c", path)
    }
    assert set(re.findall(r"^\s+(\w+\.c)", cmake, re.MULTILINE)) == units
    loaded = re.search(r'loadLibrary\("(\w+)"\)', files[f"{MAIN}/Native.kt"].decode())
    assert f"add_library({loaded[1]} SHARED" in cmake


def test_litert_is_asked_for_one_accelerator_at_a_time(models, tmp_path):
    files = contents(embedded(tmp_path, models["dense"], "android-litert"))
    text = files[f"{MAIN}/Compiled.kt"].decode()
    (options,) = re.findall(r"CompiledModel\.Options\((.*?)\)", text)
    assert options == "choice"
    build = files["build.gradle.kts"].decode()
    assert 'noCompress += "tflite"' in build and "com.google.ai.edge.litert:litert:2." in build


def test_golden_vectors_on_litert_may_differ_by_the_recipes_lsb(tiny_bundle, tmp_path):
    path = "src/androidTest/kotlin/dev/edgeae/tiny/Golden.kt"
    bundle = tiny_bundle().root
    assert "error != 0" in contents(embedded(tmp_path, bundle, "android"))[path].decode()
    litert = contents(embedded(tmp_path, bundle, "android-litert", out="litert"))
    assert "error > 1 || error < -1" in litert[path].decode()


ODD = {
    "--package-version": "3.4.5",
    "--description": 'says "$name" \\ to <you> & */ /* all',
    "--license": "Apache-2.0",
    "--author": "Ann O'Hara <ann@example.org>",
    "--url": "https://example.org/a?b=1&c=$d",
}


def unquoted(text: str) -> str:
    """The value of a string of Kotlin."""
    assert re.search(r"(?<!\\)(\\\\)*\$", text) is None, "a string template"
    return re.sub(r'\\([\\"$])', r"\1", text)


def test_one_record_gives_every_manifest(form, models, tmp_path):
    words = [word for pair in ODD.items() for word in pair]
    files = contents(embedded(tmp_path, models["dense"], form, *words))
    build = files["build.gradle.kts"].decode()
    strings = {unquoted(found) for found in re.findall(r'[=(] ?"((?:[^"\\\n]|\\.)*)"\)?', build)}
    assert set(ODD.values()) <= strings
    readme = files["README.md"].decode()
    assert all(text in readme for text in ODD.values())
    recorded = json.loads(files["edgeae/record.json"])
    assert recorded["package"]["version"] == ODD["--package-version"]


@pytest.mark.parametrize("name", ["val", "fun", "object", "native", "package", "when", "in", "is"])
def test_a_word_of_kotlin_or_java_is_no_name(form, name, models, tmp_path):
    refused(embed(tmp_path, models["dense"], form, "--name", name), tmp_path, f"--name '{name}'")


@pytest.mark.parametrize("name", ["1st", "a b", "", "_hidden", "naïve", "a.b", "a-b"])
def test_what_is_no_identifier_is_no_name(form, name, models, tmp_path):
    refused(embed(tmp_path, models["dense"], form, "--name", name), tmp_path, "--name ")


def test_a_core_that_is_no_phone_is_refused(models, tmp_path):
    done = embed(tmp_path, models["dense"], "android", "--target", "cortex-m4")
    refused(done, tmp_path, "--target cortex-m4: android takes portable, aarch64, x86-64")
    done = embed(tmp_path, models["dense"], "android-litert", "--optimize", "size")
    refused(done, tmp_path, "--target and --optimize are for C")
    done = embed(tmp_path, models["dense"], "android-litert", "--max-flash", "1M")
    refused(done, tmp_path, "--max-flash and --max-ram: the form android-litert has no C")


def test_a_limit_that_a_part_misses_writes_nothing(models, tmp_path):
    done = embed(tmp_path, models["dense"], "android", "--max-flash", "100")
    assert done.returncode == 1 and "tiny_encoder: takes at least" in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_tensors_of_int16_are_none_of_litert(tmp_path):
    path = tmp_path / "wide.tflite"
    path.write_bytes(int16_model())
    refused(
        embed(tmp_path, path, "android-litert"), tmp_path, "of int16; LiteRT's Kotlin API takes"
    )


def test_edges_of_other_types_and_several_edges_are_refused(models, tmp_path):
    record = read(models["conv"])
    (part,) = record.parts
    graph = part.graph
    image = replace(graph.tensors[0], dtype="int32")
    several = replace(graph, outputs={"one": 3, "other": 6})
    for other, message in (
        (replace(graph, tensors=(image, *graph.tensors[1:])), "tensor 'image' of int32"),
        (several, "2 outputs; allowed is one"),
    ):
        with pytest.raises(BadInput, match=message):
            faces(replace(record, parts=(replace(part, graph=other),)))


def test_an_operator_that_c_lacks_is_refused_but_by_litert(tmp_path):
    path = tmp_path / "m.tflite"
    edges = [Tensor(name, (1, 4), "int8", None, (0.1,), (0,)) for name in "xy"]
    path.write_bytes(model(edges, [operator("ABS", [0], [1], schema.AbsOptionsT())]))
    refused(embed(tmp_path, path, "android"), tmp_path, "operator 0, ABS: ")
    files = contents(embedded(tmp_path, path, "android-litert"))
    assert files["src/main/assets/m.tflite"] == path.read_bytes()


def test_a_target_names_its_abi(models, tmp_path):
    folder = embedded(tmp_path, models["dense"], "android", "--target", "aarch64")
    assert 'abiFilters += "arm64-v8a"' in (folder / "build.gradle.kts").read_text()
    folder = embedded(tmp_path, models["dense"], "android", out="all")
    assert "abiFilters" not in (folder / "build.gradle.kts").read_text()


def test_a_changed_file_is_a_mismatch_and_never_built(form, models, tmp_path):
    folder = embedded(tmp_path, models["dense"], form)
    path = folder / MAIN / "TinyEncoder.kt"
    path.write_text(path.read_text().replace("class TinyEncoder", "class  TinyEncoder"))
    done = edgeae_warm("verify", str(folder), cwd=tmp_path)
    assert done.returncode == 4 and "TinyEncoder.kt: differs" in done.stderr, done.stderr


def refused(done, place, message: str) -> None:
    """Assert one clear line, exit code 2, and that nothing was written."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeae: ") and message in line, line
    assert not (place / "out").exists()
