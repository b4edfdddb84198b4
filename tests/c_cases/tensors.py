"""Random tensors and values for the operators' random cases."""

import numpy as np

from edgeae.formats.tflite.graph import Tensor


def scale(rng, low=-9.0, high=1.0) -> float:
    """A float32 scale between 2^low and 2^high."""
    return float(np.float32(2.0 ** rng.uniform(low, high)))


def zero_point(rng, dtype) -> int:
    if dtype in ("int16", "float32"):
        return 0
    limits = np.iinfo(dtype)
    return int(rng.choice([limits.min, limits.max, *rng.integers(limits.min, limits.max, 6)]))


def activation(rng, name, shape, dtype, **change) -> Tensor:
    """A tensor with a random scale and zero point."""
    if dtype == "float32":
        return Tensor(name, tuple(shape), dtype)
    grid = {"scales": (scale(rng),), "zero_points": (zero_point(rng, dtype),), **change}
    return Tensor(name, tuple(shape), dtype, **grid)


def values(rng, shape, dtype) -> np.ndarray:
    """Random values; a few integers are the smallest or the largest one."""
    if dtype == "float32":
        return rng.normal(0, 4, shape).astype(np.float32)
    limits = np.iinfo(dtype)
    picked = rng.integers(limits.min, limits.max + 1, shape)
    extreme = rng.choice([limits.min, limits.max], shape)
    return np.where(rng.random(shape) < 0.05, extreme, picked).astype(dtype)


def shape(rng, rank, most=7) -> tuple[int, ...]:
    return tuple(int(item) for item in rng.integers(1, most, rank))


def integers(name, numbers, dtype=np.int32) -> Tensor:
    """A constant that is not quantized, such as paddings."""
    data = np.array(numbers, dtype)
    return Tensor(name, data.shape, data.dtype.name, data)
