import math
from fractions import Fraction

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, write
from edgeae.metrics.quantization import Affine, dequantize, quantize, round_half_away

REFERENCE = tiny.RESOLVERS["litert-reference"]
PIXEL = Affine(float(np.float32(1 / 255)), -128, "int8")
GRIDS = [
    PIXEL,
    Affine(1 / 256, -128, "int8"),
    Affine(0.5, 3, "int8"),
    Affine(float(np.float32(0.0173)), 17, "int8"),
    Affine(float(np.float32(1 / 255)), 0, "uint8"),
    Affine(0.25, 128, "uint8"),
    Affine(float(np.float32(3.7)), 255, "uint8"),
]


def exactly_half_away(value: float) -> int:
    exact = Fraction(value)
    return int(math.copysign(1, exact) * math.floor(abs(exact) + Fraction(1, 2)))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_rounding_float32_is_exact(value):
    assert round_half_away(np.array([value], np.float32))[0] == exactly_half_away(value)


@given(st.integers(-(2**40), 2**40), st.sampled_from([-1, 0, 1]))
def test_rounding_at_and_beside_a_half_is_exact(whole, side):
    value = whole + 0.5
    value = math.nextafter(value, side * math.inf) if side else value
    assert round_half_away(np.array([value]))[0] == exactly_half_away(value)


@pytest.mark.parametrize(
    ("value", "whole"), [(0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3), (0.49999997, 0)]
)
def test_halves_go_away_from_zero(value, whole):
    assert round_half_away(np.array([value], np.float32))[0] == whole


def probe(grid: Affine) -> np.ndarray:
    """Reals that matter on a grid: halves, their neighbours, points, both ends and beyond."""
    steps = np.arange(-400, 400, dtype=np.float32) / 2
    at = steps * np.float32(grid.scale)
    beside = [np.nextafter(at, np.float32(side)) for side in (-np.inf, np.inf)]
    random = np.random.default_rng(0).normal(0, 100 * grid.scale, 2000).astype(np.float32)
    far = np.array([0.0, -0.0, 1e4, -1e4], np.float32) * np.float32(grid.scale)
    return np.concatenate([at, *beside, random, far])


def kernel(name: str, x: np.ndarray, grid: Affine) -> np.ndarray:
    """Run LiteRT's reference kernel over a vector."""
    real = Tensor("real", (1, x.size), "float32")
    steps = Tensor("steps", (1, x.size), grid.dtype, None, (grid.scale,), (grid.zero_point,))
    edges = (real, steps) if name == "QUANTIZE" else (steps, real)
    return tiny.run(write(tiny.conversion_graph(name, *edges)), x[None], REFERENCE)[0]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_quantize_is_the_reference_kernel(grid):
    reals = probe(grid)
    ours = quantize(reals, grid)
    assert ours.dtype == grid.dtype
    np.testing.assert_array_equal(ours, kernel("QUANTIZE", reals, grid))
    assert {int(ours.min()), int(ours.max())} == set(grid.limits)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_dequantize_is_the_reference_kernel_bit_for_bit(grid):
    low, high = grid.limits
    steps = np.arange(low, high + 1).astype(grid.dtype)
    ours = dequantize(steps, grid)
    assert ours.dtype == np.float32
    assert ours.tobytes() == kernel("DEQUANTIZE", steps, grid).tobytes()


def test_a_pixel_becomes_pixel_minus_128_exactly():
    pixels = np.arange(256)
    as_float = pixels.astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(quantize(as_float, PIXEL), pixels - 128)
    divided = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(quantize(divided, PIXEL), pixels - 128)


@given(st.integers(-32768, 32767), st.floats(2**-20, 2**10, width=32), st.integers(-32768, 32767))
def test_int16_goes_there_and_back(step, scale, zero_point):
    grid = Affine(scale, zero_point, "int16")
    back = quantize(dequantize(np.array([step], np.int16), grid), grid)
    assert back[0] == step


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_have_no_integer(value):
    with pytest.raises(BadInput, match="NaN or infinity"):
        quantize(np.array([0.0, value], np.float32), PIXEL)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_reals_saturate_without_a_warning(dtype):
    huge = np.array([1, -1]) * float(np.finfo(dtype).max)
    assert quantize(huge.astype(dtype), PIXEL).tolist() == [127, -128]


def test_any_shape_comes_back():
    assert quantize(np.zeros((2, 3, 4), np.float32), PIXEL).shape == (2, 3, 4)
    assert dequantize(np.zeros((2, 3, 4), np.int8), PIXEL).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype", "named"),
    [
        (0.0, 0, "int8", "scale"),
        (-1.0, 0, "int8", "scale"),
        (math.nan, 0, "int8", "scale"),
        (math.inf, 0, "int8", "scale"),
        (1.0, 128, "int8", "zero_point"),
        (1.0, -1, "uint8", "zero_point"),
        (1.0, 0, "int32", "dtype"),
    ],
)
def test_impossible_parameters_are_refused(scale, zero_point, dtype, named):
    with pytest.raises(BadInput, match=named):
        Affine(scale, zero_point, dtype)
