"""The reference kernels' outputs, computed by them or, for long runs, by C that was compared."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from edgeae.errors import NotMeasured, RuntimeUnavailable
from edgeae.runtimes import reference
from edgeae.runtimes.inference import prepare
from edgeae.runtimes.reference import run_as_reference, run_reference

PROGRAM = tiny.program()
INPUTS = prepare(PROGRAM.artifact, tiny.images(150).astype(np.float32) / np.float32(255))
EXPECTED = tiny.run(PROGRAM.content, INPUTS, tiny.RESOLVERS["litert-reference"])


@pytest.fixture
def long(monkeypatch):
    monkeypatch.setattr(reference, "_LONG", 1)


def fail(error):
    def run(*arguments: object) -> None:
        raise error

    return run


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_several_sessions_give_the_outputs_of_one(cores, monkeypatch):
    monkeypatch.setattr(reference, "cores", lambda: cores)
    np.testing.assert_array_equal(run_reference(PROGRAM, INPUTS), EXPECTED)
    np.testing.assert_array_equal(run_reference(PROGRAM, INPUTS[:3]), EXPECTED[:3])


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("known", [None, (INPUTS[90:], EXPECTED[90:])])
def test_a_long_run_is_computed_by_c(known, monkeypatch):
    asked = []
    real = reference.run_reference
    monkeypatch.setattr(
        reference, "run_reference", lambda *given: asked.append(len(given[1])) or real(*given)
    )
    outputs = run_as_reference(PROGRAM, INPUTS, known, fail(AssertionError("nothing to say")))
    np.testing.assert_array_equal(outputs, EXPECTED)
    assert asked == ([64] if known is None else [])


def test_a_short_run_compiles_nothing(monkeypatch):
    monkeypatch.setattr(reference, "_by_c", fail(AssertionError("compiled")))
    np.testing.assert_array_equal(run_as_reference(PROGRAM, INPUTS), EXPECTED)


@pytest.mark.usefixtures("long")
def test_floats_are_computed_by_the_reference_kernels(monkeypatch):
    monkeypatch.setattr(reference, "_by_c", fail(AssertionError("C rounds floats otherwise")))
    program = tiny.program(flavour="float32")
    assert run_as_reference(
        program, prepare(program.artifact, tiny.images(8).astype(np.float32))
    ).shape == (8, *program.artifact.output.values)


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize(
    "error", [RuntimeUnavailable("no C compiler", "apt install gcc"), NotMeasured("no operator X")]
)
def test_without_c_the_same_outputs_take_longer_and_a_line_says_why(error, monkeypatch):
    monkeypatch.setattr(reference, "_by_c", fail(error))
    told: list[str] = []
    np.testing.assert_array_equal(run_as_reference(PROGRAM, INPUTS, say=told.append), EXPECTED)
    (line,) = told
    assert "the reference kernels run, which takes longer" in line and str(error) in line


@pytest.mark.usefixtures("long")
def test_c_that_answers_otherwise_is_not_believed():
    wrong = EXPECTED[:5].copy()
    wrong[3, 0] ^= 1  # as if the C, not the kernels, were off by one there
    told: list[str] = []
    outputs = run_as_reference(PROGRAM, INPUTS, (INPUTS[:5], wrong), told.append)
    np.testing.assert_array_equal(outputs, EXPECTED)
    assert "an error of edgeae" in told[0]


def test_the_limit_counts_multiply_accumulates_of_all_inputs(monkeypatch):
    macs = PROGRAM.artifact.macs * len(INPUTS)
    asked: list[int] = []
    monkeypatch.setattr(reference, "_by_c", lambda *given: asked.append(1) or EXPECTED)
    for limit in (macs + 1, macs):
        monkeypatch.setattr(reference, "_LONG", limit)
        run_as_reference(replace(PROGRAM), INPUTS)
    assert len(asked) == 1
