"""Limits the bytes that the tables of a `.tflite` refer to in total.

Tables can share data without limit: a file of one megabyte whose 100,000 tensors share one name of
a megabyte unpacks to 100 GB. In files of a converter, data is referred to once, or a few times if
weights are shared.
"""

from mmap import mmap
from typing import Any

from ai_edge_litert import schema_py_generated as schema

#: LiteRT's own check of a flatbuffer allows ten times as many.
_MOST_TABLES = 100_000
_TIMES = 16
_LEAST = 1 << 20


class Amount:
    """The number of bytes that a file's tables may still refer to.

    Args:
        size: size of the file in bytes.
    """

    def __init__(self, size: int) -> None:
        self._limit = self._left = _TIMES * size + _LEAST

    def take(self, count: int) -> None:
        """Subtract bytes that a table refers to.

        Raises:
            ValueError: the total exceeds the limit, which is a multiple of the file's size.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError(f"its tables refer to more than {self._limit:,} bytes")


class Counted(bytes):
    """A file's bytes; every slice that is read is subtracted from an `Amount`."""

    amount: Amount

    def __getitem__(self, key: Any) -> Any:
        content = super().__getitem__(key)
        if isinstance(content, bytes):
            self.amount.take(len(content))
        return content


def counted(content: bytes) -> Counted:
    """Return a file's bytes as `Counted`, for the generated classes to unpack."""
    counter = Counted(content)
    counter.amount = Amount(len(content))
    return counter


def check_tables(content: bytes | mmap) -> None:
    """Check the number and kinds of a file's tables before it is unpacked.

    Raises:
        ValueError: there are too many tables, or no subgraph.
        NotImplementedError: there are several subgraphs, or tensors that have tables of their own.
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
