"""Child process: checks and freezes a SavedModel, compares the outputs, and finds the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeae.errors import BadInput
from edgeae.importing.bottleneck import Choice, choose
from edgeae.importing.rows import input_shape, spread
from edgeae.importing.saved_model.file import Signature, check_call, read
from edgeae.importing.saved_model.frozen_graph import (
    Tensors,
    measure,
    nodes,
    plain,
    with_free_batch,
    without_batch,
)
from edgeae.importing.saved_model.resizes import with_resizes
from edgeae.metrics.parity import float32_gap, mse
from edgeae.originals.graph_parts import IMAGE, RECONSTRUCTION, graph_sha256, node_of
from edgeae.originals.legacy_keras import tf
from edgeae.originals.original import Original, from_graph
from edgeae.system import atomic, children
from edgeae.training.fit import deterministic

#: Errors that TensorFlow raises on damaged or truncated files.
_REFUSED = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError),
    *(RuntimeError, AssertionError, tf.errors.OpError),
)


def freeze(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write the frozen graph of the SavedModel `job["source"]` to `job["out"]`.

    Args:
        job: `source`, a folder; `code_layer` or None; `dataset`, the name of the data; `images`:
            `validation` and `test` → `.npy` of (n, …) real values in the data's own shape; `out`.

    Yields:
        One report of the model: code, shapes, parameters, identity and losses.

    Raises:
        BadInput: the SavedModel has something that is not allowed, is not an autoencoder, or has no
            bottleneck.
    """
    deterministic(0)
    source = Path(job["source"])
    signature = read(source)
    images = {part: np.load(file) for part, file in job["images"].items()}
    rows = images["test"].shape[1:]
    shape = input_shape(source, signature.shape, rows, job["dataset"])
    images = {part: array.reshape(-1, *shape) for part, array in images.items()}
    try:
        loaded = tf.saved_model.load(str(source), tags=signature.tags)  # keeps the variables alive
        call = loaded.signatures[signature.key]
        check_call(source, call)
        few = spread(images["test"])
        expected = _answers(source, call, signature, few)
        graph = _frozen(call, signature, shape)
        graph = graph if signature.batch is None else with_free_batch(graph)
        tensors = _measured(source, graph, shape)
    except _REFUSED as error:
        raise BadInput(f"{source}: TensorFlow cannot load it: {_line(error)}") from None
    graph = with_resizes(without_batch(graph, tensors), tensors)
    tensors = _measured(source, graph, shape)
    choice = _choose(source, graph, tensors, job["code_layer"])
    code_shape = tensors.shape(choice.name)
    assert code_shape is not None
    original = from_graph(graph, choice.name, shape, code_shape)
    _check_answers(source, original, few, expected)
    content: bytes = graph.SerializeToString(deterministic=True)
    atomic.write_bytes(Path(job["out"]), content)
    yield {
        "choice": choice.to_json(),
        "input_shape": shape,
        "code_shape": code_shape,
        "description": _describe(graph, shape, code_shape),
        "parameters": _parameters(graph),
        "weights_sha256": graph_sha256(content, choice.name),
        "losses": {
            part: mse(original.run("autoencoder", array), array) for part, array in images.items()
        },
    }


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _answers(
    source: Path, call: Any, signature: Signature, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the outputs of the SavedModel itself, one image per call."""
    outputs = [call(**{signature.source: tf.constant(image[None])}) for image in images]
    answers = np.concatenate([item[signature.target].numpy() for item in outputs])
    if answers.shape != images.shape:
        raise BadInput(
            f"{source}: not an autoencoder: its input has the shape {images.shape[1:]}, its output "
            f"{answers.shape[1:]}"
        )
    if not np.isfinite(answers).all():
        raise BadInput(f"{source}: its outputs have NaN or infinity on this data")
    return answers


def _frozen(call: Any, signature: Signature, shape: tuple[int, ...]) -> Any:
    spec = tf.TensorSpec((signature.batch, *shape), tf.float32, name=IMAGE)

    @tf.function(input_signature=[spec], autograph=False)  # type: ignore[untyped-decorator]
    def whole(image: Any) -> Any:
        return call(**{signature.source: image})[signature.target]

    frozen = convert_variables_to_constants_v2(whole.get_concrete_function())
    (source,), (target,) = frozen.inputs, frozen.outputs
    graph = frozen.graph.as_graph_def()
    return plain(graph, node_of(source.name), node_of(target.name), shape)


def _measured(source: Path, graph: Any, shape: tuple[int, ...]) -> Tensors:
    try:
        return measure(graph, shape)
    except tf.errors.OpError as error:
        raise BadInput(
            f"{source}: does not work for every batch size ({_line(error)}); "
            "save it with a free batch"
        ) from None


def _choose(source: Path, graph: Any, tensors: Tensors, code_layer: str | None) -> Choice:
    uncut = _uncut(graph, tensors)
    candidates = nodes(graph, tensors, lambda name: name not in uncut)
    named = _named([node.name for node in candidates], code_layer)
    try:
        choice = choose(candidates, IMAGE, RECONSTRUCTION, named, wide=True)
    except BadInput as error:
        raise BadInput(f"{source}: {error}") from None
    if choice.name in uncut:
        raise BadInput(f"{source}: --code-layer {code_layer}: {uncut[choice.name]}")
    return choice


def _uncut(graph: Any, tensors: Tensors) -> dict[str, str]:
    """Return each node that cannot be the code → the reason."""
    reasons = {
        node_of(tensor): "has several outputs"
        for node in graph.node
        for tensor in node.input
        if ":" in tensor
    }
    for name in tensors.shapes:
        if tensors.shape(name) is None:
            reasons[name] = "its first dimension is not the batch"
        elif name in tensors.integers:
            reasons[name] = "holds integers"
    return reasons


def _named(names: list[str], code_layer: str | None) -> str | None:
    """Return the node that `code_layer` names: a node, a tensor, or a layer (its last node)."""
    if code_layer is None or node_of(code_layer) in names:
        return code_layer and node_of(code_layer)
    layer = re.escape(code_layer.strip("/"))
    # Keras 3 numbers the layers that it exports: `code` becomes `code_1`
    for pattern in (f"/{layer}/", f"/{layer}_[0-9]+/"):
        inside = [name for name in names if re.search(pattern, f"/{name}/")]
        if inside:
            return inside[-1]
    return code_layer


def _check_answers(
    source: Path,
    original: Original,
    images: NDArray[np.float32],
    expected: NDArray[np.float32],
) -> None:
    whole = original.run("autoencoder", images)
    composed = original.run("decoder", original.run("encoder", images))
    for answers in (whole, composed):
        most, allowed = float32_gap(answers, expected)
        if most > allowed:
            raise BadInput(
                f"{source}: the outputs of {len(images)} images at once differ from those of "
                f"single images by {most:.3g}; allowed is {allowed:.3g}"
            )


def _parameters(graph: Any) -> int:
    arrays = (
        tf.make_ndarray(node.attr["value"].tensor) for node in graph.node if node.op == "Const"
    )
    return sum(array.size for array in arrays if array.dtype.kind == "f" and array.ndim)


def _describe(graph: Any, shape: tuple[int, ...], code: tuple[int, ...]) -> str:
    operators = sum(node.op not in ("Const", "Placeholder") for node in graph.node) - 1
    sizes = " → ".join("×".join(map(str, item)) for item in (shape, code, shape))
    return f"{operators} operators, {sizes}"


if __name__ == "__main__":
    children.serve(freeze)
