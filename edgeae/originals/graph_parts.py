"""Reads the frozen graph `model.pb` of an imported SavedModel, and cuts parts out of it.

The input is the node `image`, and the output the node `reconstruction`. The code is the first
output of the node that `train.json` names. Every node is free of side effects; see
`edgeae/importing/saved_model/operators.py`.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from edgeae.errors import BadInput
from edgeae.originals.legacy_keras import tf

IMAGE = "image"
RECONSTRUCTION = "reconstruction"


def load_graph(path: Path) -> Any:
    """Return the GraphDef in a file.

    Raises:
        BadInput: the file is not a GraphDef.
    """
    try:
        return tf.compat.v1.GraphDef.FromString(path.read_bytes())
    except DecodeError as error:
        raise BadInput(f"{path}: not a frozen graph: {error}") from None


def graph_sha256(content: bytes, code: str) -> str:
    """Return the identity of a model: the hash of its file and of the name of its code.

    The file has both the weights and the operators.
    """
    return hashlib.sha256(f"{code}\n".encode() + content).hexdigest()


def between(graph: Any, source: str, target: str) -> Any:
    """Return the part of a GraphDef that computes node `target` from node `source`.

    `source` becomes a placeholder. A tensor is the first output of its node.

    Raises:
        BadInput: the part also depends on the graph's own input.
    """
    nodes = {node.name: node for node in graph.node}
    needed, pending = {source}, [target]
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        if name == IMAGE:
            raise BadInput(f"cannot cut at {source}: a connection bypasses it to {target}")
        needed.add(name)
        pending += [node_of(item) for item in nodes[name].input]
    part = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.name == source:
            placeholder = part.node.add(name=source, op="Placeholder")
            placeholder.attr["dtype"].type = tf.float32.as_datatype_enum
        elif node.name in needed:
            part.node.append(node)
    return part


def node_of(tensor: str) -> str:
    """Return the name of the node of a tensor, such as `name` of `name:1` or `^name`."""
    return tensor.removeprefix("^").partition(":")[0]


def function(
    graph: Any, source: str, targets: dict[str, str], shapes: dict[str, tuple[int, ...]]
) -> Callable[[Any], dict[str, Any]]:
    """Return a function of one tensor (n, …), to be called in a tf.function.

    Args:
        graph: a GraphDef; only the nodes between `source` and `targets` are used.
        source: the node that the argument replaces.
        targets: name of each output → node.
        shapes: name of each output → its shape, without the batch.
    """
    # the last target depends on all the others: the code is computed before the reconstruction
    part = between(graph, source, list(targets.values())[-1])

    def answer(x: Any) -> dict[str, Any]:
        fetched = tf.graph_util.import_graph_def(
            part,
            input_map={f"{source}:0": x},
            return_elements=[f"{node}:0" for node in targets.values()],
            name="model",
        )
        answers = dict(zip(targets, fetched, strict=True))
        for name, tensor in answers.items():
            # shapes that the graph computes at run time are known here
            tensor.set_shape((None, *shapes[name]))
        return answers

    return answer
