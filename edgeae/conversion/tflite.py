"""An original → one TFLite graph of the whole autoencoder, its code among the outputs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats.fence import without_fence
from edgeae.formats.tflite import Graph, read
from edgeae.legacy_keras import tf
from edgeae.originals import Original
from edgeae.recipe import Recipe

__all__ = ["convert"]

_PER_TENSOR = "_experimental_disable_per_channel_quantization_for_dense_layers"


def convert(
    original: Original,
    recipe: Recipe,
    representative: NDArray[np.float32] | None,
    *,
    fenced: bool = False,
) -> Graph:
    """Convert with the TFLite converter; int8 models get int8 inputs and outputs.

    Args:
        original: what to convert; its code becomes an output beside the reconstruction.
        recipe: `quantization` and `per_channel` are used.
        representative: (n, …) images that calibrate int8 activations; None for other forms.
        fenced: keep the converter from moving arithmetic over the code; see `formats/fence.py`.

    Raises:
        BadInput: this TensorFlow lacks the switch that per-tensor weights need.
    """
    shape = (1, *original.input_shape)  # a free batch would put SHAPE and PACK into decoders

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])  # type: ignore[untyped-decorator]
    def signature(image: Any) -> dict[str, Any]:
        # a dict names the outputs; without one they are called output_0
        return _fenced(original, image) if fenced else dict(original.both_ends(image))

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [signature.get_concrete_function()], original.holder
    )
    _choose(converter, recipe, representative)
    graph = read(converter.convert(), "converted model")
    return without_fence(graph, graph.outputs["code"]) if fenced else graph


def _fenced(original: Original, image: Any) -> dict[str, Any]:
    code = original.parts["encoder"](image)
    last = len(code.shape) - 1
    copy = tf.gather(code, tf.range(code.shape[last]), axis=last)
    return {"code": code, "reconstruction": original.parts["decoder"](copy)}


def _choose(converter: Any, recipe: Recipe, representative: NDArray[np.float32] | None) -> None:
    if recipe.quantization == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.quantization == "int8":
        assert representative is not None
        images = representative

        def feed() -> Iterator[dict[str, NDArray[np.float32]]]:
            for image in images:
                yield {"image": image[None]}

        converter.representative_dataset = feed
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if not recipe.per_channel:
        if not hasattr(converter, _PER_TENSOR):
            raise BadInput(f"per_channel = False: TensorFlow {tf.__version__} has lost the switch")
        setattr(converter, _PER_TENSOR, True)
