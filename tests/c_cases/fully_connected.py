"""Random FULLY_CONNECTED models."""

from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import few
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor


def random_case(
    rng: np.random.Generator,
    dtype: str | None = None,
    compressed: bool | None = None,
    shape: tuple[int, int] | None = None,
) -> Case:
    """A case of int8, int16 with int8 weights, float32, or float32 with float16 weights.

    Args:
        rng: a generator.
        dtype: the element type; by chance if it is not given.
        compressed: whether the weights have zeros and few values; by chance if it is not given.
        shape: rows and columns of the weights, else random ones.
    """
    dtype = dtype or str(rng.choice(["int8", "int8", "int16", "float32", "float16"]))
    rows, columns, batches = (int(rng.integers(1, most)) for most in (40, 200, 4))
    rows, columns = shape or (rows, columns)
    tensors = _tensors(rng, dtype, rows, columns, batches)
    if rng.random() < 0.3 if compressed is None else compressed:
        tensors[1] = replace(tensors[1], data=few.values(rng, tensors[1].data))
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = int(rng.integers(0, 4))
    bias = 2 if rng.random() < 0.8 else -1
    operators = []
    if dtype == "float16":
        for place in (1, 2):
            stored = tensors[place]
            tensors.append(Tensor(f"{stored.name}16", stored.shape, "float16", stored.data))
            tensors[place] = Tensor(stored.name, stored.shape, "float32")
            operators.append(operator("DEQUANTIZE", [len(tensors) - 1], [place]))
    operators.append(operator("FULLY_CONNECTED", [0, 1, bias], [3], options, 4))
    return Case(model(tensors, operators, target=3), _inputs(rng, dtype, (batches, columns)))


def _tensors(rng, dtype: str, rows: int, columns: int, batches: int) -> list[Tensor]:
    if dtype.startswith("float"):
        weights = rng.normal(size=(rows, columns)).astype(dtype)
        return [
            Tensor("x", (batches, columns), "float32"),
            Tensor("w", (rows, columns), "float32", weights),
            Tensor("b", (rows,), "float32", rng.normal(size=rows).astype(dtype)),
            Tensor("y", (batches, rows), "float32"),
        ]
    count = rows if rng.random() < 0.5 else 1
    source = np.float32(rng.uniform(0.001, 0.1) if dtype == "int8" else rng.uniform(1e-5, 1e-3))
    # the outputs' spread decides how many of them are clamped
    spread = np.sqrt(columns) * source * 0.01 * (74 if dtype == "int8" else 20000)
    steps = 100 if dtype == "int8" else 20000
    target = np.float32(spread * rng.uniform(0.5, 5) / steps)
    scales = rng.uniform(0.001, 0.02, count).astype(np.float32)
    points = [int(p) for p in rng.integers(-128, 128, 2)] if dtype == "int8" else [0, 0]
    wide = np.int32 if dtype == "int8" else np.int64
    weights = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
    if rng.random() < 0.1:
        weights[:] = rng.choice([-127, 127])
    bias = rng.integers(-50000, 50000, rows).astype(wide)
    return [
        Tensor("x", (batches, columns), dtype, None, (float(source),), (points[0],)),
        Tensor("w", (rows, columns), "int8", weights, _floats(scales), (0,) * count),
        Tensor("b", (rows,), np.dtype(wide).name, bias, _floats(source * scales), (0,) * count),
        Tensor("y", (batches, rows), dtype, None, (float(target),), (points[1],)),
    ]


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(np.float32(item)) for item in values)


def _inputs(rng, dtype: str, shape: tuple[int, int]) -> np.ndarray:
    if dtype.startswith("float"):
        return rng.normal(size=(8, *shape)).astype(np.float32)
    limits = np.iinfo(dtype)
    inputs = rng.integers(limits.min, limits.max + 1, (16, *shape)).astype(dtype)
    inputs[0], inputs[1] = limits.min, limits.max
    return inputs
