"""`edgeae embed`: the folder compiles as it stands, and every failure is one line.

What the C computes is tested in `tests/codegen`; here are the command, its files and its refusals.
"""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import fake_emulation
import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from c_models import model, operator
from edgeae_cli import edgeae_warm
from tampering import corrupt

from edgeae.codegen import compiler, targets
from edgeae.codegen.footprint import Footprint
from edgeae.embed import c_sources
from edgeae.formats.tflite.graph import Tensor, write

PARTS = ("encoder", "decoder", "autoencoder")


@pytest.fixture
def bundle(tiny_bundle):
    return tiny_bundle().root


@pytest.fixture
def embed(tmp_path):
    """Run `edgeae embed ARTIFACT --as c --out TMP/out …`."""

    def run(artifact: Path, *arguments: str, form: str = "c", out: str = "out"):
        words = ("embed", str(artifact), "--as", form, "--out", str(tmp_path / out), *arguments)
        return edgeae_warm(*words, cwd=tmp_path)

    return run


@pytest.fixture
def no_compiler(monkeypatch):
    """Let nothing be installed: sources are written all the same."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(compiler, "zig", tuple)


def files(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def make(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make` in a folder, with the compiler that edgeae finds."""
    environment = {**os.environ, "CC": shlex.join(compiler.host()), "MAKEFLAGS": ""}
    return subprocess.run(
        ["make"], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )


def abs_model() -> bytes:
    """One ABS, which C does not take."""
    edges = [Tensor(name, (1, 4), "int8", None, (0.1,), (0,)) for name in ("x", "y")]
    return model(edges, [operator("ABS", [0], [1], schema.AbsOptionsT())])


def dynamic_range_model() -> bytes:
    """Float activations with int8 weights: LiteRT quantizes the activations in each call."""
    weights = np.ones((4, 4), np.int8)
    tensors = [
        Tensor("x", (1, 4), "float32"),
        Tensor("w", (4, 4), "int8", weights, (0.1,), (0,)),
        Tensor("y", (1, 4), "float32"),
    ]
    options = schema.FullyConnectedOptionsT()
    return model(tensors, [operator("FULLY_CONNECTED", [0, 1, -1], [2], options, 4)])


def refused(done, code: int, message: str, folder: Path) -> None:
    """Assert one clear line, the exit code, and that nothing was written."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeae: ") and re.search(message, line), line
    assert not (folder / "out").exists()


@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_the_folder_builds_as_it_stands_and_its_self_test_passes(
    flavour, tiny_bundle, embed, tmp_path
):
    done = embed(tiny_bundle(flavour).root)
    assert done.returncode == 0, done.stderr
    written = files(tmp_path / "out")
    assert {"main.c", "Makefile", "README.md", "tiny_encoder.h", "tiny_weights.c"} <= set(written)
    built = make(tmp_path / "out")
    assert built.returncode == 0, built.stderr
    told = [line for line in built.stdout.splitlines() if line.endswith("wrong values")]
    assert told == [f"tiny_{part}: 0 wrong values" for part in PARTS]
    assert "PASS" in built.stdout.splitlines()


def test_a_wrong_answer_fails_the_self_test(bundle, embed, tmp_path):
    embed(bundle)
    golden = tmp_path / "out" / "tiny_decoder_golden.h"
    first, rest = golden.read_text().split("golden_output[128] = {\n", 1)
    value = re.search(r"-?\d+", rest)
    golden.write_text(f"{first}golden_output[128] = {{\n{rest.replace(value[0], '77', 1)}")
    built = make(tmp_path / "out")
    assert built.returncode != 0 and "tiny_decoder: 1 wrong values" in built.stdout
    assert "PASS" not in built.stdout and "FAIL" in built.stdout


def test_a_bare_file_is_embedded_with_golden_vectors_of_the_reference(embed, tmp_path):
    path = tmp_path / "my model.tflite"
    path.write_bytes(write(tiny.int8_graph()))
    done = embed(path)
    assert done.returncode == 0, done.stderr
    assert "my_model.h" in files(tmp_path / "out")
    built = make(tmp_path / "out")
    assert "my_model: 0 wrong values" in built.stdout, built.stderr


def test_the_same_artifact_gives_the_same_bytes(bundle, embed, tmp_path, no_compiler):
    for out in ("out", "again"):
        assert embed(bundle, "--target", "cortex-m4", out=out).returncode == 0
    assert files(tmp_path / "out") == files(tmp_path / "again")
    for text in files(tmp_path / "out").values():
        assert str(tmp_path).encode() not in text
    head = (tmp_path / "out" / "tiny_encoder.c").read_text()[:600]
    assert "tiny/int8" in head and "cortex-m4" in head


@pytest.mark.parametrize("target", targets.TARGETS)
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_every_target_is_written(target, optimize, bundle, embed, tmp_path, no_compiler):
    done = embed(bundle, "--target", target, "--optimize", optimize, "--name", "other")
    assert done.returncode == 0, done.stderr
    assert "other_autoencoder.c" in files(tmp_path / "out")


def test_constants_and_arena_are_in_the_header_and_in_the_answer(bundle, embed, tmp_path):
    found = json.loads(embed(bundle, "--json").stdout)
    encoder = found["parts"][0]
    assert [item["part"] for item in found["parts"]] == [f"tiny_{part}" for part in PARTS]
    assert (encoder["input_bytes"], encoder["output_bytes"]) == (16, 4)
    assert encoder["code_bytes"] is encoder["stack_bytes"] is None and encoder["note"]
    header = (tmp_path / "out" / "tiny_encoder.h").read_text()
    assert f"#define TINY_ENCODER_CONSTANT_BYTES {encoder['constant_bytes']}\n" in header
    assert f"#define TINY_ENCODER_ARENA_BYTES {encoder['arena_bytes']}\n" in header
    text = embed(bundle).stdout
    assert f"tiny_encoder: constants {encoder['constant_bytes']:,} B, arena " in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (write(tiny.int8_graph())[:700], r"m\.tflite: "),
        (b"TFL3", r"m\.tflite: "),
        (b"", r"m\.tflite: "),
        (b"no model at all", r"m\.tflite: "),
        (tiny.onnx_model(), "a model in onnx; allowed are a bundle or a .tflite file"),
        (dynamic_range_model(), "operator 0, FULLY_CONNECTED: .*(dynamic|float)"),
        (abs_model(), "operator 0, ABS: .*CONV_2D.*TRANSPOSE_CONV"),
    ],
)
def test_a_file_that_is_not_taken_is_refused_in_a_line(content, message, embed, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    refused(embed(path), 2, message, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "1st"), "--name '1st': allowed are names of C"),
        (("--name", "int"), "--name 'int'"),
        (("--name", "a b"), "--name 'a b'"),
        (("--name", ""), "--name ''"),
        (("--target", "cortex-m5"), "unknown target 'cortex-m5'; did you mean 'cortex-m"),
        (("--optimize", "fast"), "--optimize 'fast': allowed are size, speed"),
        (("--max-flash", "lots"), "--max-flash lots: allowed is a number of bytes"),
        (("--max-ram", "0"), "--max-ram 0: allowed is"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_line(arguments, message, bundle, embed, tmp_path):
    refused(embed(bundle, *arguments), 2, message, tmp_path)


def test_what_is_no_model_or_no_folder_is_refused(bundle, embed, tmp_path):
    refused(embed(bundle, form="cc"), 2, "unknown form 'cc'; did you mean 'c'", tmp_path)
    refused(embed(tmp_path / "nothing"), 2, "nothing", tmp_path)
    (tmp_path / "empty").mkdir()
    refused(embed(tmp_path / "empty"), 2, "empty", tmp_path)
    (tmp_path / "file").write_text("mine")
    done = embed(bundle, out="file")
    assert done.returncode == 2 and "file: not a folder" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_changed_file_of_a_bundle_is_a_mismatch(bundle, embed, tmp_path):
    corrupt(bundle / "decoder.tflite")
    refused(embed(bundle), 4, r"decoder\.tflite: sha256", tmp_path)


def test_a_refusal_leaves_the_files_that_are_there(bundle, embed, tmp_path):
    embed(bundle)
    before = files(tmp_path / "out")
    assert embed(bundle, "--max-flash", "10").returncode == 1
    assert embed(bundle, "--name", "if").returncode == 2
    assert files(tmp_path / "out") == before


@pytest.fixture
def figures(monkeypatch):
    """Let the compiler's figures be these."""

    def set_to(**amounts: int) -> None:
        def measured(part: str, *_: object) -> Footprint:
            return Footprint(part, 1000, 12, 16, 4, **amounts, note="nobody measured")

        monkeypatch.setattr(c_sources, "measured", measured)

    return set_to


@pytest.mark.parametrize(
    ("amounts", "arguments", "code", "message"),
    [
        ({"code_bytes": 24}, ("--max-flash", "1k"), 0, ""),
        (
            {"code_bytes": 25},
            ("--max-flash", "1k"),
            1,
            "tiny_encoder: takes 1,025 bytes of flash .constants 1,000, code 25., 1 more than",
        ),
        ({"stack_bytes": 68}, ("--max-ram", "100"), 0, ""),
        (
            {"stack_bytes": 69},
            ("--max-ram", "100"),
            1,
            "101 bytes of ram .*stack 69.*--max-ram 100",
        ),
        ({}, ("--max-flash", "999"), 1, "takes at least 1,000 bytes of flash"),
        ({}, ("--max-flash", "1M"), 3, "its code, which is not measured: nobody measured"),
        ({}, ("--max-ram", "1M"), 3, "its stack, which is not measured: nobody measured"),
        # what is missed comes before what may be missed
        ({}, ("--max-flash", "1M", "--max-ram", "31"), 1, "at least 32 bytes of ram"),
    ],
)
def test_a_limit_is_kept_or_nothing_is_written(
    amounts, arguments, code, message, bundle, embed, figures, tmp_path
):
    figures(**amounts)
    done = embed(bundle, *arguments)
    if code == 0:
        assert done.returncode == 0, done.stderr
    else:
        refused(done, code, message, tmp_path)


def test_a_limit_without_a_compiler_names_the_one_to_install(bundle, embed, tmp_path, no_compiler):
    done = embed(bundle, "--target", "cortex-m4", "--max-flash", "64k")
    refused(done, 3, "not measured: arm-none-eabi-gcc is not installed; apt install gcc", tmp_path)
    done = embed(bundle, "--target", "cortex-m4", "--max-flash", "500")
    refused(done, 1, "takes at least [67]", tmp_path)


def test_a_compiler_that_fails_is_a_note_and_with_a_limit_no_answer(
    bundle, embed, tmp_path, monkeypatch
):
    tools = fake_emulation.install(
        tmp_path / "tools", refused="tiny_", complaint="x.c:1:2: error: a broken compiler"
    )
    monkeypatch.setenv("PATH", tools["PATH"])
    done = embed(bundle, "--target", "cortex-m4", "--max-ram", "64k")
    refused(done, 3, "its stack, which is not measured: .*error: a broken compiler", tmp_path)
    done = embed(bundle, "--target", "cortex-m4")
    assert done.returncode == 0 and "not measured: code and stack, " in done.stdout


@pytest.mark.system
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4", "cortex-m33", "cortex-m55", "rv32"])
def test_the_cross_compiler_tells_code_and_stack(target, bundle, embed):
    found = json.loads(embed(bundle, "--target", target, "--json").stdout)
    for part in found["parts"]:
        assert 100 < part["code_bytes"] < 2000 and 0 <= part["stack_bytes"] < 1000
        assert target in part["compiler"] and part["note"] == ""
    assert embed(bundle, "--target", target, "--max-flash", "4k", "--max-ram", "2k").returncode == 0
    assert embed(bundle, "--target", target, "--max-flash", "400").returncode == 1
