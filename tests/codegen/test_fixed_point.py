import numpy as np

from edgeae.codegen.elementwise import half_away
from edgeae.codegen.fixed_point import exponential, high_product, rescale_twice, shift_rounded


def test_halves():
    assert half_away(np.array([0.5, -0.5, 1.5, -1.5, 0.49, -2.4])).tolist() == [1, -1, 2, -2, 0, -2]
    assert shift_rounded(np.array([1, -1, 3, -3, 5]), 1).tolist() == [1, -1, 2, -2, 3]
    assert high_product(np.array([1, -1, 3, -3]), 1 << 30).tolist() == [1, 0, 2, -1]


def test_a_multiplier_above_and_below_1():
    assert rescale_twice(np.array([3, -3]), 1 << 30, 3).tolist() == [12, -12]
    assert rescale_twice(np.array([100, -100]), 1 << 30, -2).tolist() == [13, -13]


def test_the_exponential():
    real = -np.linspace(0, 31, 5000)
    steps = np.round(real * 2**26).astype(np.int64)
    error = exponential(steps) / 2**31 - np.exp(steps / 2**26)
    assert np.abs(error).max() < 1e-6
    assert exponential(np.array([0])).tolist() == [(1 << 31) - 1]
