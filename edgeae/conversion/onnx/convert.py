"""Converts an original, or its int8 `.tflite`, to the ONNX files of a bundle.

fp32            the original, converted by tf2onnx
fp16            fp32 converted to float16, see `float16.py`
qdq             the int8 `.tflite` in QDQ form, with the same integers and scales
fast-qdq,       the original quantized by onnxruntime, see `fast.py`
fast-qoperator
"""

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tf2onnx
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.conversion.onnx.fast import fast
from edgeae.conversion.onnx.float16 import float16
from edgeae.conversion.onnx.graph import finished
from edgeae.conversion.onnx.unsigned import unsigned_inside
from edgeae.formats.onnx.gelu import spell_out_gelu
from edgeae.formats.onnx.metadata import Stamp
from edgeae.metrics.quantization import Affine
from edgeae.originals.legacy_keras import tf
from edgeae.originals.original import Original
from edgeae.recipe import PARTS, Recipe
from edgeae.system.scratch import write_scratch

OPSET = 18


@dataclass(frozen=True)
class Converted:
    """An ONNX file.

    Attributes:
        content: bytes of the file; they are reproducible, except for the times in a `fast` file.
        flavour: see the module.
        parent: the `.tflite` that the file was made from, or None.
    """

    content: bytes
    flavour: str
    parent: Artifact | None = None


def convert(
    original: Original,
    recipe: Recipe,
    weights_sha256: str,
    programs: Mapping[str, VerifiedArtifact],
    images: NDArray[np.float32] | None,
) -> dict[str, Converted]:
    """Return part → ONNX file, in the form that a recipe asks for.

    Args:
        original: the original, from which the `.tflite` files were made, too.
        recipe: `quantization`, `onnx` and the keys named in `fast` are used.
        weights_sha256: identity of the model, for the files' metadata.
        programs: part → its `.tflite`; used only for the flavour qdq.
        images: (n, …) images that calibrate; None unless the recipe is int8.

    Raises:
        BadInput: onnxruntime cannot quantize the model, or a file would not be valid ONNX.
    """
    models, flavour, grid, times = _models(original, recipe, programs, images)
    by = "tf2onnx" if flavour in ("fp32", "qdq") else "tf2onnx, onnxruntime"
    converted = {}
    for part in PARTS:
        stamp = Stamp(
            recipe=recipe.name,
            recipe_sha256=recipe.sha256,
            weights_sha256=weights_sha256,
            part=part,
            flavour=flavour,
            code_size=math.prod(original.shapes["code"]),
            code_scale=None if grid is None else grid.scale,
            code_zero_point=None if grid is None else grid.zero_point,
            p50_us=times,
        )
        parent = programs[part].artifact if flavour == "qdq" else None
        content = finished(models[part], f"edgeae, {by}", stamp)
        converted[part] = Converted(content, flavour, parent)
    return converted


def _models(
    original: Original,
    recipe: Recipe,
    programs: Mapping[str, VerifiedArtifact],
    images: NDArray[np.float32] | None,
) -> tuple[dict[str, Any], str, Affine | None, dict[str, float]]:
    """Return part → `ModelProto`, the flavour, the code's grid and the times of `fast`."""
    if recipe.quantization == "int8" and recipe.onnx == "qdq":
        models = {part: _from_tflite(programs[part].content) for part in PARTS}
        return models, "qdq", programs["encoder"].artifact.output.grid, {}
    if recipe.quantization == "float32":
        return {part: _from_original(original, part) for part in PARTS}, "fp32", None, {}
    halves = _from_original(original, "encoder"), _from_original(original, "decoder")
    if recipe.quantization == "float16":
        return float16(*halves), "fp16", None, {}
    assert images is not None
    chosen = fast(*halves, images, recipe)
    return chosen.parts, f"fast-{chosen.form}", chosen.code, chosen.p50_us


def _from_original(original: Original, part: str) -> Any:
    """Return a part of an original as `ModelProto`, with a free batch named `batch`."""
    source, target = EDGES[part]
    shape = (None, *original.shapes[source])
    answer = original.parts[part]
    spec = [tf.TensorSpec(shape, tf.float32, name=source)]
    function = tf.function(lambda x: {target: answer(x)}, input_signature=spec)
    model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=OPSET)
    spell_out_gelu(model.graph)
    edges = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    for value in edges:
        dimensions = value.type.tensor_type.shape.dim
        if dimensions and dimensions[0].dim_param:
            dimensions[0].dim_param = "batch"
    return model


def _from_tflite(content: bytes) -> Any:
    """Return an int8 `.tflite` as `ModelProto` in QDQ form, with the same integers and scales."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.tflite"
        write_scratch(path, content)
        model, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
    spell_out_gelu(model.graph)
    unsigned_inside(model.graph)
    return model
