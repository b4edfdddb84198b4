"""Quantizes a calibrated float flatbuffer to full integers, with ranges that edgeae chooses.

TensorFlow's converter only calibrates by the least and largest value. Its two steps, calibration
and quantization, are called separately here, as in `tensorflow/lite/python/lite.py`, and the ranges
are changed in between. Both are private to TensorFlow, so their existence is checked first.
"""

import math
import tempfile
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeae.conversion.tflite.activations import FIXED, groups, reach, sample
from edgeae.conversion.tflite.ranges import Range, least_error, percentile
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, read
from edgeae.formats.tflite.int16_versions import with_int16_versions
from edgeae.originals.legacy_keras import tf
from edgeae.recipe import Recipe

#: Quantization → element type of its activations.
ACTIVATIONS = {"int8": "int8", "int16x8": "int16"}
#: Factor on the ranges of int16: it leaves one bit for images whose activations exceed those of the
#: representative images. The steps of int16 are so small that this adds no loss.
_HEADROOM = 2
_CALIBRATE_ONLY = "_experimental_calibrate_only"


def calibrated(converter: Any) -> bytes:
    """Return the calibrated float flatbuffer of a converter, with least and largest values.

    Args:
        converter: set up for integers, with a representative dataset; it is changed.

    Raises:
        BadInput: this TensorFlow cannot calibrate without quantizing.
    """
    if not hasattr(converter, _CALIBRATE_ONLY):
        raise BadInput(
            f"calibration: TensorFlow {tf.__version__} only calibrates by min-max; allowed is "
            "'min-max'"
        )
    setattr(converter, _CALIBRATE_ONLY, True)
    # with int16, the converter would ask for int16 inputs and outputs of the float model
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converted(converter)


def converted(converter: Any) -> bytes:
    """Return the flatbuffer that a converter makes.

    The converter first saves the model in a temporary folder. If that fails, it silently continues
    without the model's signature.

    Raises:
        BadInput: the temporary folder has no room for the model.
    """
    try:
        content: bytes = converter.convert()
    except ValueError:  # calibration needs the signature
        _check_saved(converter)
        raise
    _check_saved(converter)
    return content


def _check_saved(converter: Any) -> None:
    if converter.saved_model_dir is None:
        raise BadInput(
            f"{tempfile.gettempdir()}: TensorFlow could not save the model in this folder; the "
            "most likely cause is that there is no room left"
        )


def find_ranges(
    content: bytes, recipe: Recipe, images: NDArray[np.float32]
) -> tuple[dict[int, Range], int]:
    """Return index of each activation → its range, and the number of values outside of the ranges.

    The input and activations with a range that kernels prescribe are left out. If only sigmoids or
    only tanhs read an activation, its range ends where they saturate.

    Args:
        content: a calibrated float flatbuffer.
        recipe: `calibration`, `percentile` and `quantization` are used.
        images: (n, …) representative images.
    """
    graph = read(content, "calibrated model")
    values = sample(content, graph, images)
    dtype = ACTIVATIONS[recipe.quantization]
    ranges: dict[int, Range] = {}
    clipped = 0
    for group in groups(graph):
        if _is_fixed(graph, group):
            continue
        of_group = np.concatenate([values[index] for index in sorted(group)])
        limit = reach(graph, group, dtype)
        within = of_group if math.isinf(limit) else np.clip(of_group, -limit, limit)
        if recipe.calibration == "mse":
            chosen = least_error(within, dtype)
        else:
            share = recipe.percentile if recipe.calibration == "percentile" else 100.0
            chosen = percentile(within, share)
        if dtype == "int16":
            chosen = Range(chosen.least * _HEADROOM, chosen.most * _HEADROOM)
        clipped += chosen.clipped(of_group)
        ranges |= dict.fromkeys(group, chosen)
    return ranges, clipped


def _is_fixed(graph: Graph, group: set[int]) -> bool:
    made = [item.name for item in graph.operators if group & set(item.outputs)]
    return bool(group & set(graph.inputs.values())) or any(name in FIXED for name in made)


def with_ranges(content: bytes, ranges: dict[int, Range]) -> bytes:
    """Return a calibrated flatbuffer with the given ranges as least and largest values."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (subgraph,) = model.subgraphs
    for index, bounds in ranges.items():
        quantization = subgraph.tensors[index].quantization or schema.QuantizationParametersT()
        quantization.min = np.array([bounds.least], np.float32)
        quantization.max = np.array([bounds.most], np.float32)
        subgraph.tensors[index].quantization = quantization
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def quantized(
    content: bytes, recipe: Recipe, *, per_tensor: bool = False, dense_per_tensor: bool = False
) -> Graph:
    """Return the integer graph of a calibrated flatbuffer, quantized with the ranges in it.

    Inputs and outputs have the type of the activations.

    Args:
        content: a calibrated flatbuffer; see `with_ranges`.
        recipe: `quantization` is used.
        per_tensor: one scale per weight tensor instead of one per output channel.
        dense_per_tensor: the same, only for Dense layers.

    Raises:
        BadInput: this TensorFlow lacks the private quantization functions.
    """
    try:
        from tensorflow.lite.python.convert import mlir_quantize
        from tensorflow.lite.python.optimize.calibrator import Calibrator
    except ImportError:
        reason = f"TensorFlow {tf.__version__} only calibrates by min-max; allowed is 'min-max'"
        raise BadInput(f"calibration = {recipe.calibration!r}: {reason}") from None
    if recipe.quantization == "int16x8":
        # no images, so that the ranges in the flatbuffer are not calibrated again
        made = Calibrator(content).calibrate_and_quantize(
            lambda: iter(()), tf.int16, tf.int16, False, tf.int16, tf.int64
        )
        return with_int16_versions(read(bytes(made), "converted model"))
    made = mlir_quantize(
        content,
        per_tensor,
        input_data_type=tf.int8,
        output_data_type=tf.int8,
        disable_per_channel_for_dense_layers=dense_per_tensor,
    )
    return read(bytes(made), "converted model")
