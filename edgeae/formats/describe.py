"""Describes an artifact from the bytes of its file."""

import hashlib
from typing import Any

from edgeae.artifacts.bundle import gzip_size
from edgeae.artifacts.manifest import Artifact
from edgeae.errors import BadInput
from edgeae.formats import packed
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, read

#: The part name of a file that is in no bundle.
_WHOLE = "model"
#: numpy allows 64 axes, and engines fewer.
_MOST_AXES = 32
_QUANTIZED = ("int8", "uint8", "int16")
#: ONNX operators that compute with integers, besides those whose name begins with `QLinear`.
_INTEGER = ("ConvInteger", "MatMulInteger", "QGemm")


def tflite(
    part: str, content: bytes, path: str, flavour: str | None = None, parent: str | None = None
) -> Artifact:
    """Return the description of a `.tflite` file.

    Args:
        part: see `Artifact`.
        content: the file's bytes.
        path: path of the file, for the description and for errors.
        flavour: see `Artifact`; None derives it from the tensors.
        parent: see `Artifact`.

    Raises:
        BadInput: the file is damaged, or has something that edgeae does not read.
    """
    graph = read(content, path)
    return Artifact(
        part=part,
        format="tflite",
        flavour=flavour or _tflite_flavour(graph),
        path=path,
        inputs=graph_statistics.edge_specs(graph, graph.inputs),
        outputs=graph_statistics.edge_specs(graph, graph.outputs),
        ops=graph_statistics.operators(graph),
        minimum_runtime=graph_statistics.minimum_runtime(graph),
        macs=graph_statistics.macs(graph),
        sparsity=graph_statistics.sparsity(graph),
        parent=parent,
        nonzero_macs=graph_statistics.nonzero_macs(graph),
        causes=_causes(graph_statistics.size_by_cause(content, graph)),
        packed=packed.packed(graph),
        encodings={item.name: item.encoding for item in packed.encodings(graph)},
        **_sizes(content),
    )


def onnx(
    part: str, content: bytes, path: str, flavour: str | None = None, source: Artifact | None = None
) -> Artifact:
    """Return the description of an `.onnx` file; `source` is the `.tflite` it was made from.

    Raises:
        BadInput: the file is damaged, or has something that edgeae does not read.
        ModuleNotFoundError: the package `onnx` is not installed.
    """
    from edgeae.formats.onnx import file as onnx_file
    from edgeae.formats.onnx import graph_statistics as onnx_statistics

    model = onnx_file.read(content, path)
    return Artifact(
        part=part,
        format="onnx",
        flavour=flavour or _onnx_flavour(model),
        path=path,
        inputs=onnx_file.inputs(model) if source is None else source.inputs,
        outputs=onnx_file.outputs(model) if source is None else source.outputs,
        ops=onnx_file.operators(model),
        minimum_runtime=onnx_file.needs(model),
        macs=onnx_statistics.macs(model),
        sparsity=onnx_statistics.sparsity(model),
        parent=None if source is None else source.path,
        nonzero_macs=onnx_statistics.nonzero_macs(model),
        causes=_causes(onnx_statistics.size_by_cause(content, model)),
        **_sizes(content),
    )


def bare(content: bytes, form: str, path: str) -> Artifact:
    """Return the description of a file that is in no bundle; its part is `model`.

    Args:
        content: the file's bytes.
        form: `tflite` or `onnx`.
        path: path of the file, for the description and for errors.

    Raises:
        BadInput: the file is damaged, or the model has not one input and one output of fixed sizes
            and a batch of 1.
        ModuleNotFoundError: it is an ONNX file, and the package `onnx` is not installed.
    """
    artifact = (tflite if form == "tflite" else onnx)(_WHOLE, content, path)
    for kind, edges in (("input", artifact.inputs), ("output", artifact.outputs)):
        if len(edges) != 1:
            raise BadInput(f"{path}: the model has {len(edges)} {kind}s; allowed is one {kind}")
        shape = edges[0].shape
        free_batch = shape[:1] == (1,) or isinstance((shape or (0,))[0], str)
        fixed = all(isinstance(size, int) and size > 0 for size in shape[1:])
        if not free_batch or not fixed or len(shape) > _MOST_AXES:
            axes = "×".join(map(str, shape[:_MOST_AXES])) or "scalar"
            raise BadInput(
                f"{path}: {kind} {edges[0].name!r} has the shape {axes}: allowed is a batch of 1 "
                f"or a free batch, then fixed sizes of at least 1; {_MOST_AXES} axes at most"
            )
    return artifact


def _sizes(content: bytes) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "gzip_bytes": gzip_size(content),
    }


def _causes(sizes: dict[str, int]) -> dict[str, int]:
    """Return cause → bytes with the manifest's causes; the sum stays the same."""
    causes = {"weights": sizes["weights"], "biases": sizes["biases"]}
    causes["quantization"] = sizes["scales"]
    return causes | {"graph": sum(sizes.values()) - sum(causes.values())}


def _tflite_flavour(graph: Graph) -> str:
    computed = {tensor.dtype for tensor in graph.tensors if tensor.data is None}
    stored = {tensor.dtype for tensor in graph.tensors if tensor.data is not None and tensor.scales}
    if computed & set(_QUANTIZED) and not graph_statistics.float_operators(graph):
        return "int16x8" if "int16" in computed else "int8"
    if stored & set(_QUANTIZED):
        return "dynamic"
    return "float16" if any(item.dtype == "float16" for item in graph.tensors) else "float32"


def _onnx_flavour(model: Any) -> str:
    from edgeae.formats.onnx import file as onnx_file
    from edgeae.formats.onnx.metadata import fast_flavour

    kinds = {node.op_type for node in model.nodes}
    integer = [kind for kind in kinds if kind.startswith("QLinear") or kind in _INTEGER]
    if integer or "DequantizeLinear" in kinds:
        form = "qoperator" if integer else "qdq"
        return fast_flavour(onnx_file.properties(model), form) or form
    return "fp16" if "float16" in model.dtypes.values() else "fp32"
