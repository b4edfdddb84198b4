"""Child process: float `.tflite` files as ONNX, from which originals are rebuilt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tf2onnx

from edgeae.errors import BadInput
from edgeae.formats.onnx.gelu import spell_out_gelu
from edgeae.system import children

_OPSET = 18
#: How tf2onnx names operators of TFLite that it has no handler for.
_UNKNOWN = "TFL_"


def convert(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write each `.tflite` of `job["files"]` as ONNX.

    Args:
        job: `files`, each with `source`, a name for errors, `path` and `out`.

    Yields:
        `{}`.

    Raises:
        BadInput: tf2onnx cannot convert a file, or one of its operators.
    """
    for file in job["files"]:
        try:
            model, _ = tf2onnx.convert.from_tflite(file["path"], opset=_OPSET)
        except Exception as error:  # tf2onnx raises a dozen classes
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise BadInput(f"{file['source']}: tf2onnx cannot convert it: {reason}") from None
        spell_out_gelu(model.graph)
        for node in model.graph.node:
            if node.op_type.startswith(_UNKNOWN):
                kind = node.op_type.removeprefix(_UNKNOWN)
                raise BadInput(f"{file['source']}: operator {kind} ({node.name}) is unknown")
        Path(file["out"]).write_bytes(model.SerializeToString(deterministic=True))
    yield {}


if __name__ == "__main__":
    children.serve(convert)
