"""Random models of DEQUANTIZE."""

from c_cases import tensors
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor


def random_case(rng) -> Case:
    dtype = str(rng.choice(["int8", "uint8", "int16"]))
    shape = tensors.shape(rng, int(rng.integers(1, 5)))
    x = tensors.activation(rng, "x", shape, dtype)
    content = model([x, Tensor("y", shape, "float32")], [operator("DEQUANTIZE", [0], [1])])
    return Case(content, tensors.values(rng, (8, *shape), dtype))
