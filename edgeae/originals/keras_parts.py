"""Loads a Keras autoencoder, cuts parts out of it, and computes its identity."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.errors import BadInput
from edgeae.originals.legacy_keras import keras
from edgeae.reading import files

_ZIP = b"PK"


def load_model(path: Path) -> Any:
    """Return the uncompiled model in a `.keras` file; code in the file never runs.

    Raises:
        BadInput: it is not a `.keras` file, or Keras cannot read it.
    """
    with files.open_regular(path) as stream:
        if stream.read(len(_ZIP)) != _ZIP:  # Keras would load functions from an HDF5 file
            raise BadInput(f"{path}: not a .keras file: not a zip archive")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"{path}: Keras cannot load it: {reason}") from None


def parts(model: Any, code_layer: str) -> dict[str, Any]:
    """Return encoder, decoder and autoencoder of a flat model; they share its layers.

    Args:
        model: a functional model with one input and one output.
        code_layer: name of the layer whose output is the code.
    """
    code = model.get_layer(code_layer).output
    return {
        "encoder": keras.Model(model.input, code, name="encoder"),
        "decoder": keras.Model(code, model.output, name="decoder"),
        "autoencoder": model,
    }


def both_ends(model: Any, code_layer: str) -> Any:
    """Return a model image → {`code`, `reconstruction`}, so that one conversion covers both."""
    code = model.get_layer(code_layer).output
    return keras.Model(model.input, {"code": code, "reconstruction": model.output})


def macs(model: Any) -> int:
    """Return the multiply-accumulates of one inference of a flat model.

    Each weight of a kernel is used once at each position of the layer's output; a transposed
    convolution uses it at each position of its input instead.
    """
    total = 0
    for layer in model.layers:
        kernels = [item.shape for item in layer.weights if "kernel" in item.name]
        spread = layer.input if "Transpose" in type(layer).__name__ else layer.output
        positions = math.prod(spread.shape[1:-1]) if kernels else 0
        total += positions * sum(map(math.prod, kernels))
    return total


def activations(model: Any) -> int:
    """Return the number of values that all layers of a flat model output for one image."""
    return sum(math.prod(layer.output.shape[1:]) for layer in model.layers)


def clone(model: Any) -> Any:
    """Return a copy of a model that shares no layers or weights with it."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def imported_sha256(model: Any, code_layer: str, ranges: dict[str, Any] | None) -> str:
    """Return the identity of an imported model: the hash of its weights, layers, code and ranges.

    The layers are included because the family of an imported model does not determine them: the
    same weights may have other strides or activations.

    Args:
        model: the flat model.
        code_layer: name of the layer whose output is the code.
        ranges: the fields of the `Ranges` that it was imported with, or None.
    """
    layers = [[type(layer).__name__, layer.get_config()] for layer in model.layers]
    content = json.dumps(
        [weights_sha256(model), code_layer, layers, *([] if ranges is None else [ranges])],
        sort_keys=True,
        default=lambda value: np.asarray(value).tolist(),  # constants of initializers
    )
    return hashlib.sha256(content.encode()).hexdigest()


def weights_sha256(model: Any) -> str:
    """Return the identity of a trained model: the hash of its weights with names and shapes."""
    digest = hashlib.sha256()
    for weight in model.weights:
        values = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()
