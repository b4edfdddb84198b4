"""Puts one operator in the place of several that an exporter writes for it.

`Linear` is x @ w + b, of Gemm or of MatMul. `Gelu` is the form with the error function, `Silu`
x · sigmoid(x). A constant for each channel that is added to the answer of a layer, or multiplied
with it, becomes part of the layer's weights.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.importing.onnx.graph import Graph, Operator, float32

#: Layers whose answer may take in a factor and an offset for each channel.
_WEIGHTED = ("Linear", "Conv", "ConvTranspose")
_TOLERANCE = 1e-5
#: Above it, log(1 + exp(x)) is x in float32.
_LEAST_THRESHOLD = 17

#: Operators that are translated as a part of a pattern only → what is allowed.
PARTS = {
    "Erf": "allowed is the error function of GELU",
    "Gemm": "allowed is a constant as its second input, and transA = 0",
    "MatMul": "allowed is a constant matrix as its second input",
}

#: Operators that one operator replaces, and that operator.
_Match = tuple[list[Operator], Operator]


@dataclass
class _Work:
    """The graph while patterns are replaced.

    Attributes:
        graph: the graph as it is now.
        readers: tensor → the operators that read it.
        writers: tensor → the operator that computes it.
    """

    graph: Graph
    readers: dict[str, list[Operator]] = field(default_factory=dict)
    writers: dict[str, Operator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._index()

    def _index(self) -> None:
        self.readers = self.graph.readers()
        self.writers = {name: item for item in self.graph.operators for name in item.outputs}

    def replace_all(self, find: Callable[["_Work", Operator], _Match | None]) -> None:
        """Replace the matches of a pattern until none is left."""
        start = 0
        while True:
            later = enumerate(self.graph.operators[start:], start)
            found = next(((at, m) for at, item in later if (m := find(self, item))), None)
            if found is None:
                return
            start, (gone, made) = found
            outputs = {item.outputs[0] for item in gone}
            start = max(0, start - len(gone))
            operators = self.graph.operators
            last = max(at for at, item in enumerate(operators) if item.outputs[0] in outputs)
            kept = tuple(
                made if at == last else item
                for at, item in enumerate(operators)
                if at == last or item.outputs[0] not in outputs
            )
            self.graph = replace(self.graph, operators=kept)
            self._index()

    def add(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; return its name."""
        self.graph.constants[name] = np.ascontiguousarray(values, np.float32)
        return name

    def only_reader(self, tensor: str) -> Operator | None:
        """Return the one operator that reads a tensor; None if others do, or it is the output."""
        found = self.readers.get(tensor, [])
        return found[0] if len(found) == 1 and tensor != self.graph.target else None

    def scalar(self, tensor: str) -> float | None:
        """Return the value of a constant of one value, or None."""
        values = self.graph.constants.get(tensor)
        return float(values.reshape(())) if values is not None and values.size == 1 else None


def recognized(graph: Graph) -> Graph:
    """Return the graph with each pattern as one operator.

    Raises:
        BadInput: a weight is not a constant, or not float32.
    """
    work = _Work(replace(graph, constants=dict(graph.constants)))
    for find in (_linear, _gelu, _silu, _softplus, _absorbed):
        work.replace_all(find)
    return work.graph


def _linear(work: _Work, operator: Operator) -> _Match | None:
    if operator.kind == "Gemm" and not operator.attributes.get("transA"):
        return [operator], _of_gemm(work, operator)
    if operator.kind == "MatMul":
        weights = work.graph.constants.get(operator.inputs[1])
        if weights is not None and weights.ndim >= 2 and math.prod(weights.shape[:-2]) == 1:
            matrix = float32(work.graph, operator, 1)
            name = work.add(f"{operator.inputs[1]}@", matrix.reshape(matrix.shape[-2:]))
            inputs = (operator.inputs[0], name, "")
            return [operator], replace(operator, kind="Linear", inputs=inputs)
    return None


def _of_gemm(work: _Work, operator: Operator) -> Operator:
    options = operator.attributes
    weights = float32(work.graph, operator, 1)
    weights = weights.T if options.get("transB") else weights
    names = [work.add(f"{operator.inputs[1]}@", weights * np.float32(options.get("alpha", 1)))]
    if len(operator.inputs) > 2 and operator.inputs[2]:
        bias = float32(work.graph, operator, 2) * np.float32(options.get("beta", 1))
        names.append(
            work.add(f"{operator.inputs[2]}@", np.broadcast_to(bias, (1, weights.shape[1]))[0])
        )
    return replace(
        operator, kind="Linear", inputs=(operator.inputs[0], *names, "")[:3], attributes={}
    )


def _gelu(work: _Work, erf: Operator) -> _Match | None:
    """Match 0.5 · x · (1 + erf(x / √2)), in any order of the products."""
    inner = work.writers.get(erf.inputs[0]) if erf.kind == "Erf" else None
    if inner is None or inner.kind not in ("Div", "Mul"):
        return None
    source, factor = _factor(work, inner)
    one = work.only_reader(erf.outputs[0])
    if factor is None or not math.isclose(factor, math.sqrt(0.5), rel_tol=_TOLERANCE):
        return None
    if one is None or one.kind != "Add" or work.scalar(_other(one, erf.outputs[0])) != 1:
        return None
    gone, tensor, left = [inner, erf, one], one.outputs[0], {"half", "source"}
    while left:
        product = work.only_reader(tensor)
        if product is None or product.kind not in ("Mul", "Div"):
            return None
        met = _met(work, product, tensor, source)
        if not met or not met <= left:
            return None
        left -= met
        if met == {"half", "source"}:
            gone.append(work.writers[_other(product, tensor)])
        gone.append(product)
        tensor = product.outputs[0]
    if work.only_reader(inner.outputs[0]) is not erf:
        return None
    return gone, replace(erf, kind="Gelu", inputs=(source,), outputs=(tensor,))


def _met(work: _Work, product: Operator, tensor: str, source: str) -> set[str]:
    """Return what a product multiplies with: `half`, `source`, or both."""
    other = _other(product, tensor)
    if other == source and product.kind == "Mul":
        return {"source"}
    value = work.scalar(other)
    if value is not None:
        return {"half"} if (value if product.kind == "Mul" else 1 / value) == 0.5 else set()
    halved = work.writers.get(other)
    if halved is None or halved.kind not in ("Mul", "Div") or not work.only_reader(other):
        return set()
    return {"half", "source"} if _factor(work, halved) == (source, 0.5) else set()


def _factor(work: _Work, operator: Operator) -> tuple[str, float | None]:
    """Return the tensor and the constant that a Mul multiplies it with, or a Div divides it by."""
    first, second = operator.inputs
    value = work.scalar(second)
    if operator.kind == "Div":
        return first, 1 / value if value else None
    return (first, value) if value is not None else (second, work.scalar(first))


def _other(operator: Operator, tensor: str) -> str:
    first, second = operator.inputs
    return second if first == tensor else first


def _silu(work: _Work, operator: Operator) -> _Match | None:
    if operator.kind != "Sigmoid":
        return None
    product = work.only_reader(operator.outputs[0])
    (source,) = operator.inputs
    if product is None or product.kind != "Mul" or source not in product.inputs:
        return None
    return [operator, product], replace(operator, kind="Silu", outputs=product.outputs)


def _softplus(work: _Work, operator: Operator) -> _Match | None:
    """Match PyTorch's softplus, which is x above a threshold, where float32 knows no difference."""
    chosen = work.only_reader(operator.outputs[0]) if operator.kind == "Softplus" else None
    if chosen is None or chosen.kind != "Where":
        return None
    (source,) = operator.inputs
    condition, above, below = chosen.inputs
    test = work.writers.get(condition)
    if test is None or test.kind != "Greater" or (above, below) != (source, operator.outputs[0]):
        return None
    limit = work.scalar(test.inputs[1])
    if test.inputs[0] != source or limit is None or limit < _LEAST_THRESHOLD:
        return None
    return [operator, test, chosen], replace(operator, outputs=chosen.outputs)


def _absorbed(work: _Work, layer: Operator) -> _Match | None:
    """Match a layer and the factor or offset of its channels that follows it."""
    grouped = layer.kind == "ConvTranspose" and layer.attributes.get("group", 1) != 1
    found = layer.kind in _WEIGHTED and not grouped
    after = work.only_reader(layer.outputs[0]) if found else None
    if after is None or after.kind not in ("Add", "Sub", "Mul", "Div"):
        return None
    tensor = layer.outputs[0]
    values = _for_channels(work, layer, _other(after, tensor))
    swapped = after.inputs[0] != tensor
    if values is None or (swapped and after.kind in ("Sub", "Div")):
        return None
    weights, bias = _absorbing(work, layer, after.kind, values)
    told = _other(after, tensor)
    name = f"{layer.outputs[0]}@{told}"
    inputs = (
        layer.inputs[0],
        work.add(f"{name}@weight", weights),
        work.add(f"{name}@bias", bias),
    )
    hints = (*layer.attributes.get("named", layer.inputs[1:]), told)
    attributes = layer.attributes | {"named": hints}
    return [layer, after], replace(
        layer, inputs=inputs, outputs=after.outputs, attributes=attributes
    )


def _for_channels(work: _Work, layer: Operator, name: str) -> NDArray[np.float32] | None:
    """Return a constant as one value a channel of a layer's answer; None if it is not that."""
    values = work.graph.constants.get(name)
    shape = work.graph.shapes[layer.outputs[0]]
    if values is None or values.dtype != np.float32 or values.ndim > len(shape) + 1:
        return None
    axis = len(shape) if layer.kind == "Linear" else 1
    whole = values.reshape((1,) * (len(shape) + 1 - values.ndim) + values.shape)
    if whole.size not in (1, whole.shape[axis]) or whole.shape[axis] not in (1, shape[axis - 1]):
        return None
    return np.broadcast_to(whole.reshape(-1), (shape[axis - 1],))


def _absorbing(
    work: _Work, layer: Operator, kind: str, values: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the layer's weights and bias with the factor or the offset in them."""
    weights = float32(work.graph, layer, 1)
    has_bias = len(layer.inputs) > 2 and layer.inputs[2]
    bias = float32(work.graph, layer, 2) if has_bias else np.float32(0) * values
    if kind in ("Add", "Sub"):
        return weights, bias + (values if kind == "Add" else -values)
    factor: NDArray[np.float32] = values if kind == "Mul" else np.float32(1) / values
    ones = (1,) * (weights.ndim - 2)
    shape = {"Linear": (1, -1), "Conv": (-1, 1, *ones), "ConvTranspose": (1, -1, *ones)}
    return weights * factor.reshape(shape[layer.kind]), bias * factor
