"""MNIST's 10,000 test images through the C of five families: the bits of the reference kernels.

`EDGEAE_MNIST` has to be set. Models are trained for one epoch, and their recipes fine-tune for some
steps only: the bits do not depend on how good the weights are. The first test of a family trains
it, and that of a recipe exports it, so `-k` runs a part alone: `-k "every_kernel and conv-int8"`.
"""

import ctypes
import dataclasses
import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from c_files import case
from c_models import CHEAP, Case, check, generated, reference
from edgeae_cli import edgeae
from sklearn.metrics import roc_auc_score
from x86_variants import COMPILED, VARIANTS, runs

from edgeae import data
from edgeae.codegen import compiler, source
from edgeae.codegen.part import Part
from edgeae.codegen.program import program
from edgeae.codegen.score import score_arena_bytes
from edgeae.formats.tflite.graph import read

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

FAMILIES = ("simple", "deep", "conv", "mobile", "variational")
#: Recipe → the steps that fine-tune.
INTEGERS: dict[str, tuple[str, ...]] = {
    "int8": (),
    "int8-per-tensor": (),
    "int16x8": (),
    "p80-c16-pcqat-int8": ("prune", "cluster", "qat"),
}
FLOATS: dict[str, tuple[str, ...]] = {
    "float32": (),
    "float16": (),
    "p56-c64-float16": ("prune", "cluster"),
    "p74-c32-float16": ("prune", "cluster"),
}
PARTS = ("encoder", "decoder", "autoencoder")
LEFT_OUT = 9
CORES = ("c-cortex-m0", "c-cortex-m4", "c-cortex-m33", "c-cortex-m55", "c-rv32")
#: Layout, flags, form of the weights, and images. The kernels of other cores run here as plain C.
KERNELS = [
    *(("x86", VARIANTS[item][1], "speed", 10_000) for item in COMPILED if runs(item)),
    ("portable", (), "speed", 10_000),
    ("portable", (), "size", 10_000),
    *((layout, (), "speed", 500) for layout in ("dsp", "helium", "neon")),
]


def run(place: Path, *arguments: str) -> None:
    done = edgeae(*arguments, cwd=place, timeout=3000)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    assert os.environ.get("EDGEAE_MNIST"), (
        "set EDGEAE_MNIST to mnist.npz or the folder of IDX files"
    )
    return tmp_path_factory.mktemp("mnist-c")


@cache
def trained(place: Path, family: str) -> None:
    run(place, "train", family, "--data", "mnist", "--epochs", "1")


@cache
def bundle(place: Path, family: str, recipe: str) -> Path:
    """The bundle of a recipe; what `--set` changed is part of its folder's name."""
    trained(place, family)
    steps = (INTEGERS | FLOATS)[recipe]
    run(place, "export", family, "-r", recipe, *(f"--set={step}.steps=128" for step in steps))
    folders = (place / "build" / family).glob(f"{recipe}*" if steps else recipe)
    (folder,) = (item for item in folders if item.is_dir())
    return folder


def rows(place: Path, folder: Path, *runtimes: str) -> list[dict]:
    named = [f"--runtime={name}" for name in runtimes]
    done = edgeae("verify", str(folder), *named, cwd=place, timeout=3000)
    # what is trained so briefly may lose more than its recipe allows, and not fit into a board
    assert done.returncode in (0, 1, 3), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads((folder / "verify.json").read_text())["rows"]


@pytest.mark.parametrize("recipe", INTEGERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_integers_have_the_bits_of_the_reference_kernels(family, recipe, place):
    found = rows(place, bundle(place, family, recipe), "c-host")
    assert {row["part"] for row in found} == set(PARTS)
    for row in found:
        assert (row["n"], row["max_lsb"], row["reference"]) == (10_000, 0, "litert-reference")


@pytest.mark.parametrize("recipe", FLOATS)
@pytest.mark.parametrize("family", FAMILIES)
def test_floats_are_within_their_limit(family, recipe, place):
    images = data.load("mnist").images("test", (28, 28)).reshape(10_000, -1)
    cases = models(bundle(place, family, recipe), images)
    for layout in ("portable", "x86"):
        check(cases, layout, (*CHEAP, "-O2", "-ffp-contract=off"))


@pytest.mark.parametrize("recipe", INTEGERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_emulated_cores_have_the_bits_of_the_reference_kernels(family, recipe, place):
    for row in rows(place, bundle(place, family, recipe), *CORES):
        where = row["runtime"], row["part"]
        if row["verdict"] == "unavailable":  # 256 kB of flash and 16 kB of RAM on this board
            (reason,) = row["reasons"]
            assert where[0] == "c-cortex-m0" and "does not fit" in reason, row
        else:
            assert (row["n"], row["max_lsb"]) == (200, 0), where


@pytest.mark.parametrize("recipe", INTEGERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_kernel_that_runs_here_has_the_bits_of_the_reference_kernels(family, recipe, place):
    images = data.load("mnist").images("test", (28, 28)).reshape(10_000, -1)
    cases = models(bundle(place, family, recipe), images)
    expected = [cases[1].inputs, *map(reference, cases[1:])]
    for layout, flags, optimize, number in KERNELS:
        some = [dataclasses.replace(item, inputs=item.inputs[:number]) for item in cases]
        found = generated(some, layout, (*CHEAP, "-O2", *flags), optimize)
        for part, answers, wanted in zip(PARTS, found, expected, strict=True):
            assert np.array_equal(answers.ravel(), wanted[:number].ravel()), (
                layout,
                flags,
                optimize,
                part,
            )


def test_the_score_finds_a_digit_that_training_left_out(place):
    mnist = data.load("mnist")
    kept = mnist.train_labels != LEFT_OUT
    np.savez(
        place / "nine.npz",
        x_train=mnist.train[kept],
        y_train=mnist.train_labels[kept],
        x_test=mnist.test,
        y_test=mnist.test_labels,
    )
    run(place, "train", "deep", "--data", "nine.npz", "--name", "nine", "--epochs", "8")
    run(place, "export", "nine", "-r", "float32", "-r", "int8")
    images = mnist.images("test", (28, 28)).reshape(10_000, -1)
    whole = quantized(place / "build/nine/int8", "autoencoder", images)
    outputs = reference(whole).reshape(10_000, -1)
    errors = outputs.astype(np.int64) - whole.inputs.reshape(10_000, -1)
    found = scores(whole, place)
    assert np.array_equal(found, (errors**2).sum(axis=1))
    exported = (place / "build/nine/float32/autoencoder.tflite").read_bytes()
    floats = reference(Case(exported, images.reshape(10_000, *whole.inputs.shape[1:])))
    exact = ((floats.reshape(10_000, -1) - images) ** 2).sum(axis=1)
    odd = mnist.test_labels == LEFT_OUT
    assert abs(roc_auc_score(odd, found) - roc_auc_score(odd, exact)) <= 0.005


def scores(whole: Case, folder: Path) -> np.ndarray:
    """What `NAME_score` of the generated C answers for each input."""
    graph = read(whole.content, "whole")
    found = program(graph, "whole")
    image = graph.tensors[next(iter(graph.inputs.values()))]
    for name, text in source.files("m", [Part("m", found, compared=image)]).items():
        (folder / name).write_text(text)
    path = compiler.shared_library(sorted(folder.glob("m*.c")), folder / "m.so", (*CHEAP, "-O2"))
    call = ctypes.CDLL(str(path)).m_score
    call.restype = ctypes.c_uint32
    arena = np.zeros(score_arena_bytes(found), np.uint8)
    where = [item.ctypes.data_as(ctypes.c_void_p) for item in (arena, *whole.inputs)]
    return np.array([call(where[0], item, item) for item in where[1:]], np.int64)


def models(folder: Path, images: np.ndarray) -> list[Case]:
    """Encoder, decoder and autoencoder, on images and on the codes that the encoder gives them."""
    encoder = quantized(folder, "encoder", images)
    decoder = quantized(folder, "decoder", images[:0])
    codes = reference(encoder).reshape(len(images), *decoder.inputs.shape[1:])
    return [
        encoder,
        dataclasses.replace(decoder, inputs=codes),
        quantized(folder, "autoencoder", images),
    ]


def quantized(folder: Path, part: str, values: np.ndarray) -> Case:
    """The model of a part, and values on the grid of its input."""
    content = (folder / f"{part}.tflite").read_bytes()
    graph = read(content, part)
    source = graph.tensors[next(iter(graph.inputs.values()))]
    inputs = values.astype(np.float32)
    if source.dtype != "float32":
        ends = np.iinfo(source.dtype)
        steps = np.round(values / source.scales[0]) + source.zero_points[0]
        inputs = np.clip(steps, ends.min, ends.max).astype(source.dtype)
    return dataclasses.replace(
        case(content, part), inputs=inputs.reshape(len(values), *source.shape)
    )
