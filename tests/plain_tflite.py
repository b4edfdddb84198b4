"""A `.tflite` as LiteRT itself tells it, for tests that must not trust edgeae's own reader.

Operators come from the flatbuffer by the schema's accessors, constants and element types from an
interpreter. What is computed here shares no code with edgeae.
"""

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

REFERENCE = OpResolverType.BUILTIN_REF
#: XNNPACK for what it takes, LiteRT's optimized kernels for the rest, as int16 activations.
FASTEST = OpResolverType.AUTO
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"}


@dataclass(frozen=True)
class Node:
    """One operator: its name and version, and indices of its tensors; −1 is an absent input."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Plain:
    """What one file holds.

    Attributes:
        nodes: in order.
        dtypes: index of a tensor → numpy's name of its element type.
        edges: indices of the graph's inputs and outputs.
        kernels: index of a constant that some node multiplies with → operator's name and values,
            as stored.
    """

    nodes: tuple[Node, ...]
    dtypes: dict[int, str]
    edges: frozenset[int]
    kernels: dict[int, tuple[str, np.ndarray]]

    @property
    def matrices(self) -> list[np.ndarray]:
        """All kernels but depthwise ones, which no step touches."""
        return [values for name, values in self.kernels.values() if name != "DEPTHWISE_CONV_2D"]

    @property
    def activations(self) -> dict[int, str]:
        """Index → element type of whatever a node computes, and of the inputs."""
        made = {index for node in self.nodes for index in node.outputs}
        return {index: self.dtypes[index] for index in made | self.edges}


#: Operator → which input is its kernel.
_KERNELS = {"FULLY_CONNECTED": 1, "CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1}


def read(content: bytes) -> Plain:
    model = schema.Model.GetRootAs(content, 0)
    assert model.SubgraphsLength() == 1
    graph = model.Subgraphs(0)
    nodes = []
    for number in range(graph.OperatorsLength()):
        raw = graph.Operators(number)
        code = model.OperatorCodes(raw.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs, outputs = raw.InputsAsNumpy(), raw.OutputsAsNumpy()
        nodes.append(Node(_NAMES[kind], code.Version(), tuple(inputs), tuple(outputs)))
    interpreter = _interpreter(content, REFERENCE)
    dtypes = {
        item["index"]: np.dtype(item["dtype"]).name for item in interpreter.get_tensor_details()
    }
    widened = {node.outputs[0]: node.inputs[0] for node in nodes if node.name == "DEQUANTIZE"}
    kernels = {}
    for node in nodes:
        if node.name in _KERNELS:
            read_from = node.inputs[_KERNELS[node.name]]
            index = widened.get(read_from, read_from)
            kernels[index] = node.name, interpreter.get_tensor(index).copy()
    edges = frozenset([*graph.InputsAsNumpy().tolist(), *graph.OutputsAsNumpy().tolist()])
    return Plain(tuple(nodes), dtypes, edges, kernels)


def run(content: bytes, inputs: np.ndarray, resolver: OpResolverType) -> np.ndarray:
    """Run a file on each row of `inputs` (n, …), already in its element type; (n, …)."""
    interpreter = _interpreter(content, resolver)
    (given,), (asked,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert given["dtype"] == inputs.dtype
    shape = tuple(given["shape"])
    assert shape[0] == 1
    outputs = np.empty((len(inputs), *asked["shape"][1:]), asked["dtype"])
    for row, image in zip(outputs, inputs.reshape(len(inputs), *shape), strict=True):
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        row[...] = interpreter.get_tensor(asked["index"])[0]
    return outputs


def grid(content: bytes) -> tuple[np.dtype, float, int]:
    """Element type, scale and zero point of the input."""
    (given,) = _interpreter(content, REFERENCE).get_input_details()
    return (np.dtype(given["dtype"]), *given["quantization"])


def output_grid(content: bytes) -> tuple[float, int]:
    """Scale and zero point of the output."""
    (asked,) = _interpreter(content, REFERENCE).get_output_details()
    scale, zero = asked["quantization"]
    return scale, zero


def _interpreter(content: bytes, resolver: OpResolverType) -> Interpreter:
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    return interpreter
