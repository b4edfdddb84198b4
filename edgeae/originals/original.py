"""The original of a model, whatever its form: its parts as functions of one tensor.

Conversion and TensorFlow's runtimes know originals by this alone; what only Keras models have,
such as layers that can be pruned, is in `keras_parts.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES
from edgeae.artifacts.model import IMPORTED, Training
from edgeae.errors import ManifestMismatch
from edgeae.originals import graph_parts, keras_parts
from edgeae.originals.graph_parts import IMAGE, RECONSTRUCTION
from edgeae.originals.legacy_keras import tf

#: A tensor (n, …) → a tensor (n, …); may be called in a tf.function alone.
Function = Callable[[Any], Any]
_BATCH = 1000


@dataclass(frozen=True)
class Original:
    """A float32 autoencoder that TensorFlow can run.

    Attributes:
        shapes: `image`, `code` and `reconstruction` → shape, without the batch.
        parts: `encoder`, `decoder` and `autoencoder`.
        both_ends: image → {`code`, `reconstruction`}: one conversion then covers both.
        holder: what holds the variables; it must live as long as the functions.
        model: the flat Keras model, which can be fine-tuned; None of a graph, which cannot.
    """

    shapes: dict[str, tuple[int, ...]]
    parts: dict[str, Function]
    both_ends: Callable[[Any], dict[str, Any]]
    holder: Any = field(repr=False)
    model: Any = field(default=None, repr=False)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.shapes["image"]

    def run(self, part: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run a part over inputs, (n, …) → (n, …)."""
        shape = tf.TensorSpec((None, *self.shapes[EDGES[part][0]]), tf.float32)
        answer = tf.function(self.parts[part], input_signature=[shape], autograph=False)
        starts = range(0, len(inputs), _BATCH)
        return np.concatenate([answer(inputs[i : i + _BATCH]).numpy() for i in starts])


def open_original(folder: Path, training: Training) -> Original:
    """Load the original in a model's folder; code inside it never runs.

    Raises:
        BadInput: it cannot be read, or cannot be cut at the code.
        ManifestMismatch: the weights are not those of `train.json`.
        NotMeasured: the model was imported as is.
    """
    path = folder / training.original(folder, "autoencoder").path
    if training.form == "graph":
        graph = graph_parts.load_graph(path)
        known = graph_parts.graph_sha256(path.read_bytes(), training.code_layer)
        original = from_graph(graph, training.code_layer, training.input_shape, training.code_shape)
    else:
        model = keras_parts.load_model(path)
        known = (
            keras_parts.imported_sha256(model, training.code_layer)
            if training.family == IMPORTED
            else keras_parts.weights_sha256(model)
        )
        original = from_keras(model, training.code_layer)
    if known != training.weights_sha256:
        again = "import" if training.form == "graph" else "train"
        raise ManifestMismatch(f"{path}: weights are not those of train.json; {again} again")
    return original


def from_keras(model: Any, code_layer: str) -> Original:
    """Wrap a flat Keras model, image → reconstruction.

    Args:
        model: one input, one output.
        code_layer: name of the layer whose output is the code.
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
        holder=ends,
        model=model,
    )


def _inference(model: Any) -> Function:
    return lambda x: model(x, training=False)


def from_graph(
    graph: Any, code: str, input_shape: tuple[int, ...], code_shape: tuple[int, ...]
) -> Original:
    """Wrap a frozen graph; see `graph_parts`.

    Args:
        graph: GraphDef.
        code: the node whose output is the code.
        input_shape: of one image and one reconstruction.
        code_shape: of one code.

    Raises:
        BadInput: a connection leads around the code.
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
        holder=tf.Module(),
    )
