"""Files as tfmot's wrappers leave them, written by hand: an architecture as JSON, and arrays.

The names, numbers and orders are those of files that tensorflow-model-optimization 0.8.1 and Keras
2.21 wrote; `tests/whole/test_import_tfmot.py` has such files made by them.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

#: Class of a wrapper → module, and what stands before the name of its layer.
WRAPPERS = {
    "PruneLowMagnitude": ("sparsity.keras.pruning_wrapper", "prune_low_magnitude_"),
    "ClusterWeights": ("clustering.keras.cluster_wrapper", "cluster_"),
    "QuantizeWrapper": ("quantization.keras.quantize_wrapper", "quant_"),
    "QuantizeWrapperV2": ("quantization.keras.quantize_wrapper", "quant_"),
}
DENSE = ("kernel", "bias")


def dense(name: str, units: int, activation: object = "linear") -> dict[str, Any]:
    """A Dense layer."""
    return {
        "class_name": "Dense",
        "config": {"name": name, "units": units, "activation": activation},
    }


def wrapped(kind: str, layer: Mapping[str, Any], **config: object) -> dict[str, Any]:
    """A layer in a wrapper."""
    module, prefix = WRAPPERS[kind]
    return {
        "module": f"tensorflow_model_optimization.python.core.{module}",
        "class_name": kind,
        "config": {"name": f"{prefix}{layer['config']['name']}", "layer": layer, **config},
        "registered_name": kind,
    }


def quantized(layer: Mapping[str, Any], config: str = "Default8BitQuantizeConfig") -> dict:
    """A Dense layer in the wrapper of quantization-aware training."""
    activation = {
        "class_name": "QuantizeAwareActivation",
        "config": {"activation": layer["config"]["activation"]},
    }
    settings = {"weight_attrs": ["kernel"], "activation_attrs": ["activation"]}
    return wrapped(
        "QuantizeWrapperV2",
        {**layer, "config": {**layer["config"], "activation": activation}},
        quantize_config={"class_name": config, "config": {**settings, "quantize_output": False}},
    )


def quantizer(bits: int = 8) -> dict[str, Any]:
    """The quantizer of the input."""
    config = {"num_bits": bits, "per_axis": False, "symmetric": False, "narrow_range": False}
    inner = {"class_name": "AllValuesQuantizer", "config": config}
    return {
        "class_name": "QuantizeLayer",
        "config": {"name": "quantize_layer", "quantizer": inner},
    }


def sequential(width: int, *layers: dict[str, Any], name: str = "net") -> dict[str, Any]:
    """A sequential model."""
    first = {
        "class_name": "InputLayer",
        "config": {"name": "input_1", "batch_input_shape": [None, width]},
    }
    return {"class_name": "Sequential", "config": {"name": name, "layers": [first, *layers]}}


def h5(path: Path, model: dict[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write an HDF5 file: outermost layer → name of a weight, as `dense/kernel` → array."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        file.attrs["keras_version"] = "2.21.0"
        for group, arrays in groups.items():
            for name, array in arrays.items():
                file.create_dataset(f"model_weights/{group}/{name}:0", data=array)
    return path


def keras(path: Path, model: dict[str, Any], groups: Mapping[str, list[Any]]) -> Path:
    """Write a `.keras` file: group, as `layers/dense/vars` → its arrays, in order."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for group, arrays in groups.items():
            for number, array in enumerate(arrays):
                file.create_dataset(f"{group}/{number}", data=array)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0"}))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", stream.getvalue())
    return path


def step(value: int = 7, dtype: str = "int64") -> np.ndarray:
    """The number of a step of training."""
    return np.array(value, dtype)
