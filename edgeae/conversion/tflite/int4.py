"""A float32 graph → the same with 4-bit weights, which are dequantized before they are used.

ai-edge-quantizer chooses the grid: symmetric, one scale per output channel, s = max|w| / 7, and
q = round(w / s) in −7 … 7. Of its two forms this is the weight-only one, DEQUANTIZE and an operator
in float: LiteRT's kernels agree on it to the last digits, though XNNPACK leaves it to them. The
other, where the operator itself takes the integers and rounds its inputs on the fly, differs
between kernels by a tenth of the values' range, and litert-builtin computes it wrongly once a
weight is −8.
"""

from dataclasses import replace

from ai_edge_quantizer import quantizer
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

from edgeae.errors import BadInput
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import INT4, Graph, Operator, read

_ALLOWED = ("FULLY_CONNECTED", "CONV_2D")
#: Of DEQUANTIZE with 4-bit input: TFLite's tools/versioning/op_version.cc. The package leaves 1.
_VERSION = 6


def with_int4_weights(content: bytes) -> Graph:
    """Return the graph of a float32 flatbuffer with 4-bit weights in all its layers.

    Raises:
        BadInput: an operator whose weights would stay float32; names it.
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
