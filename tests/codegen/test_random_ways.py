"""At least 20,000 random models of one operator, or of a few, against the reference kernels.

A batch is one C file. The name of a test that fails has its seed: `random_batch` draws the same
cases again.
"""

import importlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from c_models import Case, check

from edgeae.codegen.compiler import STRICT

pytestmark = pytest.mark.ways

FOLDER = Path(__file__).parents[1] / "c_cases"
#: Modules of `c_cases` that hold an operator's `random_case`, not only parts of several ones.
OPERATORS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if path.stem != "operands" and "def random_case(" in path.read_text()
)
#: Layouts with kernels of their own, and the operators that these compute.
LAYOUTS = [
    *product(("dsp", "helium"), ("fully_connected", "conv_2d", "depthwise_conv_2d")),
    *product(("neon", "wasm", "x86"), ("fully_connected", "conv_2d", "transpose_conv")),
]
SIZE, BATCHES, LAYOUT_BATCHES = 45, 16, 10


def random_batch(name: str, seed: int) -> list[Case]:
    """Return the cases of one test."""
    draw = importlib.import_module(f"c_cases.{name}").random_case
    rng = np.random.default_rng([seed, *name.encode()])
    return [draw(rng) for _ in range(SIZE)]


def test_there_are_enough_of_them():
    assert SIZE * (BATCHES * len(OPERATORS) + LAYOUT_BATCHES * len(LAYOUTS)) >= 20_000


@pytest.mark.parametrize("seed", range(BATCHES))
@pytest.mark.parametrize("name", OPERATORS)
def test_portable_c_gives_the_same_bits(name, seed):
    check(random_batch(name, seed), flags=(*STRICT, "-O1" if seed % 4 == 0 else "-O0"))


@pytest.mark.parametrize("seed", range(100, 100 + LAYOUT_BATCHES))
@pytest.mark.parametrize(("layout", "name"), LAYOUTS)
def test_a_layout_gives_the_same_bits(layout, name, seed):
    """The C99 of the layout; its assembly is tested on the emulated core."""
    check(random_batch(name, seed), layout, (*STRICT, "-O1" if seed % 4 == 0 else "-O0"))
