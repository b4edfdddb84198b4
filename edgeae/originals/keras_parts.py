"""A Keras autoencoder and the parts cut out of it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.errors import BadInput
from edgeae.originals.legacy_keras import keras
from edgeae.reading import files

_ZIP = b"PK"


def load_model(path: Path) -> Any:
    """Load a `.keras` file, uncompiled; code inside it never runs.

    Raises:
        BadInput: it is none, or Keras cannot read it.
    """
    with files.open_regular(path) as stream:
        if stream.read(len(_ZIP)) != _ZIP:  # of an HDF5 file Keras would also load functions
            raise BadInput(f"{path}: not a .keras file: no zip archive")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"{path}: Keras cannot load it: {reason}") from None


def parts(model: Any, code_layer: str) -> dict[str, Any]:
    """Cut a flat model into encoder, decoder and autoencoder, which share its layers.

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
    """Return a model image → {`code`, `reconstruction`}: one conversion then covers both."""
    code = model.get_layer(code_layer).output
    return keras.Model(model.input, {"code": code, "reconstruction": model.output})


def clone(model: Any) -> Any:
    """Return a copy that shares nothing: what changes it leaves the model alone."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def imported_sha256(model: Any, code_layer: str) -> str:
    """Hash the identity of a model that edgeae did not train: weights, layers and code.

    Its family says nothing of its layers: the same weights may be strided or activated otherwise.
    """
    layers = [[type(layer).__name__, layer.get_config()] for layer in model.layers]
    told = json.dumps(
        [weights_sha256(model), code_layer, layers],
        sort_keys=True,
        default=lambda value: np.asarray(value).tolist(),  # an initializer's constant
    )
    return hashlib.sha256(told.encode()).hexdigest()


def weights_sha256(model: Any) -> str:
    """Hash a model's identity: name, shape and bytes of each weight, in order."""
    digest = hashlib.sha256()
    for weight in model.weights:
        values = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()
