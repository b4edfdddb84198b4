"""How much a `.tflite` may stand for: its tables may share what they refer to, any number of times.

A megabyte whose 100,000 tensors have one name of a megabyte unpacks to 100 GB. What a converter
writes is referred to once, or a few times where weights are shared.
"""

from mmap import mmap
from typing import Any

from ai_edge_litert import schema_py_generated as schema

#: LiteRT's own check of a flatbuffer takes ten times as many.
_MOST_TABLES = 100_000
_TIMES = 16
_LEAST = 1 << 20


class Amount:
    """What is still allowed of a file of so many bytes."""

    def __init__(self, size: int) -> None:
        self._limit = self._left = _TIMES * size + _LEAST

    def take(self, count: int) -> None:
        """Count bytes that were referred to.

        Raises:
            ValueError: with them it is far more than the file has.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError(f"its tables refer to more than {self._limit:,} bytes")


class Counted(bytes):
    """A file's bytes, of which every string that is read counts; see `Amount`."""

    amount: Amount

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if isinstance(found, bytes):
            self.amount.take(len(found))
        return found


def counted(content: bytes) -> Counted:
    """Return a file's bytes, to be unpacked by the generated classes."""
    found = Counted(content)
    found.amount = Amount(len(content))
    return found


def check_tables(content: bytes | mmap) -> None:
    """Refuse a file of too many tables, and what edgeae does not read, before it is unpacked.

    Raises:
        ValueError: it has too many, or none at all.
        NotImplementedError: it has several subgraphs, or tensors that hold more tables.
    """
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() > 1:
        raise NotImplementedError(f"{model.SubgraphsLength()} subgraphs")
    if model.SubgraphsLength() < 1:
        raise ValueError("no subgraph")
    subgraph = model.Subgraphs(0)
    lengths = [
        *(model.OperatorCodesLength(), model.BuffersLength(), model.MetadataLength()),
        *(model.ExternalBuffersLength(), model.ExternalBufferGroupsLength()),
        *(subgraph.TensorsLength(), subgraph.OperatorsLength(), model.SignatureDefsLength()),
    ]
    _check(sum(lengths))
    for signature in map(model.SignatureDefs, range(model.SignatureDefsLength())):
        lengths += [signature.InputsLength(), signature.OutputsLength()]
        _check(sum(lengths[-2:]))
    _check(sum(lengths))
    for tensor in map(subgraph.Tensors, range(subgraph.TensorsLength())):
        if tensor.Sparsity() is not None or tensor.VariantTensorsLength():
            kind = "sparse" if tensor.Sparsity() is not None else "of several kinds"
            raise NotImplementedError(f"tensor {_text(tensor.Name())!r} is {kind}")


def _check(tables: int) -> None:
    if tables > _MOST_TABLES:
        raise ValueError(f"{tables:,} tables; allowed are {_MOST_TABLES:,}")


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
