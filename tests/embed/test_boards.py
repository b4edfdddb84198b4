"""The forms for boards: their bytes, their manifests, their refusals, and their own examples."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from ai_edge_litert import schema_py_generated as schema
from board_models import conv_autoencoder
from c_models import model, operator
from edgeae_cli import edgeae_here

from edgeae.codegen import compiler
from edgeae.codegen.emulation.cores import CORES
from edgeae.embed.folder import regenerate
from edgeae.embed.form import Options, Proof
from edgeae.embed.forms import cmsis_pack
from edgeae.embed.record import Package
from edgeae.embed.table import entry
from edgeae.embed.write import embed
from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.formats.tflite.graph import Tensor

FORMS = ("arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack", "cmake", "tflm")
#: Forms whose examples need no tool but a compiler.
COMPILED = tuple(form for form in FORMS if form != "cmake")
GENERATED = tuple(form for form in FORMS if form != "tflm")
HARD = "a \"quoted\" & <odd> \\ $HOME ${HOME} $(HOME) 100% # ; 'x' é"
PACKAGE = Package(
    "3.21.4", HARD, "MIT OR Apache-2.0", "Ada L. <ada@example.org>", "https://e.org/?a=1&b"
)


@pytest.fixture
def no_compiler(monkeypatch):
    """Let nothing be installed: what is written does not depend on it."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(compiler, "zig", tuple)


@pytest.fixture
def conv(tmp_path):
    path = tmp_path / "conv.tflite"
    path.write_bytes(conv_autoencoder())
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def prove(folder: Path, copy: Path, form: str) -> Proof:
    """Build a copy of a written folder and run its example, as `edgeae verify` does."""
    shutil.copytree(folder, copy)
    return entry(form).load().prove(copy, regenerate(folder).record)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_model_gives_the_same_bytes(form, tiny_bundle, conv, tmp_path, no_compiler):
    for name, path in (("dense", tiny_bundle().root), ("conv", conv)):
        written = []
        for place in (tmp_path / name / "one", tmp_path / name / "two" / "deeper"):
            embed(path, form, place, package=PACKAGE)
            written.append(files(place))
        assert written[0] == written[1]
        assert not [at for at, text in written[0].items() if str(tmp_path).encode() in text]


@pytest.fixture
def host_only(monkeypatch):
    """Let no emulator be there and no interpreter: examples run on this machine, with stand-ins."""
    monkeypatch.delenv("TFLM_ROOT", raising=False)
    monkeypatch.setattr(cmsis_pack, "is_here", lambda: False)


@pytest.mark.parametrize("form", COMPILED)
def test_the_example_prints_pass(form, tiny_bundle, tmp_path, host_only):
    embed(tiny_bundle().root, form, tmp_path / "out", golden="3")
    proof = prove(tmp_path / "out", tmp_path / "copy", form)
    assert (proof.verdict, proof.reasons) == ("pass", ())
    assert "did not run" in proof.note or "not on a board" in proof.note or "no tool" in proof.note


@pytest.mark.system
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["conv", "float32"])
def test_the_example_of_other_models_prints_pass(
    form, kind, tiny_bundle, conv, tmp_path, host_only
):
    path = conv if kind == "conv" else tiny_bundle(kind).root
    embed(path, form, tmp_path / "out", package=PACKAGE)
    assert prove(tmp_path / "out", tmp_path / "copy", form).verdict == "pass"


@pytest.mark.system
@pytest.mark.parametrize("kind", ["int8", "float32", "conv"])
def test_a_pack_runs_on_an_emulated_core(kind, tiny_bundle, conv, tmp_path):
    if not cmsis_pack.is_here():
        pytest.fail(f"the emulated core is missing: {CORES['cortex-m4'].apt}", pytrace=False)
    embed(conv if kind == "conv" else tiny_bundle(kind).root, "cmsis-pack", tmp_path / "out")
    proof = prove(tmp_path / "out", tmp_path / "copy", "cmsis-pack")
    assert proof.verdict == "pass", proof.reasons
    assert "arm-none-eabi-gcc" in proof.tools and "qemu-system-arm, cortex-m4" in proof.tools


@pytest.mark.system
def test_a_wrong_answer_on_the_emulated_core_fails(tiny_bundle, tmp_path):
    if not cmsis_pack.is_here():
        pytest.fail(f"the emulated core is missing: {CORES['cortex-m4'].apt}", pytrace=False)
    embed(tiny_bundle().root, "cmsis-pack", tmp_path / "out", golden="2")
    record = regenerate(tmp_path / "out").record
    (pack,) = (tmp_path / "out").glob("*.pack")
    with zipfile.ZipFile(pack) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(pack, "w") as archive:
        for name, content in held.items():
            first, count, rest = content.partition(b"golden_output[8] = {\n  ")
            changed = first + count + b"1" + rest if name.endswith("_encoder_golden.h") else content
            archive.writestr(name, changed)
    proof = entry("cmsis-pack").load().prove(tmp_path / "out", record)
    assert proof.verdict == "fail" and "encoder: 1 wrong values" in proof.reasons[0]


@pytest.mark.system
def test_the_example_of_the_cmake_package_prints_pass(tiny_bundle, tmp_path):
    embed(tiny_bundle().root, "cmake", tmp_path / "out", package=PACKAGE)
    proof = prove(tmp_path / "out", tmp_path / "copy", "cmake")
    assert (proof.verdict, proof.note) == ("pass", ""), proof.reasons
    assert proof.tools.startswith("cmake version")
    cache = (tmp_path / "copy" / "proved" / "package" / "CMakeCache.txt").read_text()
    assert f"CMAKE_PROJECT_DESCRIPTION:STATIC={HARD}\n" in cache
    assert "CMAKE_PROJECT_VERSION:STATIC=3.21.4\n" in cache
    version = tmp_path / "copy/proved/prefix"
    assert list(version.glob("lib*/**/cmake/tiny/tinyConfigVersion.cmake"))


@pytest.mark.parametrize(("form", "place"), [("zephyr", "src"), ("tflm", "src")])
def test_a_wrong_answer_fails_the_example(form, place, tiny_bundle, tmp_path, host_only):
    embed(tiny_bundle().root, form, tmp_path / "out", golden="2")
    record = regenerate(tmp_path / "out").record
    golden = tmp_path / "out" / place / "tiny_decoder_golden.h"
    first, rest = re.split(r"(?<=golden_output\[32\] = \{\n)", golden.read_text())
    value = re.search(r"-?\d+", rest)
    changed = (int(value[0]) + 100 + 128) % 256 - 128
    golden.write_text(first + rest.replace(value[0], str(changed), 1))
    proof = entry(form).load().prove(tmp_path / "out", record)
    assert proof.verdict == "fail"
    assert "tiny_decoder: 1 wrong values" in proof.reasons[0] or "FAIL" in proof.reasons[0]


def manifest(form: str, folder: Path) -> dict[str, str]:
    """Read a form's manifest by a reader of its format; what it says by the record's words."""
    match form:
        case "arduino":
            lines = (folder / "library.properties").read_text().splitlines()
            table = dict(line.split("=", 1) for line in lines)
            assert table["category"] == "Data Processing" and table["architectures"] == "*"
            assert table["maintainer"] == table["author"] and table["includes"] == "tiny.h"
            return {**table, "description": table["sentence"]}
        case "platformio":
            table = json.loads((folder / "library.json").read_text())
            (author,) = table["authors"]
            mail = f"{author['name']} <{author['email']}>"
            return {**table, "author": mail, "url": table["homepage"]}
        case "esp-idf":
            table = yaml.safe_load((folder / "idf_component.yml").read_text())
            return {**table, "name": "tiny", "author": table["maintainers"][0]}
        case "cmsis-pack":
            (path,) = folder.glob("*.pdsc")
            root = ElementTree.parse(path).getroot()
            return {
                "name": root.findtext("name"),
                "version": root.find("releases/release").get("version"),
                "description": root.findtext("description"),
                "license": root.find("licenseSets/licenseSet/license").get("spdx"),
                "author": root.findtext("supportContact"),
                "url": root.findtext("url"),
            }
    places = {"zephyr": "zephyr/module.yml", "cmake": "CMakeLists.txt", "tflm": "Makefile"}
    head = re.findall(r"^# (.*)$", (folder / places[form]).read_text(), re.MULTILINE)
    said = dict(line.split(": ", 1) for line in head if ": " in line)
    name, version = head[0].split(" ")
    return {
        "name": name,
        "version": version,
        "description": head[1],
        "license": said["SPDX-License-Identifier"],
        "author": said["Author"],
        "url": said["Page"],
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_manifest_says_what_the_record_says(form, tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, form, tmp_path / "out", package=PACKAGE)
    said = manifest(form, tmp_path / "out")
    assert {key: said[key] for key in ("name", "version", "description")} == {
        "name": "tiny",
        "version": PACKAGE.version,
        "description": HARD,
    }
    assert {key: said[key] for key in ("license", "author", "url")} == {
        "license": PACKAGE.license,
        "author": PACKAGE.author,
        "url": PACKAGE.url,
    }


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_given_is_not_invented(form, tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, form, tmp_path / "out")
    for path, content in files(tmp_path / "out").items():
        if path.startswith("edgeae/") or path.endswith(".pack"):
            continue
        text = content.decode()
        assert "SPDX" not in text and "license" not in text.lower(), path
        assert "Author:" not in text and "None" not in text, path
    assert "0.1.0" in (tmp_path / "out" / "README.md").read_text()


#: Fields that Arduino's specification asks for; none may be empty. `url` is the only one for which
#: there is no true answer if it is not given.
ARDUINO = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category")


@pytest.mark.parametrize("package", [PACKAGE, Package()])
def test_no_field_of_an_arduino_library_is_empty(package, tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, "arduino", tmp_path / "out", package=package)
    lines = (tmp_path / "out" / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines) and all(fields.values())
    assert fields.keys() - {"url", "license"} == {*ARDUINO, "architectures", "includes"}
    who = package.author or "unknown"
    assert (fields["author"], fields["maintainer"]) == (who, who)
    assert fields.get("url", "") == package.url and fields.get("license", "") == package.license


def test_a_pack_without_an_author_is_of_an_unknown_vendor(tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, "cmsis-pack", tmp_path / "out")
    text = (tmp_path / "out" / "unknown.tiny.pdsc").read_text()
    root = ElementTree.fromstring(text)
    assert root.findtext("vendor") == "unknown" and root.find("supportContact") is None
    assert root.findtext("url") == ""  # the specification allows it for a pack on no server


@pytest.mark.parametrize(
    ("form", "missing", "who"),
    [
        ("arduino", ("--author", "--url"), "Arduino's Library Manager"),
        ("cmsis-pack", ("--author", "--url"), "an index of CMSIS packs"),
        ("esp-idf", ("--license",), "the ESP Component Registry"),
        ("platformio", (), ""),
    ],
)
def test_what_a_publisher_asks_for_is_told(form, missing, who, tiny_bundle, tmp_path, no_compiler):
    root = tiny_bundle().root
    done = embed(root, form, tmp_path / "bare")
    assert (done.missing, done.publisher) == (missing, who)
    assert embed(root, form, tmp_path / "whole", package=PACKAGE).missing == ()
    told = edgeae_here("embed", str(root), "--as", form, "--out", "told", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    (line,) = told.stdout.splitlines()[-1:]
    expected = f"not given, but asked for by {who}: {', '.join(missing)}" if missing else "golden"
    assert line.startswith(expected)


def test_yaml_files_are_read_as_they_are_meant(tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, "zephyr", tmp_path / "out", name="no", package=PACKAGE)
    module = yaml.safe_load((tmp_path / "out/zephyr/module.yml").read_text())
    assert module["name"] == "no"  # not false
    assert module["samples"] == ["sample", "sample_serial"]
    for folder in module["samples"]:
        assert (tmp_path / "out" / folder / "CMakeLists.txt").is_file()
        sample = yaml.safe_load((tmp_path / "out" / folder / "sample.yaml").read_text())
        assert sample["sample"]["description"] == HARD and len(sample["tests"]) == 1
    assert (tmp_path / "out" / module["build"]["kconfig"]).is_file()


@pytest.mark.parametrize("form", ["zephyr", "esp-idf", "cmake"])
def test_the_build_names_every_source_and_no_other(form, tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, form, tmp_path / "out")
    text = (tmp_path / "out" / "CMakeLists.txt").read_text()
    written = files(tmp_path / "out")
    named = set(re.findall(r"(?:src|serial)/\w+\.c\b", text))
    assert named == {path for path in written if re.fullmatch(r"(src|serial)/.*\.c", path)}
    macros = {f"TINY_{part}_SELF_TEST" for part in ("ENCODER", "DECODER", "AUTOENCODER")}
    assert set(re.findall(r"TINY_\w+_SELF_TEST\b", text)) == macros


def test_kconfig_symbols_are_those_of_builds_and_samples(tiny_bundle, tmp_path, no_compiler):
    settings = {
        "zephyr": ("sample/prj.conf", "sample_serial/prj.conf"),
        "esp-idf": ("examples/self_test/sdkconfig.defaults", "examples/serial/sdkconfig.defaults"),
    }
    for form, places in settings.items():
        folder = tmp_path / form
        embed(tiny_bundle().root, form, folder)
        defined = set(re.findall(r"^config (\w+)", (folder / "Kconfig").read_text(), re.MULTILINE))
        for names in (("CMakeLists.txt",), places):
            used = "".join((folder / name).read_text() for name in names)
            named = {name for name in re.findall(r"CONFIG_(\w+)", used) if "EDGEAE" in name}
            assert named == defined


def test_a_pack_holds_the_files_that_its_description_names(tiny_bundle, tmp_path, no_compiler):
    embed(tiny_bundle().root, "cmsis-pack", tmp_path / "out", package=PACKAGE)
    written = files(tmp_path / "out")
    packed = written["Ada-L.tiny.3.21.4.pack"]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        held = {item.filename: archive.read(item) for item in archive.infolist()}
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    own = {path: text for path, text in written.items() if not path.startswith("edgeae/")}
    del own["Ada-L.tiny.3.21.4.pack"]
    assert held == own
    root = ElementTree.fromstring(held["Ada-L.tiny.pdsc"])
    named = [item.get("name") for item in root.iter("file")]
    assert len(named) == len(set(named))
    folders, plain = {name for name in named if name.endswith("/")}, set(named)
    assert folders == {"include/"} and plain - folders <= set(held)
    assert set(held) - plain == {"Ada-L.tiny.pdsc", "LICENSE.txt"}
    assert root.find("licenseSets/licenseSet/license").get("name") == "LICENSE.txt"


#: Elements of a package that PACK.xsd asks for, and what it asks of their text.
REQUIRED = {
    "name": r"[-_A-Za-z0-9]+",
    "vendor": r"[-_A-Za-z0-9]+",
    "description": r".+",
    "url": r".*",
}


@pytest.mark.parametrize("package", [PACKAGE, Package()])
def test_the_description_of_a_pack_has_what_the_schema_asks(package, conv, tmp_path, no_compiler):
    embed(conv, "cmsis-pack", tmp_path / "out", package=package)
    (path,) = (tmp_path / "out").glob("*.pdsc")
    root = ElementTree.parse(path).getroot()
    assert root.tag == "package" and re.fullmatch(r"\d+\.\d+(\.\d+)?", root.get("schemaVersion"))
    for tag, pattern in REQUIRED.items():
        (item,) = root.findall(tag)
        assert re.fullmatch(pattern, item.text or "")
    assert path.name == f"{root.findtext('vendor')}.{root.findtext('name')}.pdsc"
    for release in root.findall("releases/release"):
        assert re.fullmatch(r"\d+\.\d+\.\d+", release.get("version"))
    components = root.findall("components/component")
    assert [item.get("Csub") for item in components] == ["Model", "Self test"]
    for item in components:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+()'/\-\s.]{1,31}", item.get("Cgroup"))
        assert item.findtext("description") and item.get("Cversion") == package.version
        kinds = {file.get("category") for file in item.iter("file")}
        assert kinds <= {"doc", "include", "header", "source"}
    assert "#define CONV_SELF_TEST\n" in components[1].findtext("Pre_Include_Global_h")


@pytest.mark.parametrize(
    ("form", "name", "package", "message"),
    [
        ("arduino", "arduino_deep", Package(), "--name 'arduino_deep': .* begins with arduino"),
        ("arduino", "a" * 64, Package(), "at most 63 characters"),
        ("cmsis-pack", "a", Package(), "--name 'a': .* 2 to 32 characters"),
        ("cmsis-pack", "a" * 33, Package(), "2 to 32 characters"),
        ("cmsis-pack", "a", Package(author="山田"), "--author '山田': the vendor"),
        ("platformio", "a", Package(author="<a@b.org>"), "wants a name, as in name <mail>"),
        ("platformio", "a", Package(author="A <a@b>"), "'a@b' is no address of mail"),
        ("platformio", "a", Package(author="A" * 51), "51 characters; .* at most 50"),
        ("platformio", "a", Package(description="d" * 1001), "at most 1000"),
        ("platformio", "a", Package(url="http://localhost/x"), "wants the full name of a host"),
        *((form, "1st", Package(), "--name '1st': allowed are names of C") for form in FORMS),
        *((form, "class", Package(), "--name 'class': allowed are names of C") for form in FORMS),
    ],
)
def test_what_a_format_does_not_take_is_refused(
    form, name, package, message, tiny_bundle, tmp_path, no_compiler
):
    with pytest.raises(BadInput, match=message) as refused:
        embed(tiny_bundle().root, form, tmp_path / "out", name=name, package=package)
    assert "\n" not in str(refused.value) and not (tmp_path / "out").exists()


def one_operator(name: str, dtype: str = "int8", options=None) -> bytes:
    scale = ((0.1,), (0,)) if dtype != "float32" else ((), ())
    edges = [Tensor(edge, (1, 4), dtype, None, *scale) for edge in ("x", "y")]
    return model(edges, [operator(name, [0], [1], options)])


@pytest.mark.parametrize("form", GENERATED)
def test_an_operator_without_c_is_refused_by_name(form, tmp_path, no_compiler):
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator("ABS", options=schema.AbsOptionsT()))
    with pytest.raises(BadInput, match="operator 0, ABS: "):
        embed(path, form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def hybrid() -> bytes:
    """Float activations with int8 weights: dynamic range."""
    tensors = [
        Tensor("x", (1, 4), "float32"),
        Tensor("w", (4, 4), "int8", np.ones((4, 4), np.int8), (0.1,), (0,)),
        Tensor("y", (1, 4), "float32"),
    ]
    options = schema.FullyConnectedOptionsT()
    return model(tensors, [operator("FULLY_CONNECTED", [0, 1, -1], [2], options, 4)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (one_operator("GELU", "float32", schema.GeluOptionsT()), "0, GELU: .* no kernel for it"),
        (hybrid(), "operator 0, FULLY_CONNECTED: .* int8 weights with float32 activations"),
        (one_operator("RELU", "uint8"), "operator 0, RELU: .* no kernel for uint8"),
    ],
)
def test_what_the_interpreter_has_no_kernel_for_is_refused(content, message, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        embed(path, "tflm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_without_c_still_has_its_files_for_the_interpreter(tmp_path, monkeypatch):
    monkeypatch.delenv("TFLM_ROOT", raising=False)
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator("ABS", "float32", schema.AbsOptionsT()))
    embed(path, "tflm", tmp_path / "out")
    header = (tmp_path / "out/src/m_tflm.h").read_text()
    assert "MicroMutableOpResolver<1>" in header and "resolver.AddAbs()" in header
    with pytest.raises(RuntimeUnavailable, match=r"ABS.*set TFLM_ROOT"):
        prove(tmp_path / "out", tmp_path / "copy", "tflm")


def test_the_model_in_the_array_is_the_file(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    embed(bundle.root, "tflm", tmp_path / "out")
    text = (tmp_path / "out/src/tiny_encoder_model.cc").read_text()
    found = bytes(int(item, 16) for item in re.findall(r"0x[0-9a-f]{2}", text))
    assert found == (bundle.root / "encoder.tflite").read_bytes()
    assert "alignas(16)" in text


def test_a_root_without_the_library_is_refused(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("TFLM_ROOT", str(tmp_path))
    embed(tiny_bundle().root, "tflm", tmp_path / "out")
    with pytest.raises(BadInput, match=r"TFLM_ROOT=.*: holds no gen/\*/lib/libtensorflow"):
        prove(tmp_path / "out", tmp_path / "copy", "tflm")


def test_what_is_for_generated_c_is_refused_where_there_is_none(tiny_bundle, tmp_path):
    root, out = tiny_bundle().root, tmp_path / "out"
    with pytest.raises(BadInput, match="--max-flash and --max-ram: the form tflm has no C"):
        embed(root, "tflm", out, max_ram=10**6)
    with pytest.raises(BadInput, match="--target, --optimize: as tflm no C is generated"):
        embed(root, "tflm", out, options=Options("cortex-m4"))
    assert not out.exists()


def test_generated_c_beside_the_interpreter_has_no_footprint(tiny_bundle, tmp_path, no_compiler):
    bundle = tiny_bundle()
    assert embed(bundle.root, "tflm", tmp_path / "tflm").footprints == ()
    assert len(embed(bundle.root, "arduino", tmp_path / "arduino").footprints) == 3
