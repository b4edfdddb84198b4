"""Inspection of an artifact: inputs and outputs, operators, MACs, sparsity, and bytes by cause.

Reads one file without running it and without TensorFlow. The reader of a format, and the packages
that it needs, are imported when a file of that format is opened.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import gzip_size
from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.errors import about
from edgeae.formats.opening import read_file
from edgeae.system.extras import onnx_lacking
from edgeae.text.columns import align

#: What stands behind the heading of packed bytes of which C has none.
ESTIMATE = " (an estimate)"
_COLUMNS = ("", "operator", "version", "output", "dtype", "MACs", "share", "weight bytes")


@dataclass(frozen=True)
class InspectedOperator:
    """One operator of an artifact, in execution order.

    Attributes:
        name, version: operator and its version; in ONNX files the version of the operator set.
        shape, dtype: those of its first output; empty and `?` if shape inference does not find it.
        macs: multiply-accumulates of one inference.
        weight_bytes: stored bytes of the weights and biases that the operator reads.
    """

    name: str
    version: int
    shape: tuple[int, ...]
    dtype: str
    macs: int
    weight_bytes: int


@dataclass(frozen=True)
class Weights:
    """The packed size of a weight tensor.

    Attributes:
        name: name of the tensor.
        encoding: the smallest encoding; see `edgeae.formats.packed`.
        dense_bytes: bytes if each value is stored at its full width.
        bytes: bytes in the encoding.
    """

    name: str
    encoding: str
    dense_bytes: int
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """The content of an artifact.

    Attributes:
        path: path of the file, as given.
        format: `tflite` or `onnx`, detected from the content.
        bytes, gzip_bytes, sha256: size, compressed size (gzip level 9) and hash of the file.
        inputs, outputs: the input and output tensors by signature name.
        operators: kinds of operators with their versions and counts.
        minimum_runtime: TFLite: the oldest runtime that opens the file, or `unknown`. ONNX:
            `opset N` and the other operator sets.
        macs: multiply-accumulates of one inference.
        arena_bytes: bytes that TFLite's planner needs for the activations; None for ONNX.
        parameters: number of values in the weights and biases.
        sparsity: weight tensor → share of zeros.
        size_by_cause: cause → bytes; the sum is `bytes`.
        layers: one row per operator.
        nonzero_macs: those of `macs` whose weight is not zero.
        packed: cause → bytes in flash of the graph's constants, packed; None for ONNX. See
            `edgeae.formats.packed`.
        encodings: one row per weight tensor; empty for ONNX.
        metadata: key → value of an ONNX file's `metadata_props`; empty for TFLite.
        estimated: whether `packed` is an estimate: C does not take the graph, or was not asked; see
            `edgeae.codegen.portable.judged`.
    """

    path: str
    format: str
    bytes: int
    gzip_bytes: int
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[OpVersion, ...]
    minimum_runtime: str
    macs: int
    arena_bytes: int | None
    parameters: int
    sparsity: dict[str, float]
    size_by_cause: dict[str, int]
    layers: tuple[InspectedOperator, ...]
    nonzero_macs: int = 0
    packed: dict[str, int] | None = None
    encodings: tuple[Weights, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    estimated: bool = True

    @property
    def packed_bytes(self) -> int | None:
        """Bytes in flash of the graph's constants, packed; None for ONNX."""
        return None if self.packed is None else sum(self.packed.values())

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as lists, dicts, strings and numbers."""
        table = asdict(self)
        return {key: _plain(value) for key, value in table.items()}

    def to_text(self) -> str:
        """Return the inspection as text: aligned, without colour or a final line break."""
        return sections(
            (self.path, self._facts(), 2),
            ("metadata", self._metadata_rows(), 2),
            ("inputs", [_edge_row(spec) for spec in self.inputs], 5),
            ("outputs", [_edge_row(spec) for spec in self.outputs], 5),
            ("size by cause", self._size_rows(), 1),
            (f"packed by cause{ESTIMATE * self.estimated}", self._packed_rows(), 1),
            ("packed weights", self._encoding_rows(), 2),
            ("operators", [_operator_row(op) for op in self.operators], 1),
            ("zeros among the weights", self._sparsity_rows(), 1),
            ("layers", [_COLUMNS, *self._layer_rows()], 5),
        )

    def _facts(self) -> list[tuple[str, str]]:
        opens = "needs" if self.format == "onnx" else "minimum runtime"
        return [
            ("format", self.format),
            (opens, self.minimum_runtime),
            ("size", f"{self.bytes:,} B"),
            ("gzip", f"{self.gzip_bytes:,} B ({_share(self.gzip_bytes, self.bytes)})"),
            *self._packed_facts(),
            ("sha256", self.sha256),
            ("MACs", f"{self.macs:,}"),
            ("nonzero MACs", f"{self.nonzero_macs:,} ({_share(self.nonzero_macs, self.macs)})"),
            ("parameters", f"{self.parameters:,}"),
            *([] if self.arena_bytes is None else [("arena", f"{self.arena_bytes:,} B")]),
        ]

    def _packed_facts(self) -> list[tuple[str, str]]:
        size = self.packed_bytes
        return [] if size is None else [("packed", f"{size:,} B ({_share(size, self.bytes)})")]

    def _packed_rows(self) -> list[tuple[str, str, str]]:
        whole = self.packed_bytes or 0
        return [(k, f"{size:,} B", _share(size, whole)) for k, size in (self.packed or {}).items()]

    def _encoding_rows(self) -> list[tuple[str, ...]]:
        return [
            (item.name, item.encoding, f"{item.bytes:,} B", _share(item.bytes, item.dense_bytes))
            for item in self.encodings
        ]

    def _metadata_rows(self) -> list[tuple[str, str]]:
        # values that another tool wrote may have line breaks
        return [(key, " ".join(value.split())) for key, value in self.metadata.items()]

    def _size_rows(self) -> list[tuple[str, str, str]]:
        sizes = self.size_by_cause.items()
        return [(cause, f"{size:,} B", _share(size, self.bytes)) for cause, size in sizes]

    def _sparsity_rows(self) -> list[tuple[str, str]]:
        return [(name, f"{share:.1%}") for name, share in self.sparsity.items()]

    def _layer_rows(self) -> list[tuple[str, ...]]:
        digits = len(str(len(self.layers) - 1))
        return [
            (
                str(place).rjust(digits),
                layer.name,
                str(layer.version),
                _dimensions(layer.shape),
                layer.dtype,
                f"{layer.macs:,}",
                _share(layer.macs, self.macs),
                f"{layer.weight_bytes:,}",
            )
            for place, layer in enumerate(self.layers)
        ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _edge_row(spec: TensorSpec) -> tuple[str, ...]:
    row = (spec.name, _dimensions(spec.shape), spec.dtype)
    if spec.scale is None:
        return (*row, "", "")
    return (*row, f"scale {spec.scale:.9g}", f"zero point {spec.zero_point}")


def _operator_row(operator: OpVersion) -> tuple[str, str, str]:
    return operator.name, f"version {operator.version}", f"{operator.count:,} ×"


def _dimensions(shape: tuple[int | str, ...]) -> str:
    return "×".join(str(size) for size in shape) or "scalar"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def sections(*titled: tuple[str, Sequence[Sequence[str]], int]) -> str:
    """Return sections as text; a section has a title, rows and the number of columns aligned left.

    Sections without rows are left out.
    """
    return "\n\n".join(
        f"{title}\n  " + align(rows, left).replace("\n", "\n  ")
        for title, rows, left in titled
        if rows
    )


def inspect(path: Path) -> Inspection:
    """Return the inspection of a `.tflite` or `.onnx` file; its content decides on the format.

    Raises:
        BadInput: the file is missing, has neither format, or is truncated or damaged.
        RuntimeUnavailable: it is an ONNX file, and the `onnx` package is not installed.
    """
    content, form = read_file(path)
    reader = _tflite if form == "tflite" else _onnx
    with about(path):
        facts = reader(content, str(path))
    return Inspection(
        path=str(path),
        bytes=len(content),
        gzip_bytes=gzip_size(content),
        sha256=hashlib.sha256(content).hexdigest(),
        **facts,
    )


def _tflite(content: bytes, origin: str) -> dict[str, Any]:
    from edgeae.formats import packed
    from edgeae.formats.tflite import arena, graph_statistics
    from edgeae.formats.tflite import graph as tflite

    graph = tflite.read(content, origin)
    return {
        "format": "tflite",
        "inputs": graph_statistics.edge_specs(graph, graph.inputs),
        "outputs": graph_statistics.edge_specs(graph, graph.outputs),
        "operators": graph_statistics.operators(graph),
        "minimum_runtime": graph_statistics.minimum_runtime(graph),
        "macs": graph_statistics.macs(graph),
        "arena_bytes": arena.arena_bytes(graph),
        "parameters": graph_statistics.parameters(graph),
        "sparsity": graph_statistics.sparsity(graph),
        "size_by_cause": graph_statistics.size_by_cause(content, graph),
        "layers": tuple(_tflite_layer(graph, operator) for operator in graph.operators),
        "nonzero_macs": graph_statistics.nonzero_macs(graph),
        "packed": packed.packed(graph),
        "encodings": tuple(map(_weights, packed.encodings(graph))),
    }


def _weights(item: Any) -> Weights:
    return Weights(item.name, item.encoding, item.dense_bytes, item.bytes)


def _tflite_layer(graph: Any, operator: Any) -> InspectedOperator:
    from edgeae.formats.tflite import graph_statistics

    output = next((graph.tensors[index] for index in operator.outputs if index >= 0), None)
    return InspectedOperator(
        operator.name,
        operator.version,
        output.shape if output else (),
        output.dtype if output else "?",
        graph_statistics.operator_macs(graph, operator),
        graph_statistics.weight_bytes(graph, operator),
    )


def _onnx(content: bytes, origin: str) -> dict[str, Any]:
    try:
        from edgeae.formats.onnx import file as onnx_file
        from edgeae.formats.onnx import graph_statistics as onnx_statistics
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise onnx_lacking(origin) from None

    model = onnx_file.read(content, origin)
    return {
        "format": "onnx",
        "inputs": onnx_file.inputs(model),
        "outputs": onnx_file.outputs(model),
        "operators": onnx_file.operators(model),
        "minimum_runtime": onnx_file.needs(model),
        "macs": onnx_statistics.macs(model),
        "arena_bytes": None,
        "parameters": onnx_statistics.parameters(model),
        "sparsity": onnx_statistics.sparsity(model),
        "size_by_cause": onnx_statistics.size_by_cause(content, model),
        "layers": tuple(_onnx_layer(model, node) for node in model.nodes),
        "metadata": onnx_file.properties(model),
        "nonzero_macs": onnx_statistics.nonzero_macs(model),
    }


def _onnx_layer(model: Any, node: Any) -> InspectedOperator:
    from edgeae.formats.onnx import file as onnx_file
    from edgeae.formats.onnx import graph_statistics as onnx_statistics

    return InspectedOperator(
        onnx_file.operator_name(node),
        onnx_file.operator_version(model, node),
        model.shapes.get(node.output[0], ()),
        model.dtypes.get(node.output[0], "?"),
        onnx_statistics.node_macs(model, node),
        onnx_statistics.weight_bytes(model, node),
    )
