"""Converts an original to one TFLite graph of the autoencoder that also outputs the code."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.tflite.integers import (
    ACTIVATIONS,
    calibrated,
    converted,
    find_ranges,
    quantized,
    with_ranges,
)
from edgeae.conversion.tflite.kept import Kept
from edgeae.conversion.tflite.on_scales import with_one_scale
from edgeae.conversion.tflite.rounding import rounded
from edgeae.errors import BadInput
from edgeae.formats.tflite.barrier import without_barrier
from edgeae.formats.tflite.graph import Graph, read
from edgeae.originals.legacy_keras import tf
from edgeae.originals.original import Original
from edgeae.recipe import Recipe

_NARROW = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
_WIDE = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
_PER_TENSOR = "_experimental_disable_per_channel_quantization_for_dense_layers"


@dataclass(frozen=True)
class Converted:
    """A converted graph.

    Attributes:
        graph: image → code and reconstruction.
        kept: the zeros and values that each weight tensor rounded by GPTQ must keep; empty for
            other recipes.
    """

    graph: Graph
    kept: tuple[Kept, ...] = ()


def convert(
    original: Original,
    recipe: Recipe,
    representative: NDArray[np.float32] | None,
    *,
    fenced: bool = False,
) -> Converted:
    """Convert with the TFLite converter; integer models get integer inputs and outputs.

    Args:
        original: the original to convert; its code becomes an output beside the reconstruction. If
            it rounds, the integers and ranges are its own, and nothing is calibrated.
        recipe: `quantization`, `per_channel`, `calibration`, `rounding` and `cluster` are used.
        representative: (n, …) images that calibrate integer activations; None if the recipe does
            not calibrate.
        fenced: whether a barrier keeps the converter from moving arithmetic across the code; see
            `edgeae.formats.tflite.barrier`.

    Raises:
        BadInput: this TensorFlow lacks an option that the recipe needs.
        OutOfTolerance: the weights to round by GPTQ are not those of the original.
    """
    converter = _converter(original, recipe, representative, fenced)
    if recipe.quantization == "int4":
        made = _with_int4_weights(converted(converter), recipe, representative)
    elif original.rounds or _in_one_go(recipe):
        made = Converted(read(converted(converter), "converted model"))
    else:
        assert representative is not None
        made = _step_by_step(converter, recipe, representative)
    if not fenced:
        return made
    return replace(made, graph=without_barrier(made.graph, made.graph.outputs["code"]))


def clipped(original: Original, recipe: Recipe, representative: NDArray[np.float32]) -> int:
    """Return how many activation values of the representative images lie outside of their range.

    Args:
        original: the original to convert.
        recipe: a recipe of int8 or int16x8.
        representative: (n, …) images.
    """
    content = calibrated(_converter(original, recipe, representative, False))
    return 0 if recipe.calibration == "min-max" else find_ranges(content, recipe, representative)[1]


def _converter(
    original: Original, recipe: Recipe, representative: NDArray[np.float32] | None, fenced: bool
) -> Any:
    shape = (1, *original.input_shape)  # a free batch would add SHAPE and PACK to decoders

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])  # type: ignore[untyped-decorator]
    def signature(image: Any) -> dict[str, Any]:
        # a dict, because its keys become the names of the outputs
        return _fenced(original, image) if fenced else dict(original.both_ends(image))

    function = signature.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], _holder(function))
    _choose(converter, original, recipe, representative)
    return converter


def _holder(function: Any) -> Any:
    """Return what TensorFlow saves to convert a function: its variables, and nothing of Keras.

    A Keras model would be saved with functions of its own for each layer, which nobody converts
    and which take most of the time.
    """
    holder = tf.Module()
    holder.held = list(function.variables)
    return holder


def _with_int4_weights(
    content: bytes, recipe: Recipe, representative: NDArray[np.float32] | None
) -> Converted:
    # imported here, because only int4 recipes need ai-edge-quantizer
    from edgeae.conversion.tflite.int4 import with_int4_weights

    graph = with_int4_weights(content)
    if recipe.rounding == "nearest":
        return Converted(graph)
    assert representative is not None
    return Converted(*rounded(graph, read(content, "converted model"), content, representative))


def _in_one_go(recipe: Recipe) -> bool:
    """Return whether the converter alone can do what a recipe asks for."""
    if recipe.quantization not in ACTIVATIONS:
        return True
    plain = recipe.calibration == "min-max" and recipe.rounding == "nearest"
    # the converter has one scale per channel for all layers, clustered ones too, or one per tensor
    alike = recipe.cluster is None or not recipe.per_channel
    return plain and recipe.quantization == "int8" and alike


def _step_by_step(converter: Any, recipe: Recipe, representative: NDArray[np.float32]) -> Converted:
    """Quantize with the ranges of the recipe's calibration and the recipe's rounding."""
    content = calibrated(converter)
    ranged = content
    if recipe.calibration != "min-max" or recipe.quantization == "int16x8":
        ranges, _ = find_ranges(content, recipe, representative)
        ranged = with_ranges(content, ranges)
    graph = quantized(
        ranged,
        recipe,
        per_tensor=recipe.cluster is not None and not recipe.per_channel,
        dense_per_tensor=not recipe.per_channel,
    )
    if recipe.cluster is not None and recipe.per_channel:
        return Converted(with_one_scale(graph, read(content, "calibrated model"), recipe.cluster))
    if recipe.rounding == "nearest":
        return Converted(graph)
    return Converted(*rounded(graph, read(content, "calibrated model"), content, representative))


def _fenced(original: Original, image: Any) -> dict[str, Any]:
    code = original.parts["encoder"](image)
    last = len(code.shape) - 1
    copy = tf.gather(code, tf.range(code.shape[last]), axis=last)
    return {"code": code, "reconstruction": original.parts["decoder"](copy)}


def _choose(
    converter: Any, original: Original, recipe: Recipe, representative: NDArray[np.float32] | None
) -> None:
    if recipe.quantization in ("float32", "int4"):
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.quantization in ACTIVATIONS:
        wide = recipe.quantization == "int16x8"
        operators, edges = (_WIDE, tf.int16) if wide else (_NARROW, tf.int8)
        converter.inference_input_type = converter.inference_output_type = edges
        if original.rounds:  # the graph has the ranges
            return
        assert representative is not None
        images = representative

        def feed() -> Iterator[dict[str, NDArray[np.float32]]]:
            for image in images:
                yield {"image": image[None]}

        converter.representative_dataset = feed
        converter.target_spec.supported_ops = [operators]
    if not recipe.per_channel:
        if not hasattr(converter, _PER_TENSOR):
            raise BadInput(f"per_channel = False: TensorFlow {tf.__version__} lacks the option")
        setattr(converter, _PER_TENSOR, True)
    if recipe.cluster is not None and not recipe.per_channel:
        # convolutions too, so that a clustered value is the same integer in all channels
        converter._experimental_disable_per_channel = True
