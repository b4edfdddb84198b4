"""Replaces the weights of a float32 graph by 4-bit weights that are dequantized before use.

ai-edge-quantizer chooses the grid: symmetric, one scale per output channel, s = max|w| / 7, and
q = round(w / s) in −7 … 7. It has two forms. This is the weight-only form, a DEQUANTIZE and a float
operator: LiteRT's kernels agree on it to the last digits, and XNNPACK leaves it to them. In the
other form (dynamic-range), the operator takes the integers and rounds its inputs at run time. The
kernels differ on it by a tenth of the values' range, and litert-builtin computes it wrongly if a
weight is −8.
"""

from dataclasses import replace

from ai_edge_quantizer import quantizer
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import INT4, Graph, Operator, read

_ALLOWED = ("FULLY_CONNECTED", "CONV_2D")
#: Version of DEQUANTIZE with 4-bit input, from TFLite's tools/versioning/op_version.cc;
#: ai-edge-quantizer writes 1.
_VERSION = 6


def with_int4_weights(content: bytes) -> Graph:
    """Return the graph of a float32 flatbuffer with 4-bit weights in all its layers.

    Raises:
        BadInput: the weights of an operator would stay float32; the message names it.
    """
    before = read(content, "converted model")
    for operator in before.operators:
        if operator.name not in _ALLOWED and graph_statistics.operator_macs(before, operator):
            name = before.tensors[operator.outputs[0]].name.partition(";")[0]
            raise BadInput(
                f"quantization = 'int4': {operator.name} {name!r}: it has no 4-bit weights; "
                f"allowed are {' and '.join(_ALLOWED)}: models of Dense and Conv2D layers"
            )
    narrow = quantizer.Quantizer(bytearray(content))
    narrow.add_weight_only_config(
        ".*", TFLOperationName.ALL_SUPPORTED, 4, QuantGranularity.CHANNELWISE
    )
    made = read(bytes(narrow.quantize().quantized_model), "quantized model")
    return replace(made, operators=tuple(_versioned(made, item) for item in made.operators))


def _versioned(graph: Graph, operator: Operator) -> Operator:
    narrow = operator.name == "DEQUANTIZE" and graph.tensors[operator.inputs[0]].dtype == INT4
    return replace(operator, version=_VERSION) if narrow else operator
