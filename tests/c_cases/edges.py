"""Random edges of the models of one operator: types, scales, zero points and values."""

import numpy as np

from edgeae.formats.tflite.graph import Tensor

TYPES = ("int8", "int16", "float32")


def between(rng, low: float, high: float) -> float:
    """A float32 whose logarithm is uniform."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def zero_point(rng, dtype: str) -> int:
    """Any for int8, at times the smallest or 0; 0 for int16."""
    return 0 if dtype != "int8" else int(rng.choice([-128, 0, 127, *rng.integers(-128, 128, 5)]))


def edge(name: str, shape, dtype: str, scale: float = 1.0, point: int = 0) -> Tensor:
    """An activation; float32 has no scale."""
    shape = tuple(int(size) for size in shape)
    if dtype == "float32":
        return Tensor(name, shape, dtype)
    return Tensor(name, shape, dtype, None, (float(np.float32(scale)),), (int(point),))


def values(rng, shape, dtype: str, count: int = 3) -> np.ndarray:
    """Inputs of shape (count, *shape): uniform, the second one only of the type's ends."""
    if dtype == "float32":
        return rng.normal(0, 4, (count, *shape)).astype(np.float32)
    limits = np.iinfo(dtype)
    drawn = rng.integers(limits.min, limits.max + 1, (count, *shape))
    drawn[1:2] = rng.choice([limits.min, limits.max], (1, *shape))
    return drawn.astype(dtype)


def ramp(rng, dtype: str) -> np.ndarray:
    """One input of shape (1, 1, n): every int8; int16 in steps of random size; floats to ±100."""
    if dtype == "int8":
        return np.arange(-128, 128, dtype=np.int8)[None, None]
    if dtype == "int16":
        steps = np.arange(-32768, 32768, int(rng.integers(1, 40)))
        return np.append(steps, 32767).astype(np.int16)[None, None]
    real = np.append(rng.normal(0, 5, 200), [0, 100, -100, 1e30, -1e30, 6, -1])
    return real.astype(np.float32)[None, None]
