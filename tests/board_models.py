"""A small convolutional autoencoder as a bare `.tflite`, in int8, made without TensorFlow."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_models import model, operator

from edgeae.formats.tflite.graph import Tensor

SAME = schema.Padding.SAME


def conv_autoencoder() -> bytes:
    """image (1, 8, 8, 1) → CONV_2D → (1, 4, 4, 3) → TRANSPOSE_CONV → LOGISTIC → image."""
    random = np.random.default_rng(5)
    tensors = [
        Tensor("image", (1, 8, 8, 1), "int8", None, (1 / 255,), (-128,)),
        Tensor("code", (1, 4, 4, 3), "int8", None, (0.02,), (-10,)),
        Tensor("sum", (1, 8, 8, 1), "int8", None, (0.05,), (4,)),
        *_filters(random, "conv", (3, 3, 3, 1), 1 / 255),
        Tensor("extents", (4,), "int32", np.array([1, 8, 8, 1], np.int32)),
        *_filters(random, "transposed", (1, 3, 3, 3), 0.02),
        Tensor("reconstruction", (1, 8, 8, 1), "int8", None, (1 / 256,), (-128,)),
    ]
    conv, transposed = schema.Conv2DOptionsT(), schema.TransposeConvOptionsT()
    for options in (conv, transposed):
        options.padding, options.strideW, options.strideH = SAME, 2, 2
    conv.dilationWFactor = conv.dilationHFactor = 1
    operators = [
        operator("CONV_2D", [0, 3, 4], [1], conv, 3),
        operator("TRANSPOSE_CONV", [5, 6, 1, 7], [2], transposed, 3),
        operator("LOGISTIC", [2], [8], None, 2),
    ]
    return model(tensors, operators)


def _filters(random, name: str, shape: tuple[int, ...], source: float) -> list[Tensor]:
    """Weights with a scale for each output channel, and a bias."""
    channels = shape[0]
    scales = tuple(float(np.float32(item)) for item in random.uniform(0.005, 0.01, channels))
    weights = random.integers(-127, 128, shape).astype(np.int8)
    bias = random.integers(-300, 300, channels).astype(np.int32)
    biased = tuple(float(np.float32(source) * np.float32(item)) for item in scales)
    zeros = (0,) * channels
    return [
        Tensor(f"{name}/weights", shape, "int8", weights, scales, zeros, 0),
        Tensor(f"{name}/bias", (channels,), "int32", bias, biased, zeros, 0),
    ]
