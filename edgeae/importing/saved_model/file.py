"""Reads a SavedModel's `saved_model.pb` and checks it before TensorFlow loads it.

Loading runs the functions that restore objects and initialise tables; calling runs the signature.
Both could write files in a malicious SavedModel. Therefore all operators are checked first: the
ones that would run must be free of side effects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import saved_model_pb2

from edgeae.errors import BadInput
from edgeae.importing.saved_model.operators import ELSEWHERE, PURE
from edgeae.originals.legacy_keras import tf
from edgeae.reading import files

_FILE = "saved_model.pb"
_USUAL = "serving_default"
#: A signature that TensorFlow itself writes; it is not for callers.
_INIT = "__saved_model_init_op"


@dataclass(frozen=True)
class Signature:
    """A callable signature of a SavedModel.

    Attributes:
        key: name of the signature.
        source: name of its only input.
        batch: size of the batch; None if it is free.
        shape: shape of one example; None for a free size.
        target: name of its only output.
        tags: tags of the graph that has the signature.
    """

    key: str
    source: str
    batch: int | None
    shape: tuple[int | None, ...]
    target: str
    tags: tuple[str, ...]


def read(folder: Path) -> Signature:
    """Check a SavedModel and return its signature.

    Raises:
        BadInput: the SavedModel is damaged, has an operator that is not allowed, would run
            something when it is loaded, or does not map one float input to one float output.
        OSError: the file cannot be read.
    """
    path = folder / _FILE
    try:
        file = saved_model_pb2.SavedModel.FromString(files.read(path, files.MODEL_BYTES))
    except DecodeError as error:
        raise BadInput(f"{path}: not a SavedModel: {error}") from None
    if len(file.meta_graphs) != 1:
        tags = [list(graph.meta_info_def.tags) for graph in file.meta_graphs]
        raise BadInput(f"{path}: holds {len(tags)} graphs {tags}; allowed is one")
    (graph,) = file.meta_graphs
    if not graph.HasField("object_graph_def"):
        raise BadInput(f"{path}: written by TensorFlow 1; save it again with TensorFlow 2")
    key = _key(path, graph.signature_def)
    _check_operators(path, graph.graph_def)
    _check_objects(path, graph.object_graph_def)
    return _signature(path, key, graph)


def _key(path: Path, signatures: Any) -> str:
    keys = sorted(key for key in signatures if key != _INIT)
    if _USUAL in keys:
        return _USUAL
    if len(keys) == 1:
        return str(keys[0])
    allowed = ", ".join(keys) or "none"
    raise BadInput(f"{path}: signatures {allowed}; allowed is {_USUAL} among them, or a single one")


def _check_operators(path: Path, graph: Any) -> None:
    places = [("the graph", graph.node)]
    for item in graph.library.function:
        places.append((f"function {item.signature.name}", item.node_def))
    for place, nodes in places:
        for node in nodes:
            if node.op not in ELSEWHERE:
                raise BadInput(
                    f"{path}: operator {node.op} ({node.name} in {place}) is not allowed: "
                    "an import runs no operator that could have side effects"
                )


def check_call(path: Path, call: Any) -> None:
    """Check all operators that a loaded signature would run.

    The file describes a signature in two places, which may differ; this function checks the one
    that is called.

    Raises:
        BadInput: an operator is not free of side effects.
    """
    graph = call.graph.as_graph_def()
    functions = {item.signature.name: item.node_def for item in graph.library.function}
    left, seen = [graph.node], set[str]()
    while left:
        for node in left.pop():
            if node.op not in PURE:
                raise BadInput(
                    f"{path}: operator {node.op} ({node.name}) in the signature is not allowed; "
                    "an autoencoder's output must depend only on its input"
                )
            called = set(_called(node)) - seen
            seen |= called
            left += [functions[name] for name in sorted(called)]


def _called(node: Any) -> Iterable[str]:
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (item.name for item in value.list.func)


def _check_objects(path: Path, objects: Any) -> None:
    """Check that loading runs nothing: no tables or other resources, assets or custom restores."""
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind in ("asset", "resource"):
            what = "a file beside the graph" if kind == "asset" else "a table or another resource"
            raise BadInput(f"{path}: needs {what}, which loading would initialise; not allowed")
        if node.saveable_objects or node.registered_saver:
            raise BadInput(f"{path}: an object restores itself with a custom function; not allowed")


def _signature(path: Path, key: str, graph: Any) -> Signature:
    signature = graph.signature_def[key]
    source, wanted = _only(path, key, "input", signature.inputs)
    target, given = _only(path, key, "output", signature.outputs)
    for kind, info in (("input", wanted), ("output", given)):
        if info.dtype != tf.float32.as_datatype_enum:
            dtype = tf.dtypes.as_dtype(info.dtype).name
            raise BadInput(f"{path}: signature {key}: the {kind} is {dtype}; allowed is float32")
    if wanted.tensor_shape.unknown_rank or len(wanted.tensor_shape.dim) < 2:
        raise BadInput(f"{path}: signature {key}: the input has no shape (batch, …)")
    sizes = [int(dimension.size) for dimension in wanted.tensor_shape.dim]
    batch, *shape = (size if size >= 0 else None for size in sizes)
    if batch not in (None, 1):
        raise BadInput(f"{path}: takes {batch} examples at once; save it with a free batch, or 1")
    return Signature(
        key,
        source,
        batch,
        tuple(shape),
        target,
        tuple(graph.meta_info_def.tags),
    )


def _only(path: Path, key: str, kind: str, edges: Any) -> tuple[str, Any]:
    if len(edges) != 1:
        raise BadInput(
            f"{path}: signature {key} has {len(edges)} {kind}s ({', '.join(sorted(edges))}); "
            "an autoencoder has one"
        )
    ((name, info),) = edges.items()
    return name, info
