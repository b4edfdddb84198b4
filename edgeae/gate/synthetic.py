"""Models of known size with seeded random weights, for the gate's self-test and for examples."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write


def dense(widths: tuple[int, ...], *, seed: int = 0, description: str = "edgeae") -> bytes:
    """Return the bytes of an int8 `.tflite` of Dense layers, with per-tensor scales.

    Every layer but the last has a ReLU.

    Args:
        widths: width of the input, then of each layer: `(784, 128, 64, 32)` is the `deep` encoder.
        seed: seed of the weights; the same arguments give the same bytes.
        description: free text in the file, which no engine reads: two models that differ only in
            the description compute the same and have different hashes.
    """
    random = np.random.default_rng(seed)
    tensors = [_activation("image", widths[0], first=True)]
    operators = []
    for layer, (rows, columns) in enumerate(zip(widths[1:], widths[:-1], strict=True)):
        last = layer == len(widths) - 2
        source = tensors.index(next(item for item in reversed(tensors) if item.data is None))
        matrix = random.integers(-127, 128, (rows, columns)).astype(np.int8)
        # weights spread over ±2/√inputs keep the activations within their range of ±3
        scale = 2 / 127 / columns**0.5
        bias = random.integers(-50, 50, rows).astype(np.int32)
        tensors += [
            _constant(f"weights{layer}", matrix, scale),
            _constant(f"bias{layer}", bias, scale * tensors[source].scales[0]),
            _activation("code" if last else f"hidden{layer}", rows, signed=last),
        ]
        target = len(tensors) - 1
        operators.append(_fully_connected((source, target - 2, target - 1), target, relu=not last))
    graph = Graph(tuple(tensors), tuple(operators), {"image": 0}, {"code": len(tensors) - 1})
    return write(graph, description)


def _activation(name: str, values: int, *, first: bool = False, signed: bool = False) -> Tensor:
    if first:
        return Tensor(name, (1, values), "int8", None, (1 / 255,), (-128,))
    return Tensor(
        name, (1, values), "int8", None, ((6 if signed else 3) / 255,), (0,) if signed else (-128,)
    )


def _constant(name: str, data: NDArray[np.integer], scale: float) -> Tensor:
    return Tensor(name, data.shape, str(data.dtype), data, (scale,), (0,))


def _fully_connected(inputs: tuple[int, ...], output: int, *, relu: bool) -> Operator:
    settings = schema.OperatorT()
    settings.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    settings.builtinOptions = schema.FullyConnectedOptionsT()
    kind = schema.ActivationFunctionType
    settings.builtinOptions.fusedActivationFunction = kind.RELU if relu else kind.NONE
    return Operator("FULLY_CONNECTED", 4, inputs, (output,), settings)
