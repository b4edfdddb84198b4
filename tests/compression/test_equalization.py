"""A model whose sums cancel is refused in words: see `equalization_child.py`."""

import pytest
from edgeae_cli import child

pytestmark = pytest.mark.tensorflow


def test_a_model_that_float32_hardly_holds_is_refused_in_one_line():
    found = child("equalization_child.py")
    assert found["1"] == ""
    line = found["1e6"]
    assert line.startswith("qat: ") and "\n" not in line
    assert "changed its outputs by" in line and "per_channel = false" in line
