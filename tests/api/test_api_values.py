"""A user's arrays as a model's values: pixels, real values, columns and codes."""

import numpy as np
import pytest
import tiny

from edgeae.api.values import Values, prepared_codes, raw_codes
from edgeae.artifacts.manifest import TensorSpec
from edgeae.data import Normalization
from edgeae.errors import BadInput
from edgeae.metrics.standardization import Standardization

PIXELS = Values(Normalization(1 / 255, 0.0), 1.0)
SIGNED = Values(Normalization(2 / 255, -1.0), 2.0)
BYTES = Values(Normalization(1.0, 0.0), 255.0)
FLOATS = Values(Normalization(1.0, 0.0), 1.0)
MEAN, DEVIATION = (10.0, -2.0, 0.5, 1000.0), (2.0, 0.25, 1.0, 300.0)
COLUMNS = Values(Normalization(1.0, 0.0, Standardization(MEAN, DEVIATION)))
INT8 = TensorSpec("code", (1, 4), "int8", 0.5, -3)
FLOAT = TensorSpec("code", (1, 4), "float32")


def artifact(io: str = "int8"):
    return tiny.program("encoder", "int8" if io == "int8" else "float32").artifact


def steps(real: np.ndarray) -> np.ndarray:
    """Real values as the tiny model's input integers, in float64: another way than edgeae's."""
    scale, zero = tiny.QUANTIZED["image"]
    return np.clip(np.floor(real / scale + 0.5) + zero, -128, 127).astype(np.int8)


@pytest.mark.parametrize("values", [PIXELS, SIGNED, BYTES])
def test_bytes_go_through_the_normalization(values):
    images = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    real = images * np.float64(values.normalization.scale) + values.normalization.offset
    checked = values.checked(images, (16,))
    np.testing.assert_allclose(values.real(checked, (16,)), real.reshape(16, 16), atol=1e-5)
    np.testing.assert_array_equal(values.prepared(checked, artifact()), steps(real.reshape(16, 16)))
    np.testing.assert_array_equal(
        values.prepared(checked, artifact("float32")), values.real(checked, (16,))
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("values", [PIXELS, FLOATS])
def test_floats_are_real_values(dtype, values):
    images = np.linspace(0, 1, 32).reshape(2, 4, 4).astype(dtype)
    checked = values.checked(images, (16,))
    real = values.real(checked, (16,))
    assert real.dtype == np.float32
    np.testing.assert_array_equal(real, images.reshape(2, 16).astype(np.float32))
    np.testing.assert_array_equal(values.prepared(checked, artifact()), steps(real))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64"])
def test_columns_are_standardised_whatever_their_type(dtype):
    rows = np.array([[10, 2, 1, 100], [8, 3, 0, 120]], dtype)
    real = COLUMNS.real(COLUMNS.checked(rows, (4,)), (4,))
    np.testing.assert_allclose(real, (rows - np.array(MEAN)) / DEVIATION, rtol=1e-6)
    np.testing.assert_allclose(COLUMNS.own(real, (4,)), rows, rtol=1e-5)


class Frame:
    """A data frame, as pandas and polars have them, of a column for each keyword."""

    def __init__(self, **columns: list[float]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, names: list[str]) -> "Frame":
        return Frame(**{name: self._columns[name] for name in names})

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array([*self._columns.values()]).T


def test_the_columns_of_a_data_frame_are_taken_by_name():
    named = Values(Normalization(1.0, 0.0), columns=("b", "a"))
    frame = Frame(a=[1.0, 2.0], more=[0.0, 0.0], b=[3.0, 4.0])
    np.testing.assert_array_equal(named.checked(frame, (2,)), [[3, 1], [4, 2]])
    with pytest.raises(BadInput, match="images: no column 'a'; allowed are tables with b, a"):
        named.checked(Frame(b=[1.0], c=[1.0]), (2,))
    np.testing.assert_array_equal(FLOATS.checked(frame, (3,)), [[1, 0, 3], [2, 0, 4]])


def test_of_a_flat_model_of_windows_the_columns_are_the_last_axis():
    rows = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    real = COLUMNS.real(COLUMNS.checked(rows, (12,)), (12,))
    assert real.shape == (2, 12)
    np.testing.assert_allclose(COLUMNS.own(real, (3, 4)), rows, rtol=1e-4, atol=1e-3)
    with pytest.raises(BadInput, match=r"rows of 12 columns: .* are of 4"):
        COLUMNS.real(COLUMNS.checked(rows.reshape(2, 12), (12,)), (12,))


@pytest.mark.parametrize(
    ("values", "dtype", "allowed"),
    [
        (PIXELS, "int8", "uint8 pixels, or floats .*as the model was trained on"),
        (PIXELS, "int64", "uint8 pixels, or floats"),
        (PIXELS, "bool", "uint8 pixels, or floats"),
        (PIXELS, "U3", "uint8 pixels, or floats"),
        (PIXELS, "object", "uint8 pixels, or floats"),
        (PIXELS, "complex64", "uint8 pixels, or floats"),
        (PIXELS, "longdouble", "uint8 pixels, or floats"),
        (FLOATS, "uint8", r"floats \(16, 32 or 64 bits\), real values"),
        (COLUMNS, "bool", "integers and floats .*: the columns' own values"),
    ],
)
def test_another_element_type_is_refused_with_what_is_allowed(values, dtype, allowed):
    with pytest.raises(BadInput, match=rf"images: elements are .*; allowed are {allowed}"):
        values.checked(np.zeros((2, 4), dtype), (4,))


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((16,), r"shape \(16,\); allowed are \(n, …\), rows of 16; one alone is images\[np"),
        ((4, 4), r"shape \(4, 4\); allowed are \(n, …\), rows of 16; one alone is images\[np"),
        ((3, 15), r"shape \(3, 15\); allowed are \(n, …\), rows of 16$"),
        ((), r"shape \(\); allowed"),
    ],
)
def test_another_shape_is_refused_with_what_is_allowed(shape, told):
    with pytest.raises(BadInput, match=told):
        PIXELS.checked(np.zeros(shape, np.uint8), (16,))


def test_axes_in_another_order_are_refused():
    channels_last = (4, 4, 3)
    assert PIXELS.checked(np.zeros((2, 4, 4, 3)), channels_last).shape == (2, 4, 4, 3)
    assert PIXELS.checked(np.zeros((2, 48)), channels_last).shape == (2, 48)
    with pytest.raises(BadInput, match="rows of 4 × 4 × 3"):
        PIXELS.checked(np.zeros((2, 3, 4, 4)), channels_last)


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(BadInput, match="images: rows of different lengths"):
        PIXELS.checked([[0.5] * 4, [0.5] * 3], (4,))


@pytest.mark.parametrize("values", [PIXELS, FLOATS, COLUMNS])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_value_that_is_no_number_of_float32_is_refused(values, bad):
    rows = np.full((2, 4), 0.5)
    rows[1, 2] = bad
    with pytest.raises(BadInput, match="images: 1 values are NaN, infinite or too large"):
        values.real(values.checked(rows, (4,)), (4,))


def test_floats_that_are_bytes_are_refused():
    rows = np.full((2, 4), 0.5)
    rows[0, 0], rows[1, 1] = 1.9, -0.9  # noise is allowed
    PIXELS.real(rows, (4,))
    rows[0, 0] = 255.0
    with pytest.raises(BadInput, match=r"floats from -0.9 to 255; allowed are .*0 to 1, or uint8"):
        PIXELS.real(rows, (4,))
    FLOATS.real(rows, (4,))  # whose range nobody knows
    BYTES.real(rows, (4,))


def test_no_rows_are_no_error():
    for values, dtype in ((PIXELS, np.uint8), (PIXELS, np.float32), (COLUMNS, np.float64)):
        none = values.checked(np.zeros((0, 4), dtype), (4,))
        assert values.real(none, (4,)).shape == (0, 4)


def test_raw_and_real_codes_are_told_apart():
    for dtype in ("float32", np.float32, np.dtype("float32")):
        assert not raw_codes(dtype, INT8) and not raw_codes(dtype, FLOAT)
    for dtype in ("int8", np.int8):
        assert raw_codes(dtype, INT8)
    for dtype in ("int16", np.float64, None, "code", 3):
        with pytest.raises(BadInput, match=r"dtype .*: allowed are float32 and int8"):
            raw_codes(dtype, INT8)
    with pytest.raises(BadInput, match=r"dtype 'int8': allowed are float32$"):
        raw_codes("int8", FLOAT)


def test_codes_become_the_decoders_input():
    raw = np.array([[-128, -3, 0, 127]], np.int8)
    real = (raw.astype(np.float64) + 3) * 0.5
    assert prepared_codes(raw, INT8) is not None
    for codes in (raw, real, real.astype(np.float32), real.tolist()):
        np.testing.assert_array_equal(prepared_codes(codes, INT8), raw)
    np.testing.assert_array_equal(prepared_codes(real, FLOAT), real.astype(np.float32))
    np.testing.assert_array_equal(prepared_codes([[1e30, -1e30, 0, 0]], INT8)[0, :2], [127, -128])


@pytest.mark.parametrize(
    ("codes", "spec", "told"),
    [
        (np.zeros((1, 4), np.uint8), INT8, "uint8; allowed are floats, real codes, or raw .* int8"),
        (np.zeros((1, 4), np.int8), FLOAT, "int8; allowed are floats, real codes$"),
        (np.zeros((1, 5)), INT8, r"codes: shape \(1, 5\); allowed are \(n, …\), rows of 4$"),
        (np.zeros(4), INT8, r"one alone is codes\[np.newaxis\]"),
        (np.full((1, 4), np.nan), INT8, "codes: 4 values are NaN"),
    ],
)
def test_codes_that_are_none_are_refused(codes, spec, told):
    with pytest.raises(BadInput, match=told):
        prepared_codes(codes, spec)
