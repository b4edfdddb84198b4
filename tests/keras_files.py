"""Keras files written by hand: an architecture as JSON, and no weights worth the name.

Whatever is refused is refused on these, so no Keras is needed to make them.
"""

import io
import json
import zipfile
from pathlib import Path

import h5py

#: What a layer of `layer()` is called on, in Keras 3 and in Keras 2.
VERSIONS = {3: "3.15.1", 2: "2.21.0"}


def layer(kind: str, name: str, *inputs: str, version: int = 3, **config: object) -> dict:
    """One layer of a functional model."""
    item = {"class_name": kind, "config": {"name": name, **config}, "name": name}
    if version == 2:
        nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        return {**item, "inbound_nodes": nodes}
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}}
        for source in inputs
    ]
    arguments = [tensors] if len(tensors) > 1 else tensors
    nodes = [{"args": arguments, "kwargs": {}}] if inputs else []
    module = "keras.layers"
    return {**item, "module": module, "registered_name": None, "inbound_nodes": nodes}


def functional(layers: list[dict], inputs: list[str], outputs: list[str], name="net") -> dict:
    """A functional model of some layers."""
    ends = {
        "input_layers": [[item, 0, 0] for item in inputs],
        "output_layers": [[item, 0, 0] for item in outputs],
    }
    return {"class_name": "Functional", "config": {"name": name, "layers": layers, **ends}}


def dense(*units: int, version: int = 3, **last: object) -> dict:
    """Input, then Dense layers d1, d2, …; `last` goes into the last one's configuration."""
    shape = "batch_shape" if version == 3 else "batch_input_shape"
    layers = [layer("InputLayer", "d0", version=version, **{shape: [None, units[0]]})]
    for number, width in enumerate(units[1:], 1):
        config = {"units": width, "activation": "relu"}
        if number == len(units) - 1:
            config |= last
        item = layer("Dense", f"d{number}", f"d{number - 1}", version=version, **config)
        layers.append(item)
    return functional(layers, ["d0"], [f"d{len(units) - 1}"])


def keras(path: Path, model: dict, version: int = 3, weights: str = "model.weights.h5") -> Path:
    """Write a `.keras` file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": VERSIONS[version]}))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr(weights, empty_hdf5())
    return path


def empty_hdf5() -> bytes:
    """An HDF5 file without a weight."""
    stream = io.BytesIO()
    h5py.File(stream, "w").close()
    return stream.getvalue()


def hdf5(path: Path, model: dict | None, version: int = 2) -> Path:
    """Write an `.h5` file."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["keras_version"] = VERSIONS[version]
        if model is not None:
            file.attrs["model_config"] = json.dumps(model)
    path.write_bytes(stream.getvalue())
    return path
