"""Quantizes float32 ONNX by onnxruntime's static quantization, in the form that runs faster here.

The whole autoencoder is quantized, and both halves are cut out of it at the code, like those of a
`.tflite`. Inputs and outputs are float32. Activations become uint8, and so do weights if
onnxruntime allows it: x86 processors without VNNI saturate sums of uint8 × int8 products. Operators
without an integer kernel stay float, above all transposed convolutions.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from edgeae.conversion.onnx.graph import between, edge, joined, renamed, without_unused_sets
from edgeae.conversion.onnx.micro_benchmark import p50_us
from edgeae.errors import BadInput
from edgeae.metrics.quantization import Affine
from edgeae.recipe import Recipe

_QDQ, _QOPERATOR = "qdq", "qoperator"
_FORMS = {_QDQ: QuantFormat.QDQ, _QOPERATOR: QuantFormat.QOperator}
#: QOperator is chosen if its time is below this share of the time of QDQ: many runtimes open QDQ,
#: and QOperator needs onnxruntime's own operators. The gain must exceed the noise of a timing.
_GAIN = 0.95
_METHODS = {
    "min-max": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
}
#: Operators whose integer form has a known output shape; see `formats/onnx/shapes.py`.
_OPERATORS = [
    *("Add", "Clip", "Conv", "ConvTranspose", "Flatten", "Gemm", "LeakyRelu", "MatMul", "MaxPool"),
    *("Mul", "Pad", "Relu", "Reshape", "Resize", "Sigmoid", "Squeeze", "Transpose", "Unsqueeze"),
]


@dataclass(frozen=True)
class Fast:
    """A quantized model.

    Attributes:
        form: `qdq` or `qoperator`.
        parts: part → `ModelProto`.
        code: grid of the code; None if the operator that computes the code stayed float.
        p50_us: `float32`, `qdq` and `qoperator` → median time in µs of one call of the whole.
    """

    form: str
    parts: dict[str, Any]
    code: Affine | None
    p50_us: dict[str, float]


def fast(encoder: Any, decoder: Any, images: NDArray[np.float32], recipe: Recipe) -> Fast:
    """Quantize in both forms, time both on one thread, and return the faster one.

    Args:
        encoder, decoder: float32 `ModelProto`: image → `code` and `code` → reconstruction.
        images: (n, …) images that calibrate.
        recipe: `per_channel`, `calibration` and `percentile` are used.

    Raises:
        BadInput: onnxruntime cannot quantize the model, or not with this calibration.
    """
    whole = without_unused_sets(with_gemm(joined(encoder, decoder)))
    candidates = {form: _parts(_quantized(whole, form, images, recipe)) for form in _FORMS}
    plain = between(whole, whole.graph.node, edge(whole, "image"), edge(whole, "reconstruction"))
    models = {
        "float32": plain,
        **{form: cut["autoencoder"] for form, (cut, _) in candidates.items()},
    }
    times = p50_us(models, images[:1])
    form = _QOPERATOR if times[_QOPERATOR] < _GAIN * times[_QDQ] else _QDQ
    return Fast(form, *candidates[form], times)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds images one by one to onnxruntime's calibration."""

    def __init__(self, name: str, images: NDArray[np.float32]) -> None:
        self._feeds = ({name: image[None]} for image in images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)


def _quantized(model: Any, form: str, images: NDArray[np.float32], recipe: Recipe) -> Any:
    if recipe.calibration not in _METHODS:
        allowed = " or ".join(_METHODS)
        raise BadInput(
            f"calibration = {recipe.calibration!r}: allowed is {allowed} with onnx = 'fast'"
        )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "quantized.onnx"
        try:
            quantize_static(
                onnx.ModelProto.FromString(model.SerializeToString()),  # a copy to change
                path,
                _Reader("image", images),
                quant_format=_FORMS[form],
                op_types_to_quantize=_OPERATORS,
                per_channel=recipe.per_channel,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QUInt8,
                calibrate_method=_METHODS[recipe.calibration],
                extra_options={"CalibPercentile": recipe.percentile},
            )
        except Exception as error:  # its exception classes are not part of its interface
            reason = " ".join(str(error).split())[:300]
            raise BadInput(f"onnx = 'fast': onnxruntime cannot quantize it: {reason}") from None
        return onnx.load(path)


def _parts(whole: Any) -> tuple[dict[str, Any], Affine | None]:
    """Return the parts of a quantized model (image → `code` and `reconstruction`), and its grid.

    The encoder ends with the dequantization of the code, and the decoder begins with its inverse:
    integers become floats, and these become the same integers again.
    """
    nodes = list(whole.graph.node)
    image, code, target = (edge(whole, name) for name in ("image", "code", "reconstruction"))
    parts = {"encoder": between(whole, nodes, image, code)}
    maker = next(node for node in nodes if "code" in node.output)
    grid = None
    if maker.op_type == "DequantizeLinear":
        integers, *_ = maker.input
        grid = _affine(whole, maker)
        again = onnx.helper.make_node("QuantizeLinear", ["code", *maker.input[1:]], [integers])
        before = [node for node in nodes if integers in node.output]
        after = [renamed(node, {"code": "code_again"}) for node in _without(nodes, before)]
        parts["decoder"] = between(whole, [again, *after], code, target)
    else:
        parts["decoder"] = between(whole, nodes, code, target)
    return {**parts, "autoencoder": between(whole, nodes, image, target)}, grid


def _without(nodes: Iterable[Any], others: Iterable[Any]) -> list[Any]:
    left_out = list(map(id, others))
    return [node for node in nodes if id(node) not in left_out]


def _affine(model: Any, conversion: Any) -> Affine:
    constants = {item.name: item for item in model.graph.initializer}
    scale, point = (onnx.numpy_helper.to_array(constants[name]) for name in conversion.input[1:])
    return Affine(float(scale), int(point), str(point.dtype))


def with_gemm(model: Any) -> Any:
    """Return a `ModelProto` in which each dense layer is one Gemm.

    A dense layer is a MatMul of a matrix and a constant matrix whose result only an Add of a
    constant vector reads. ONNX's Gemm does not support other ranks.
    """
    merged_model = onnx.ModelProto()
    merged_model.CopyFrom(model)
    layers = _layers(merged_model)
    merged = {product.output[0] for product, _ in layers.values()}
    nodes = []
    for node in merged_model.graph.node:
        if node.output[0] in layers:
            product, bias = layers[node.output[0]]
            inputs = [*product.input, bias]
            nodes.append(onnx.helper.make_node("Gemm", inputs, node.output, product.name))
        elif node.output[0] not in merged:
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del merged_model.graph.node[:]
    merged_model.graph.node.extend(nodes)
    return merged_model


def _layers(model: Any) -> dict[str, tuple[Any, str]]:
    """Return the output of each dense layer's Add → the MatMul before it, and the bias."""
    graph = model.graph
    constants = {item.name: len(item.dims) for item in graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = constants | {
        item.name: len(item.type.tensor_type.shape.dim)
        for item in (*inferred.input, *inferred.value_info, *inferred.output)
    }
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(item.name for item in graph.output)
    products = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "MatMul"
        and readers[node.output[0]] == 1
        and node.input[1] in constants
        and [ranks.get(name) for name in node.input] == [2, 2]
    }
    return {
        node.output[0]: (products[product], bias)
        for node in graph.node
        if node.op_type == "Add"
        for product, bias in (node.input, reversed(node.input))
        if product in products and constants.get(bias) == 1
    }
