"""float32 ONNX → weights and arithmetic in float16, by onnxruntime's own tool.

Edges stay float32. The whole is both halves in a row, so that the code is rounded to float16 in it
just as it is when it leaves the encoder.
"""

from typing import Any

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from edgeae.conversion.onnx.graph import between, edge, in_order, joined


def fp16(encoder: Any, decoder: Any) -> dict[str, Any]:
    """Return part → `ModelProto`.

    Args:
        encoder, decoder: float32 `ModelProto`: image → `code` and `code` → reconstruction.
    """
    halves = {"encoder": _half(encoder), "decoder": _half(decoder)}
    both = joined(halves["encoder"], halves["decoder"])
    edges = edge(both, "image"), edge(both, "reconstruction")
    return {**halves, "autoencoder": between(both, both.graph.node, *edges)}


def _half(model: Any) -> Any:
    taken = onnx.ModelProto.FromString(model.SerializeToString())
    # the tool appends its casts at the end
    return in_order(convert_float_to_float16(taken, keep_io_types=True))
