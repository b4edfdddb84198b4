"""The C of a model of standardised columns takes and gives the columns' own values.

Its integers are those of `Standardization` and `quantize` in Python, to the bit: both compute in
float32, by the same operations in the same order.
"""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from c_models import CHEAP, model, operator

from edgeae.codegen import compiler, source
from edgeae.codegen.part import Part
from edgeae.codegen.program import program
from edgeae.formats.tflite.graph import Tensor, read
from edgeae.metrics.quantization import Affine, dequantize, quantize
from edgeae.metrics.standardization import Standardization

COLUMNS, SAMPLES, N = 5, 7, 400
#: As in tables of measurements: a Kelvin scale with little spread, parts per million, a constant.
STATISTICS = Standardization((300.0, 1.2e-4, -7e5, 0.0, 42.0), (0.03, 3.1e-5, 1.9e6, 1 / 3, 1.0))
SCALE = float(np.float32(0.0314))
#: int16 has no zero point, and as many steps as it takes for a scale of its own.
GRIDS = {"int8": Affine(SCALE, -3, "int8"), "int16": Affine(SCALE / 64, 0, "int16")}


def relu(dtype: str, shape: tuple[int, ...]) -> bytes:
    """A model of one RELU; its own arithmetic does not matter here."""
    grid = GRIDS.get(dtype)
    quantized = {"scales": (grid.scale,), "zero_points": (grid.zero_point,)} if grid else {}
    edges = [Tensor(name, (1, *shape), dtype, None, **quantized) for name in "xy"]
    return model(edges, [operator("RELU", [0], [1])])


def library(folder: Path, dtype: str, shape: tuple[int, ...], calls: str) -> ctypes.CDLL:
    """Compile the functions of a header, which are `static inline`, behind plain ones."""
    graph = program(read(relu(dtype, shape), "m"), "m")
    made = Part("m", graph, columns_in=STATISTICS, columns_out=STATISTICS)
    for name, text in source.files("m", [made]).items():
        (folder / name).write_text(text)
    (folder / "calls.c").write_text(f'#include "m.h"\n{calls}')
    path = compiler.shared_library(sorted(folder.glob("*.c")), folder / "m.so", CHEAP)
    return ctypes.CDLL(str(path))


def called(function, given: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Call a function on each row of two contiguous arrays; return the second."""
    for one, other in zip(given, result, strict=True):
        function(*(item.ctypes.data_as(ctypes.c_void_p) for item in (one, other)))
    return result


def raw(shape: tuple[int, ...]) -> np.ndarray:
    """Values of the columns, some beyond the range of the integers."""
    real = np.random.default_rng(3).normal(0, 2, (N, *shape, COLUMNS)).astype(np.float32)
    real[:20] *= 10
    return STATISTICS.stored(real)


@pytest.mark.parametrize("shape", [(), (SAMPLES,)], ids=["table", "windows"])
@pytest.mark.parametrize("dtype", GRIDS)
def test_c_standardises_and_quantizes_to_the_bit(tmp_path, dtype, shape):
    kind = f"{dtype}_t"
    calls = (
        f"void to(const float *v, {kind} *x);\n"
        f"void to(const float *v, {kind} *x) {{ m_quantize_f32(v, x); }}\n"
        f"void from(const {kind} *x, float *v);\n"
        f"void from(const {kind} *x, float *v) {{ m_dequantize_f32(x, v); }}\n"
    )
    made = library(tmp_path, dtype, (*shape, COLUMNS), calls)
    values, grid = raw(shape), GRIDS[dtype]
    expected = quantize(STATISTICS.real(values), grid)
    found = called(made.to, values, np.empty(values.shape, dtype))
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 100  # not all at an end of the range
    back = called(made.__getattr__("from"), found, np.empty(values.shape, np.float32))
    np.testing.assert_allclose(
        back, STATISTICS.stored(dequantize(expected, grid)), rtol=3e-7, atol=1e-12
    )


def test_c_standardises_the_input_of_a_float_model(tmp_path):
    calls = (
        "void to(const float *v, float *x);\n"
        "void to(const float *v, float *x) { m_standardize_f32(v, x); }\n"
        "void back(const float *x, float *v);\n"
        "void back(const float *x, float *v) { m_restore_f32(x, v); }\n"
    )
    made = library(tmp_path, "float32", (COLUMNS,), calls)
    values = raw(())
    found = called(made.to, values, np.empty(values.shape, np.float32))
    np.testing.assert_array_equal(found, STATISTICS.real(values))
    back = called(made.back, found, np.empty(values.shape, np.float32))
    np.testing.assert_allclose(back, STATISTICS.stored(found), rtol=3e-7, atol=1e-12)


def test_a_model_of_plain_values_says_nothing_of_columns(tmp_path):
    plain = Part("m", program(read(relu("int8", (COLUMNS,)), "m"), "m"))
    header = source.files("m", [plain])["m.h"]
    assert "means" not in header and "Quantizes real values" in header
