"""Damaged `.tflite` files: the generator refuses them, or writes C that compiles; quickly."""

import importlib
import random
import signal
from pathlib import Path

import numpy as np
import pytest
from c_models import CHEAP, model, operator
from fuzz import mutators

from edgeae.codegen import compiler
from edgeae.codegen.program import program
from edgeae.codegen.source import Source, source
from edgeae.codegen.targets import LAYOUTS
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, read

CASES = Path(__file__).parents[1] / "c_cases"
NAMES = sorted(
    path.stem
    for path in CASES.glob("*.py")
    if path.stem != "operands" and "def random_case(" in path.read_text()
)
#: Seconds after which a model is taken to hang the generator; a usual one takes milliseconds.
LONGEST = 20


def mutants(name: str, seed: int, count: int):
    """Mutants of a random model of an operator."""
    dice = random.Random(f"{name}/{seed}")
    draw = importlib.import_module(f"c_cases.{name}").random_case
    content = draw(np.random.default_rng([seed, *name.encode()])).content
    for _ in range(count):
        yield mutators.in_tflite(content, dice)


def made(content: bytes, name: str, layout: str) -> Source | None:
    """The C of a file; None if it is refused in one line."""
    try:
        return source(program(read(content, "x.tflite"), "x.tflite", layout), name)
    except BadInput as error:
        assert str(error).startswith("x.tflite: ") and "\n" not in str(error)
        return None


def too_long(*_):
    raise AssertionError(f"the generator took more than {LONGEST} s")


@pytest.fixture
def limited():
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST * 5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def check(names, seeds, count, tmp_path) -> None:
    texts = []
    for name in names:
        for seed in seeds:
            layout = ("portable", *LAYOUTS)[seed % (1 + len(LAYOUTS))]
            for content in mutants(name, seed, count):
                text = made(content, f"mutant_{len(texts)}", layout)
                texts += [text] if text is not None else []
    lines = []
    for text in texts:
        (tmp_path / f"{text.name}.h").write_text(text.header)
        (tmp_path / f"{text.name}.c").write_text(text.code)
        lines.append(f'#include "{text.name}.c"')
    (tmp_path / "all.c").write_text("\n".join(lines))
    flags = (*CHEAP, "-c", "-I", str(tmp_path), "-o", str(tmp_path / "all.o"))
    compiler.run([*compiler.host(), *flags, str(tmp_path / "all.c")], "the mutants")


@pytest.mark.parametrize("part", range(4))
def test_a_mutant_is_refused_or_compiles(part, tmp_path, limited):
    check(NAMES[part::4], [part], 8, tmp_path)


@pytest.mark.parametrize(
    "order", [np.array([1.0, 0.0], np.float32), np.array([1 << 40, 0], np.int64)]
)
def test_axes_that_are_no_integers_of_32_bits_are_refused(order):
    tensors = [
        Tensor("x", (2, 3), "float32"),
        Tensor("order", (2,), order.dtype.name, order),
        Tensor("y", (3, 2), "float32"),
    ]
    content = model(tensors, [operator("TRANSPOSE", [0, 1], [2])])
    with pytest.raises(
        BadInput, match="operator 0, TRANSPOSE: not supported in C: The permutation"
    ):
        program(read(content, "x.tflite"), "x.tflite")


@pytest.mark.ways
@pytest.mark.parametrize("seed", range(1, 13))
@pytest.mark.parametrize("name", NAMES)
def test_many_mutants_are_refused_or_compile(name, seed, tmp_path, limited):
    check([name], [seed], 40, tmp_path)
