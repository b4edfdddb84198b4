"""A frozen graph, `model.pb`: what an imported SavedModel became, and the parts cut out of it.

Its input is the node `image`, its output the node `reconstruction`; the code is the first output
of the node that `train.json` names. Every node is free of side effects; see
`importing/saved_model_operators.py`.
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
    """Read a GraphDef.

    Raises:
        BadInput: it is none.
    """
    try:
        return tf.compat.v1.GraphDef.FromString(path.read_bytes())
    except DecodeError as error:
        raise BadInput(f"{path}: not a frozen graph: {error}") from None


def graph_sha256(content: bytes, code: str) -> str:
    """Hash a model's identity: the file's bytes, which hold weights and operators, and the code."""
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
            raise BadInput(f"cannot cut at {source}: a connection leads around it to {target}")
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
    """Return the node whose output a GraphDef's input such as `name:1` is."""
    return tensor.removeprefix("^").partition(":")[0]


def function(
    graph: Any, source: str, targets: dict[str, str], shapes: dict[str, tuple[int, ...]]
) -> Callable[[Any], dict[str, Any]]:
    """Return a function of one tensor (n, …), for a tf.function to call.

    Args:
        graph: a GraphDef; only what lies between is used.
        source: the node that the argument stands for.
        targets: name of each answer → node.
        shapes: name of each answer → its shape, without the batch.
    """
    # the last answer depends on all the others: encoder and code lie before the reconstruction
    part = between(graph, source, list(targets.values())[-1])

    def answer(x: Any) -> dict[str, Any]:
        found = tf.graph_util.import_graph_def(
            part,
            input_map={f"{source}:0": x},
            return_elements=[f"{node}:0" for node in targets.values()],
            name="model",
        )
        answers = dict(zip(targets, found, strict=True))
        for name, tensor in answers.items():
            # what the graph works out at run time is known here
            tensor.set_shape((None, *shapes[name]))
        return answers

    return answer
