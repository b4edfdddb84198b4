"""Converts float32 ONNX to float16, by the tool that onnxruntime brings.

Weights and activations become float16; inputs, outputs and the code stay float32. The code is cast
inside the whole autoencoder too, so that the halves give its answers.
"""

from typing import Any

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from edgeae.conversion.onnx.graph import between, edge, in_order, joined


def float16(encoder: Any, decoder: Any) -> dict[str, Any]:
    """Return part → float16 `ModelProto`.

    Args:
        encoder, decoder: float32 `ModelProto`: image → `code` and `code` → reconstruction.
    """
    halves = {"encoder": _half(encoder), "decoder": _half(decoder)}
    both = joined(halves["encoder"], halves["decoder"])
    edges = edge(both, "image"), edge(both, "reconstruction")
    return {**halves, "autoencoder": between(both, both.graph.node, *edges)}


def _half(model: Any) -> Any:
    taken = onnx.ModelProto.FromString(model.SerializeToString())
    # the tool appends its casts at the end of the graph, out of order
    return in_order(convert_float_to_float16(taken, keep_io_types=True))
