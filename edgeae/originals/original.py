"""The original of a model: its parts as functions of one tensor, for every form of model.

Conversion and TensorFlow's runtimes use originals only through this interface. Functions that only
apply to Keras models are in `keras_parts.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES
from edgeae.artifacts.model import IMPORTED, Training, images_at_once
from edgeae.errors import ManifestMismatch
from edgeae.originals import graph_parts, keras_parts
from edgeae.originals.graph_parts import IMAGE, RECONSTRUCTION
from edgeae.originals.legacy_keras import tf

#: A tensor (n, …) → a tensor (n, …); may only be called in a tf.function.
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Original:
    """A float32 autoencoder that TensorFlow can run.

    Attributes:
        shapes: `image`, `code` and `reconstruction` → shape, without the batch.
        parts: `encoder`, `decoder` and `autoencoder` → function.
        both_ends: function image → {`code`, `reconstruction`}, so that one conversion covers both.
        model: the flat Keras model, which can be fine-tuned; None for a frozen graph.
        rounds: whether the functions round weights and activations to integer grids, which an
            integer export takes over.
    """

    shapes: dict[str, tuple[int, ...]]
    parts: dict[str, Function]
    both_ends: Callable[[Any], dict[str, Any]]
    model: Any = field(default=None, repr=False)
    rounds: bool = False

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.shapes["image"]

    def run(self, part: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs (n, …) of a part for inputs (n, …)."""
        shape = tf.TensorSpec((None, *self.shapes[EDGES[part][0]]), tf.float32)
        answer = tf.function(self.parts[part], input_signature=[shape], autograph=False)
        batch = images_at_once(self.input_shape)
        starts = range(0, len(inputs), batch)
        return np.concatenate([answer(inputs[i : i + batch]).numpy() for i in starts])


def open_original(folder: Path, training: Training) -> Original:
    """Return the original in a model's folder; code in the file never runs.

    Raises:
        BadInput: the file cannot be read, or the model cannot be cut at the code.
        ManifestMismatch: the weights are not those of `train.json`.
        NotMeasured: the model was imported as is.
    """
    path = folder / training.original(folder, "autoencoder").path
    if training.form == "graph":
        graph = graph_parts.load_graph(path)
        actual = graph_parts.graph_sha256(path.read_bytes(), training.code_layer)
        original = from_graph(graph, training.code_layer, training.input_shape, training.code_shape)
    else:
        model = keras_parts.load_model(path)
        actual = (
            keras_parts.imported_sha256(
                model, training.code_layer, training.configuration.get("ranges")
            )
            if training.family == IMPORTED
            else keras_parts.weights_sha256(model)
        )
        original = from_keras(model, training.code_layer)
    if actual != training.weights_sha256:
        again = "import" if training.form == "graph" else "train"
        raise ManifestMismatch(f"{path}: weights are not those of train.json; {again} again")
    return original


def from_keras(model: Any, code_layer: str, *, rounds: bool = False) -> Original:
    """Return the original of a flat Keras model, image → reconstruction.

    Args:
        model: a model with one input and one output.
        code_layer: name of the layer whose output is the code.
        rounds: whether its layers round to integer grids.
    """
    ends = keras_parts.both_ends(model, code_layer)
    cuts = keras_parts.parts(model, code_layer)
    return Original(
        {
            "image": tuple(model.input_shape[1:]),
            "code": tuple(cuts["encoder"].output_shape[1:]),
            "reconstruction": tuple(model.output_shape[1:]),
        },
        {part: _inference(cut) for part, cut in cuts.items()},
        _inference(ends),
        model=model,
        rounds=rounds,
    )


def _inference(model: Any) -> Function:
    return lambda x: model(x, training=False)


def from_graph(
    graph: Any, code: str, input_shape: tuple[int, ...], code_shape: tuple[int, ...]
) -> Original:
    """Return the original of a frozen graph; see `graph_parts`.

    Args:
        graph: a GraphDef.
        code: name of the node whose output is the code.
        input_shape: shape of one image and one reconstruction.
        code_shape: shape of one code.

    Raises:
        BadInput: a connection bypasses the code.
    """
    nodes = {"image": IMAGE, "code": code, "reconstruction": RECONSTRUCTION}
    shapes = {"image": input_shape, "code": code_shape, "reconstruction": input_shape}

    def single(source: str, target: str) -> Function:
        answer = graph_parts.function(graph, nodes[source], {target: nodes[target]}, shapes)
        return lambda x: answer(x)[target]

    ends = {name: nodes[name] for name in ("code", "reconstruction")}
    return Original(
        shapes,
        {part: single(*edges) for part, edges in EDGES.items()},
        graph_parts.function(graph, IMAGE, ends, shapes),
    )
