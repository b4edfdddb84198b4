"""What the C files promise beside the answers: names, shared constants, score, self-test."""

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_models import CHEAP, Case, model, operator, reference

from edgeae.codegen import compiler, source
from edgeae.codegen.part import Part
from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, read

VALUES, CODE = 40, 6


def dense(rng, rows: int, columns: int, sigmoid: bool) -> Case:
    """One dense layer of int8, with a sigmoid or without."""
    options = schema.FullyConnectedOptionsT()
    weights = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
    tensors = [
        Tensor("x", (1, columns), "int8", None, (1 / 255,), (-128,)),
        Tensor("w", (rows, columns), "int8", weights, (0.01,), (0,)),
        Tensor("b", (rows,), "int32", rng.integers(-999, 999, rows).astype(np.int32)),
        Tensor("y", (1, rows), "int8", None, (0.1,), (3,)),
    ]
    operators = [operator("FULLY_CONNECTED", [0, 1, 2], [3], options, 4)]
    if sigmoid:
        tensors.append(Tensor("z", (1, rows), "int8", None, (1 / 256,), (-128,)))
        operators.append(operator("LOGISTIC", [3], [4], version=2))
    inputs = rng.integers(-128, 128, (8, 1, columns)).astype(np.int8)
    return Case(model(tensors, operators), inputs)


def part(name: str, case: Case, **more) -> Part:
    graph = read(case.content, name)
    return Part(name, program(graph, name), golden=(case.inputs, reference(case)), **more)


@pytest.fixture
def package(tmp_path):
    """An encoder and a decoder that share a constant, and the folder of their files."""
    rng = np.random.default_rng(0)
    encoder, decoder = dense(rng, CODE, VALUES, False), dense(rng, VALUES, CODE, True)
    image = read(encoder.content, "").tensors[0]
    parts = [
        part("m_encoder", encoder, contract=7, partner="m_decoder", pixels=np.arange(256) - 128),
        part("m_decoder", decoder, contract=7, partner="m_encoder", compared=image),
    ]
    twin = replace(parts[1], name="m_twin", contract=None, partner="")
    texts = source.files("m", [*parts, twin], ["a head", "*/ int injected;"])
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path, parts, texts


def library(folder: Path, name: str = "all.so") -> ctypes.CDLL:
    tests = ("M_ENCODER", "M_DECODER", "M_TWIN")
    flags = (*CHEAP, *(f"-D{test}_SELF_TEST" for test in tests))
    path = compiler.shared_library(sorted(folder.glob("*.c")), folder / name, flags)
    return ctypes.CDLL(str(path))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def test_constants_that_two_parts_use_are_in_the_file_once(package):
    _, _, texts = package
    weights = texts["m_weights.c"]
    assert weights.count("const int8_t m_weights_") == 1
    assert "m_decoder_weights" not in texts["m_decoder.c"]
    assert "static const int8_t m_encoder_weights" in texts["m_encoder.c"]


def test_the_same_parts_give_the_same_bytes_with_a_head_that_cannot_end_its_comment(package):
    _, parts, texts = package
    again = source.files("m", parts, ["a head", "*/ int injected;"])
    assert again["m_encoder.c"] == texts["m_encoder.c"]
    assert all(text.startswith("/* a head\n * * / int injected;\n */\n") for text in again.values())


def test_the_self_test_counts_wrong_values_and_reports_an_arena_one_byte_short(package):
    folder, parts, texts = package
    arena, output = np.zeros(64, np.uint8), np.zeros(VALUES, np.int8)
    call = library(folder).m_decoder_self_test
    size = texts["m_decoder.h"].split("M_DECODER_ARENA_BYTES ")[1].split()[0]
    assert call(pointer(arena), int(size), pointer(output)) == 0
    assert call(pointer(arena), int(size) - 1, pointer(output)) == -1
    golden = folder / "m_decoder_golden.h"
    before = golden.read_text()
    first = str(parts[1].golden[1].reshape(-1)[0])
    golden.write_text(before.replace(f"output[320] = {{\n  {first},", "output[320] = {\n  77,"))
    assert golden.read_text() != before
    call = library(folder, "changed.so").m_decoder_self_test
    assert call(pointer(arena), 64, pointer(output)) == 1


def test_the_score_is_the_sum_of_squared_integer_errors(package):
    folder, parts, texts = package
    size = int(texts["m_decoder.h"].split("SCORE_ARENA_BYTES ")[1].split()[0])
    assert size < VALUES  # no output buffer
    call = library(folder).m_decoder_score
    call.restype = ctypes.c_uint32
    rng, (codes, outputs) = np.random.default_rng(1), parts[1].golden
    for code, output in zip(codes, outputs, strict=True):
        image = rng.integers(-128, 128, VALUES).astype(np.int8)
        arena = np.full(size + 8, 0x5A, np.uint8)
        expected = int(((output.reshape(-1).astype(int) - image) ** 2).sum())
        assert call(pointer(arena), pointer(code), pointer(image)) == expected
        assert (arena[size:] == 0x5A).all()


@pytest.mark.parametrize("first", ["m_encoder", "m_decoder"])
def test_a_decoder_of_another_bundle_does_not_compile_with_the_encoder(package, first):
    folder, _, texts = package
    second = {"m_encoder": "m_decoder", "m_decoder": "m_encoder"}[first]
    (folder / "main.c").write_text(f'#include "{first}.h"\n#include "{second}.h"\n')
    command = [*compiler.host(), *CHEAP, "-c", str(folder / "main.c"), "-o", str(folder / "main.o")]
    subprocess.run(command, check=True)
    other = texts["m_decoder.h"].replace("0x00000007u", "0x00000008u")
    (folder / "m_decoder.h").write_text(other)
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode
    assert "are of two bundles: their codes differ" in failed.stderr


def test_pixels_become_the_input_by_a_subtraction_or_a_table(package, tmp_path):
    _, parts, texts = package
    assert "input[index] = (int8_t)(pixels[index] - 128);" in texts["m_encoder.h"]
    odd = replace(parts[0], pixels=np.arange(256) // 2 - 64)
    header = source.files("m", [odd])["m_encoder.h"]
    assert "input[index] = table[pixels[index]];" in header


@pytest.mark.parametrize("name", ["", "9lives", "a-b", "while", "é", "a b", "_x"])
def test_a_name_that_is_none_of_c_is_refused(package, name):
    _, parts, _ = package
    with pytest.raises(BadInput, match=r"--name .*: allowed are names of C"):
        source.files(name, parts)
