"""Weights of an ONNX file in another file: read from beside it only, and only as many as needed."""

from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import tiny

from edgeae.errors import BadInput
from edgeae.importing.onnx.external import inlined, sha256
from edgeae.reading import files

X = tiny.images(8).reshape(8, -1).astype(np.float32) / 255


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """The tiny autoencoder with its matrices in `net.onnx.data`."""
    model = onnx.ModelProto.FromString(tiny.onnx_model())
    whole = b""
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 2:
            values = onnx.numpy_helper.to_array(tensor).tobytes()
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            place = {"location": "net.onnx.data", "offset": len(whole), "length": len(values)}
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
            whole += values
    (tmp_path / "net.onnx.data").write_bytes(whole)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "net.onnx"


def changed(path: Path, key: str, value: str) -> Path:
    """Change what the model says of where its first matrix is."""
    model = onnx.ModelProto.FromString(path.read_bytes())
    tensor = next(item for item in model.graph.initializer if item.external_data)
    for entry in tensor.external_data:
        if entry.key == key:
            entry.value = value
    path.write_bytes(model.SerializeToString())
    return path


def test_the_weights_are_put_in_and_answer_alike(split):
    content = inlined(split, split.read_bytes())
    assert not any(item.external_data for item in onnx.load_from_string(content).graph.initializer)
    expected = onnx_models.run(tiny.onnx_model(), X)
    np.testing.assert_array_equal(onnx_models.run(content, X), expected)


def test_a_file_that_has_its_weights_stays_as_it_is(tmp_path):
    content = tiny.onnx_model()
    assert inlined(tmp_path / "net.onnx", content) is content
    assert inlined(tmp_path / "net.onnx", b"\x08damaged") == b"\x08damaged"


def test_the_hash_is_that_of_the_file_or_of_all_files(split, tmp_path):
    (tmp_path / "one.onnx").write_bytes(tiny.onnx_model())
    assert sha256(tmp_path / "one.onnx") == files.sha256(tmp_path / "one.onnx")
    before = sha256(split)
    assert before != files.sha256(split)
    data = tmp_path / "net.onnx.data"
    data.write_bytes(data.read_bytes()[::-1])
    assert sha256(split) != before


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("location", "../net.onnx.data", "allowed is a plain name inside the folder"),
        ("location", "/etc/passwd", "allowed is a plain name inside the folder"),
        ("location", "", "allowed is a plain name inside the folder"),
        ("location", "link", "a link; allowed is a regular file in its place"),
        ("location", "none.data", "no such file in"),
        ("location", "folder", "a folder, not a file"),
        ("length", "12", "length = 12; its shape takes 512 bytes"),
        ("offset", "9999999", "has 0 bytes from 9,999,999 on; its shape takes 512"),
        ("offset", "-1", "offset = '-1'; allowed are whole numbers from 0"),
        ("offset", "1" * 30, "allowed are whole numbers from 0"),
    ],
)
def test_what_leads_out_or_does_not_fit_is_one_line(key, value, words, split, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "net.onnx.data")
    (tmp_path / "folder").mkdir()
    path = changed(split, key, value)
    with pytest.raises(BadInput) as error:
        inlined(path, path.read_bytes())
    line = str(error.value)
    assert words in line and "net.onnx: the values of" in line and "\n" not in line


def test_a_shape_of_gigabytes_reads_nothing(split):
    model = onnx.ModelProto.FromString(split.read_bytes())
    tensor = next(item for item in model.graph.initializer if item.external_data)
    tensor.dims[:] = [1 << 20, 1 << 20]
    split.write_bytes(model.SerializeToString())
    with pytest.raises(BadInput, match="bytes with its weights; allowed are 2 GiB"):
        inlined(split, split.read_bytes())
