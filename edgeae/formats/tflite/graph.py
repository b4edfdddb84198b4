"""Reads a `.tflite` flatbuffer as an immutable graph, and writes a graph as a flatbuffer.

Only models with one subgraph are supported; edgeae's models have one. The schema is TFLite's
`schema.fbs`, through the generated classes of ai-edge-litert.
"""

import contextlib
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats.tflite.amount import Amount, check_tables, counted
from edgeae.metrics.quantization import Affine

_IDENTIFIER = b"TFL3"
#: Constant data starts at multiples of this many bytes (`force_align: 16` in schema.fbs).
_ALIGNMENT = 16
#: numpy has no int4: the values of a constant are int8 here, and packed in the file.
INT4 = "int4"
#: TFLite's number of an element type → numpy's name, for the types that edgeae reads.
DTYPES = {
    schema.TensorType.FLOAT32: "float32",
    schema.TensorType.FLOAT16: "float16",
    schema.TensorType.INT32: "int32",
    schema.TensorType.UINT8: "uint8",
    schema.TensorType.INT64: "int64",
    schema.TensorType.INT16: "int16",
    schema.TensorType.INT8: "int8",
    schema.TensorType.BOOL: "bool",
    schema.TensorType.INT4: INT4,
}
_TYPE_NUMBERS = {name: number for number, name in DTYPES.items()}
_TYPE_NAMES = {
    number: name for name, number in vars(schema.TensorType).items() if not name.startswith("_")
}
_OPERATOR_NAMES = {
    number: name
    for name, number in vars(schema.BuiltinOperator).items()
    if not name.startswith("_")
}
_OPERATOR_NUMBERS = {name: number for number, name in _OPERATOR_NAMES.items()}
#: Errors that the generated classes and numpy raise if offsets point outside the file.
_DAMAGE = (
    struct.error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
)


@dataclass(frozen=True)
class Tensor:
    """One tensor of the graph.

    Attributes:
        name: name in the file.
        shape: shape in the file; edgeae's own models have a batch of 1.
        dtype: numpy's name, or `int4`.
        data: values of a constant, of `shape` and `dtype` (int8 for `int4`); None for an
            activation.
        scales: float32; one (per-tensor), one per slice of `axis` (per-channel), or none.
        zero_points: int64; as many as `scales`.
        axis: the dimension of per-channel scales.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: NDArray[Any] | None = field(default=None, compare=False)
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0

    @property
    def affine(self) -> Affine | None:
        """The per-tensor scale and zero point; None if there is not exactly one scale."""
        if len(self.scales) != 1:
            return None
        return Affine(self.scales[0], self.zero_points[0], self.dtype)

    @property
    def stored_bytes(self) -> int:
        """Bytes of a constant in the file; 0 for an activation."""
        if self.data is None:
            return 0
        return -(-self.data.size // 2) if self.dtype == INT4 else self.data.nbytes


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        name: TFLite's name, such as `FULLY_CONNECTED`, or the name of a custom operator.
        version: version of the operator; runtimes reject versions that they do not know.
        inputs: tensor indices; −1 for an optional input that is absent.
        outputs: tensor indices.
        settings: the schema's `OperatorT` object, which has the options of the operator.
    """

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    settings: Any = field(compare=False)

    @property
    def options(self) -> dict[str, Any]:
        """The operator's options by their names in the schema, such as strides and padding."""
        chosen = self.settings.builtinOptions or self.settings.builtinOptions2
        return dict(vars(chosen)) if chosen is not None else {}


@dataclass(frozen=True)
class Graph:
    """A model.

    Attributes:
        tensors: all tensors, in the file's order.
        operators: all operators, in execution order.
        inputs, outputs: signature name → tensor index.
        metadata: name → bytes of the file's metadata.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: dict[str, int]
    outputs: dict[str, int]
    metadata: dict[str, bytes] = field(default_factory=dict)


def read(content: bytes, origin: str) -> Graph:
    """Return the graph in a flatbuffer.

    Args:
        content: the file's bytes.
        origin: name of the file, for the error message.

    Raises:
        BadInput: the file is not a TFLite model, is truncated or damaged, or has something that
            edgeae does not read: several subgraphs, sparse constants, blockwise scales, strings.
    """
    if content[4:8] != _IDENTIFIER:
        raise BadInput(f"{origin}: not a TFLite model (no {_IDENTIFIER.decode()} at byte 4)")
    with _refusing(origin):
        return _graph(raw_model(content), Amount(len(content)))


def check(content: bytes | mmap, origin: str) -> None:
    """Check the tables of a flatbuffer, but not the data that they refer to.

    Args:
        content: the file's bytes, or the memory-mapped file.
        origin: name of the file, for the error message.

    Raises:
        BadInput: `read` would reject the tables.
    """
    with _refusing(origin):
        check_tables(content)


@contextlib.contextmanager
def _refusing(origin: str) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise BadInput(f"{origin}: {error}; edgeae cannot read that") from None
    except _DAMAGE as error:
        raise BadInput(f"{origin}: a damaged or truncated TFLite model ({error})") from None


def raw_model(content: bytes) -> Any:
    """Return the schema's `ModelT` object with all constants loaded.

    Files of over 2 GB, and those of ai-edge-quantizer from about a megabyte on, store constants
    after the flatbuffer, at an `offset` from the start of the file; offsets 0 and 1 mean that the
    constant is in the flatbuffer.

    Raises:
        ValueError: such a constant ends outside the file. Damaged files raise other errors of
            `_DAMAGE`, too.
    """
    check_tables(content)
    model = schema.ModelT.InitFromPackedBuf(counted(content), 0)
    for buffer in model.buffers or []:
        if buffer.data is None and buffer.offset > 1:
            if buffer.offset + buffer.size > len(content):
                raise ValueError(f"a constant at {buffer.offset} of {buffer.size} bytes")
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def _graph(model: Any, amount: Amount) -> Graph:
    (subgraph,) = model.subgraphs
    for raw in (*subgraph.tensors, *_items(subgraph.operators)):
        amount.take(_shared_bytes(model, raw))
    tensors = tuple(_tensor(model, raw) for raw in subgraph.tensors)
    operators = tuple(_operator(model, raw) for raw in _items(subgraph.operators))
    for operator in operators:
        _check_indices(operator.name, (*operator.inputs, *operator.outputs), -1, len(tensors))
    signature = (model.signatureDefs or [None])[0]
    return Graph(
        tensors,
        operators,
        _edges(signature and signature.inputs, subgraph.inputs, tensors),
        _edges(signature and signature.outputs, subgraph.outputs, tensors),
        {_text(item.name): _metadata(model, item, amount) for item in model.metadata or []},
    )


def _shared_bytes(model: Any, raw: Any) -> int:
    """Return the bytes that a tensor or operator refers to, which others may refer to as well."""
    held = [item for item in vars(raw).values() if _is_array(item)]
    if isinstance(raw, schema.TensorT):
        held.append(np.asarray(_items(model.buffers[raw.buffer].data)))
        grid = raw.quantization
        held += [] if grid is None else [item for item in vars(grid).values() if _is_array(item)]
    return sum(item.nbytes for item in held)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _edges(named: Any, indices: Any, tensors: Sequence[Tensor]) -> dict[str, int]:
    places = [int(edge.tensorIndex) for edge in named] if named else _integers(indices)
    _check_indices("an edge", places, 0, len(tensors))
    names = [_text(edge.name) for edge in named] if named else [tensors[i].name for i in places]
    return dict(zip(names, places, strict=True))


def _check_indices(user: str, indices: Iterable[int], lowest: int, count: int) -> None:
    for index in indices:
        if not lowest <= index < count:
            raise ValueError(f"{user} refers to tensor {index} of {count}")


def _tensor(model: Any, raw: Any) -> Tensor:
    name, shape = _text(raw.name), _integers(raw.shape)
    if raw.sparsity is not None or raw.type not in DTYPES:
        kind = (
            "sparse" if raw.sparsity is not None else _TYPE_NAMES.get(raw.type, f"type {raw.type}")
        )
        raise NotImplementedError(f"tensor {name!r} is {kind}")
    if min(shape, default=0) < 0:
        raise ValueError(f"tensor {name!r} has the shape {shape}")
    dtype = DTYPES[raw.type]
    data = _bytes(model, raw.buffer)
    if dtype == INT4 and not data:
        raise NotImplementedError(f"tensor {name!r} is INT4 but not a constant")
    constant = _values(data, dtype, shape) if data else None
    return Tensor(name, shape, dtype, constant, *_quantization(raw.quantization, name, shape))


def _values(data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if dtype != INT4:
        return np.frombuffer(data, dtype).reshape(shape)
    pairs = np.frombuffer(data, np.int8)
    size = math.prod(shape)
    if len(pairs) != -(-size // 2):
        raise ValueError(f"{len(pairs)} bytes of {size} 4-bit values")
    # the low half comes first; shifting left and back extends the sign
    return np.stack([pairs << 4 >> 4, pairs >> 4], axis=1).reshape(-1)[:size].reshape(shape)


def _packed(values: NDArray[Any]) -> bytes:
    flat = values.reshape(-1).astype(np.uint8) & 0xF
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
    return (flat[::2] | flat[1::2] << 4).tobytes()


def _quantization(
    raw: Any, name: str, shape: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    """Return scales, zero points and axis, checked against each other and the shape."""
    if raw is not None and raw.detailsType != schema.QuantizationDetails.NONE:
        raise NotImplementedError(f"tensor {name!r} has blockwise or custom scales")
    if raw is None or not len(_items(raw.scale)):
        return (), (), 0
    scales = tuple(float(scale) for scale in raw.scale)
    points, axis = _integers(raw.zeroPoint), int(raw.quantizedDimension)
    fits = len(scales) == 1 or (0 <= axis < len(shape) and len(scales) == shape[axis])
    if not np.isfinite(scales).all():
        raise ValueError(f"tensor {name!r} has a scale that is NaN or infinite")
    if len(points) != len(scales) or not fits:
        raise ValueError(
            f"tensor {name!r} {shape} has {len(scales)} scales and {len(points)} zero points"
        )
    return scales, points, axis


def _operator(model: Any, raw: Any) -> Operator:
    code = model.operatorCodes[raw.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    custom = number == schema.BuiltinOperator.CUSTOM
    if not custom and number not in _OPERATOR_NAMES:
        raise NotImplementedError(f"operator number {number}")
    return Operator(
        _text(code.customCode) if custom else _OPERATOR_NAMES[number],
        int(code.version),
        _integers(raw.inputs),
        _integers(raw.outputs),
        raw,
    )


def _metadata(model: Any, item: Any, amount: Amount) -> bytes:
    content = _bytes(model, item.buffer)
    amount.take(len(content))
    return content


def _items(vector: Any) -> Any:
    """Return a vector of the file, or () for None, with which the classes mark an absent one."""
    return () if vector is None else vector


def _integers(vector: Any) -> tuple[int, ...]:
    return tuple(int(item) for item in _items(vector))


def _bytes(model: Any, buffer: int) -> bytes:
    return np.asarray(_items(model.buffers[buffer].data), np.uint8).tobytes()


def _text(raw: bytes | str | None) -> str:
    return raw.decode() if isinstance(raw, bytes) else (raw or "")


def write(graph: Graph, description: str = "edgeae") -> bytes:
    """Return a graph as a flatbuffer; the same graph gives the same bytes.

    Args:
        graph: the graph to write.
        description: free text in the file; no engine reads it.
    """
    buffers = [schema.BufferT()]  # buffer 0 is empty by the schema's convention
    model = schema.ModelT()
    model.version = 3
    model.description = description
    codes = sorted({(operator.name, operator.version) for operator in graph.operators})
    model.operatorCodes = [_code(name, version) for name, version in codes]
    subgraph = schema.SubGraphT()
    subgraph.name = "main"
    subgraph.tensors = [_raw_tensor(tensor, buffers) for tensor in graph.tensors]
    subgraph.operators = [
        _raw_operator(operator, codes.index((operator.name, operator.version)))
        for operator in graph.operators
    ]
    subgraph.inputs = np.array(list(graph.inputs.values()), np.int32)
    subgraph.outputs = np.array(list(graph.outputs.values()), np.int32)
    model.subgraphs = [subgraph]
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.subgraphIndex = 0
    signature.inputs = [_raw_edge(name, index) for name, index in graph.inputs.items()]
    signature.outputs = [_raw_edge(name, index) for name, index in graph.outputs.items()]
    model.signatureDefs = [signature]
    model.metadata = [_raw_metadata(*item, buffers) for item in graph.metadata.items()]
    model.buffers = buffers
    builder = _AlignedBuilder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Aligns byte vectors to 16 bytes, which the generated classes do not do."""

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:
        if x.dtype == np.uint8:
            self.Prep(_ALIGNMENT, x.nbytes)
        return int(super().CreateNumpyVector(x))


def _code(name: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    number = _OPERATOR_NUMBERS.get(name, schema.BuiltinOperator.CUSTOM)
    code.builtinCode = number
    # Readers older than the 32-bit field read this one; 127 refers new readers to the other field.
    code.deprecatedBuiltinCode = min(number, 127)
    code.version = version
    if number == schema.BuiltinOperator.CUSTOM:
        code.customCode = name
    return code


def _raw_tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    raw = schema.TensorT()
    raw.name = tensor.name
    raw.shape = np.array(tensor.shape, np.int32)
    raw.type = _TYPE_NUMBERS[tensor.dtype]
    raw.buffer = 0
    if tensor.data is not None:
        packed = tensor.dtype == INT4
        content = _packed(tensor.data) if packed else np.ascontiguousarray(tensor.data).tobytes()
        raw.buffer = _add_buffer(content, buffers)
    if tensor.scales:
        raw.quantization = schema.QuantizationParametersT()
        raw.quantization.scale = np.array(tensor.scales, np.float32)
        raw.quantization.zeroPoint = np.array(tensor.zero_points, np.int64)
        raw.quantization.quantizedDimension = tensor.axis
    return raw


def _raw_operator(operator: Operator, code: int) -> Any:
    raw = schema.OperatorT()
    raw.__dict__.update(vars(operator.settings))
    raw.opcodeIndex = code
    raw.inputs = np.array(operator.inputs, np.int32)
    raw.outputs = np.array(operator.outputs, np.int32)
    return raw


def _raw_edge(name: str, index: int) -> Any:
    edge = schema.TensorMapT()
    edge.name = name
    edge.tensorIndex = index
    return edge


def _raw_metadata(name: str, content: bytes, buffers: list[Any]) -> Any:
    item = schema.MetadataT()
    item.name = name
    item.buffer = _add_buffer(content, buffers)
    return item


def _add_buffer(content: bytes, buffers: list[Any]) -> int:
    """Return the index of a buffer with this content; append the buffer if there is none."""
    for index, existing in enumerate(buffers):
        if existing.data is not None and existing.data.tobytes() == content:
            return index
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    buffers.append(buffer)
    return len(buffers) - 1
