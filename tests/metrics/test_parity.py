import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeae.metrics.parity import Parity, breaches, compare, mse
from edgeae.metrics.quantization import Affine
from edgeae.metrics.tolerance import Tolerance

GRID = Affine(0.5, -10, "int8")
NONE = Tolerance(max_abs=0.0, share_over_1lsb=0.0, max_lsb=0)
EVERYTHING = Tolerance(max_abs=1e30, share_over_1lsb=1.0, max_lsb=255)


def test_floats_by_hand():
    parity = compare(np.array([[1.0, -3.5]]), np.array([[1.25, -4.0]]), None)
    assert parity == Parity(True, 0.5, 4.0, None, None)


def test_integers_by_hand():
    output, reference = (
        np.array([[0, 5, 127, -128]], np.int8),
        np.array([[1, 3, -128, -128]], np.int8),
    )
    # |Δ| = 1, 2, 255, 0; the reference's reals are 5.5, 6.5, −59, −59
    assert compare(output, reference, GRID) == Parity(True, 127.5, 59.0, 0.5, 255)


@given(arrays.arrays(np.int8, (3, 5)), arrays.arrays(np.int8, (3, 5)))
def test_integers_are_compared_as_python_would(output, reference):
    steps = [abs(int(a) - int(b)) for a, b in zip(output.flat, reference.flat, strict=True)]
    parity = compare(output, reference, GRID)
    assert parity.max_lsb == max(steps)
    assert parity.share_over_1lsb == sum(step > 1 for step in steps) / 15
    assert parity.max_abs == 0.5 * max(steps)


floats = st.floats(-1e3, 1e3, width=32)


@given(arrays.arrays(np.float32, 7, elements=floats), arrays.arrays(np.float32, 7, elements=floats))
def test_floats_are_compared_as_python_would(output, reference):
    parity = compare(output, reference, None)
    pairs = list(zip(map(float, output), map(float, reference), strict=True))
    assert parity.max_abs == max(abs(a - b) for a, b in pairs)
    assert parity.reference_max == max(abs(b) for _, b in pairs)
    assert not breaches(compare(output, output.copy(), None), NONE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["output", "reference", "both"])
def test_what_is_not_finite_never_passes(bad, where):
    good = np.zeros((2, 3), np.float32)
    spoilt = good.copy()
    spoilt[1, 1] = bad
    pair = {"output": (spoilt, good), "reference": (good, spoilt), "both": (spoilt, spoilt)}[where]
    assert breaches(compare(*pair, None), EVERYTHING)


@given(st.floats(0, 1e3), st.floats(0, 1e6))
def test_max_abs_passes_at_its_limit_and_not_above(max_abs, reference_max):
    tolerance = Tolerance(max_abs=max_abs)
    limit = max_abs * max(1.0, reference_max)
    assert not breaches(Parity(True, limit, reference_max, None, None), tolerance)
    above = math.nextafter(limit, math.inf)
    assert breaches(Parity(True, above, reference_max, None, None), tolerance)


def test_max_abs_is_absolute_for_small_outputs():
    assert breaches(Parity(True, 0.02, 0.001, None, None), Tolerance(max_abs=0.01))
    assert not breaches(Parity(True, 0.01, 0.001, None, None), Tolerance(max_abs=0.01))


@given(st.integers(0, 255), st.integers(0, 100))
def test_integer_figures_pass_at_their_limits_and_not_above(max_lsb, percent):
    tolerance = Tolerance(max_lsb=max_lsb, share_over_1lsb=percent / 100)
    at = Parity(True, 1e9, 0.0, percent / 100, max_lsb)
    assert breaches(at, tolerance) == []
    (line,) = breaches(Parity(True, 0.0, 0.0, percent / 100, max_lsb + 1), tolerance)
    assert line == f"max_lsb {max_lsb + 1} > {max_lsb}"
    more = math.nextafter(percent / 100, 2)
    (line,) = breaches(Parity(True, 0.0, 0.0, more, max_lsb), tolerance)
    assert line.startswith("share_over_1lsb")


def test_every_breach_is_told():
    assert len(breaches(Parity(True, 0.0, 0.0, 0.5, 9), NONE)) == 2


@pytest.mark.parametrize(
    "reference", [np.zeros((2, 4), np.int8), np.zeros((1, 3), np.int8), np.zeros((2, 3), np.uint8)]
)
def test_other_shapes_or_types_are_a_mistake_of_the_caller(reference):
    with pytest.raises(ValueError, match="the reference"):
        compare(np.zeros((2, 3), np.int8), reference, GRID)


def test_mse_by_hand():
    assert (
        mse(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[[0.0], [0.0]], [[0.0], [0.0]]])) == 3.5
    )


def test_mse_is_summed_in_float64():
    # in float32 the sum of 2²⁴ equal squares and more stops growing
    reconstruction = np.full((2000, 784), 0.1, np.float32)
    images = np.zeros((2000, 28, 28), np.float32)
    assert mse(reconstruction, images) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-12)


@given(arrays.arrays(np.float32, (4, 3), elements=floats), floats)
def test_mse_of_a_shift_is_its_square(images, shift):
    expected = sum((float(a) - (float(a) + shift)) ** 2 for a in images.flat) / 12
    assert mse(images.astype(np.float64) + shift, images) == pytest.approx(expected)


def test_mse_keeps_nan():
    assert math.isnan(mse(np.array([[np.nan]]), np.array([[0.0]])))
