import numpy as np
import pytest
from c_cases import fully_connected
from c_models import check

from edgeae.codegen import packing
from edgeae.codegen.compiler import STRICT
from edgeae.formats import weight_encoding
from edgeae.formats.weight_encoding import ENCODINGS

COMPRESSED = ENCODINGS[1:]


def forced(monkeypatch, encoding: str) -> None:
    """Let every layer whose weights can be stored so have this encoding."""

    def chosen(values, optimize, skipping=True):
        sizes = weight_encoding.encoded_bytes(values, values.dtype.itemsize * 8)
        return encoding if encoding in sizes else "dense"

    monkeypatch.setattr(packing, "chosen", chosen)


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float16"])
def test_fully_connected_computes_with_each_encoding(dtype, encoding, monkeypatch):
    forced(monkeypatch, encoding)
    rng = np.random.default_rng(0)
    check(
        [fully_connected.random_case(rng, dtype, compressed=True) for _ in range(8)],
        flags=(*STRICT, "-O1"),
    )
