"""Child process: reads a SavedModel that Keras 2 wrote of a model with tfmot's wrappers.

Keras writes the architecture beside the graph, as JSON, and the variables as a checkpoint. The
graph is not read: it has operators that a wrapper needs in training, with side effects.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import trackable_object_graph_pb2
from tf_keras.protobuf import saved_metadata_pb2

from edgeae.errors import BadInput
from edgeae.importing.keras.file import KerasFile
from edgeae.importing.keras.reading import handed_over
from edgeae.importing.tfmot.wrappers import METADATA
from edgeae.originals.legacy_keras import tf
from edgeae.reading import files
from edgeae.reading.parsing import parse_json
from edgeae.reading.unpacking import Allowance
from edgeae.system import children

_VARIABLES = "variables/variables"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
#: Variables of the optimizer and of metrics, which are no weights.
_OTHERS = ("optimizer/", "keras_api/")
_TUPLES = ("__tuple__", "TensorShape")
_DEEPEST = 200
_DAMAGED = (tf.errors.OpError, ValueError, DecodeError, KeyError, UnicodeDecodeError)


def read(folder: Path) -> KerasFile:
    """Return the architecture, and as content the variables as an `.npz` of named arrays.

    Raises:
        BadInput: a file is damaged, or two variables have the same name.
        OSError: a file cannot be read.
    """
    path = folder / METADATA
    try:
        nodes = saved_metadata_pb2.SavedMetadata.FromString(files.read(path, files.MODEL_BYTES))
    except DecodeError as error:
        raise BadInput(f"{path}: damaged: {error}") from None
    (root,) = [node for node in nodes.nodes if node.node_id == 0] or [None]
    if root is None:
        raise BadInput(f"{path}: has no model")
    model = parse_json(root.metadata.encode(), f"{path}: the architecture", _DEEPEST)
    if not isinstance(model, dict) or "config" not in model:
        raise BadInput(f"{path}: has no architecture, as of a subclassed model")
    stream = io.BytesIO()
    try:
        np.savez(stream, **_variables(folder))
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{folder}: its variables are damaged: {reason}") from None
    return KerasFile(folder, stream.getvalue(), ".npz", 2, _with_lists(model))


def _with_lists(value: Any) -> Any:
    """Return JSON in which tuples and shapes are lists, as they are in Keras's files."""
    if isinstance(value, dict):
        if value.get("class_name") in _TUPLES and "items" in value:
            return _with_lists(value["items"])
        return {key: _with_lists(item) for key, item in value.items()}
    return [_with_lists(item) for item in value] if isinstance(value, list) else value


def _variables(folder: Path) -> dict[str, Any]:
    checkpoint = tf.train.load_checkpoint(str(folder / _VARIABLES))
    shapes = checkpoint.get_variable_to_shape_map()
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        checkpoint.get_tensor(_GRAPH)
    )
    allowance, arrays = Allowance(str(folder)), dict[str, Any]()
    for node in graph.nodes:
        for item in node.attributes:
            if item.checkpoint_key.startswith(_OTHERS) or item.checkpoint_key not in shapes:
                continue
            if item.full_name in arrays:
                raise BadInput(
                    f"{folder}: two variables are called {item.full_name}; save the model as .h5"
                )
            # 8 bytes are those of the widest type
            allowance.take(8 * int(np.prod(shapes[item.checkpoint_key])), item.full_name)
            arrays[item.full_name] = checkpoint.get_tensor(item.checkpoint_key)
    return arrays


def _read(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield handed_over(read(Path(job["path"])), job)


if __name__ == "__main__":
    children.serve(_read)
