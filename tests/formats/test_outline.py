"""Large files that only begin like a model are refused where they lie."""

from pathlib import Path

import onnx_models
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.formats import outline
from edgeae.gate.synthetic import dense
from edgeae.reading import files

SIZE = 1 << 20
STARTS = {
    "tflite": [b"\0\0\0\0TFL3", b"\x1c\0\0\0TFL3"],
    "onnx": [
        b"\x08\x08",
        b"\x08\x08\x3a\xf7\xff\x3f",  # a graph
        b"\x08\x08\x3a\xf7\xff\x3f\x0a\xf3\xff\x3f",  # a node in it
        b"\x08\x08\x3a\xf7\xff\x3f\x2a\xf3\xff\x3f",  # a constant
        b"\x08" + b"\xff" * SIZE,
        b"\x08\x08\x3b",
        b"\x08\x08\x3a\xff\xff\xff\xff\x07",
    ],
}


@pytest.fixture
def without_smaller_ones(monkeypatch):
    monkeypatch.setattr(files, "LARGE_BYTES", 0)


def checked(path: Path, form: str) -> None:
    with files.open_regular(path) as stream:
        outline.check(stream, form, "a")
        assert stream.tell() == 0


@pytest.mark.parametrize(
    ("form", "start"), [(form, start) for form, starts in STARTS.items() for start in starts]
)
def test_what_only_begins_like_a_model_is_refused(tmp_path, without_smaller_ones, form, start):
    path = tmp_path / "model"
    path.write_bytes(start.ljust(SIZE, b"\0"))
    with pytest.raises(BadInput, match=r"^a: .*(damaged|truncated)"):
        checked(path, form)


def test_models_pass(tmp_path, without_smaller_ones):
    path = tmp_path / "model"
    path.write_bytes(dense((8, 4, 2)))
    checked(path, "tflite")
    for model in onnx_models.halves():
        path.write_bytes(model.SerializeToString())
        checked(path, "onnx")


@given(cut=st.integers(0, 10_000))
def test_an_onnx_file_cut_short_is_refused(tmp_path_factory, cut):
    content = onnx_models.halves()[0].SerializeToString()
    path = tmp_path_factory.mktemp("cut") / "model"
    # from within the graph, after the version, to before the last field
    path.write_bytes(content[: 3 + cut % (len(content) - 40)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "LARGE_BYTES", 0)
        with pytest.raises(BadInput, match=r"^a: not an ONNX model, or a damaged one \("):
            checked(path, "onnx")
