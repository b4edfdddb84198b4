"""What a Keras file may not hold beside its architecture: ways into other files, and damage."""

import io
import json
import zipfile
from collections.abc import Callable

import h5py
import keras_files
import numpy as np
import pytest

from edgeae.errors import BadInput
from edgeae.importing.bottleneck import Node, choose
from edgeae.importing.keras import hdf5
from edgeae.importing.keras import reading as keras_reading
from edgeae.importing.keras.architecture import flatten
from edgeae.importing.keras.file import read


def written(fill: Callable[[h5py.File], object]) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["keras_version"] = keras_files.VERSIONS[2]
        file.attrs["model_config"] = json.dumps(keras_files.dense(8, 2, 8, version=2))
        file.attrs["training_config"] = "what Keras would compile"
        fill(file)
    return stream.getvalue()


def _external(file: h5py.File) -> None:
    file.create_group("a").create_dataset("w", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "w", (4,))
    file.create_group("a").create_virtual_dataset("w", layout)


def _external_link(file: h5py.File) -> None:
    file["a"] = h5py.ExternalLink("other.h5", "/w")


def _soft_link(file: h5py.File) -> None:
    file.create_group("a")["w"] = h5py.SoftLink("/b")


WAYS = {
    "external": (_external, "/a/w is stored in other files"),
    "virtual": (_virtual, "/a/w is stored in other files"),
    "external link": (_external_link, "/a is a link"),
    "soft link": (_soft_link, "/a/w is a link"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["h5", "keras"])
def test_no_weight_is_read_from_another_file(way, kind, tmp_path):
    fill, told = WAYS[way]
    path = tmp_path / f"net.{kind}"
    if kind == "h5":
        path.write_bytes(written(fill))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
            archive.writestr("config.json", json.dumps(keras_files.dense(8, 2, 8)))
            archive.writestr("model.weights.h5", written(fill))
    with pytest.raises(BadInput, match=told):
        read(path)


def _twice(file):
    file["second"] = file.create_group("first")


def _loop(file):
    group = file.create_group("group")
    group["again"] = group


def _endless(file):
    file.create_dataset("kernel", (1 << 20, 1 << 20), np.float32, chunks=(64, 64))


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (_twice, "/second is a second name of an item"),
        (_loop, "/group/again is a second name of an item"),
        (_endless, "/kernel unpacks to 4.1e\\+03 GiB; allowed"),
    ],
)
def test_what_has_no_end_is_refused(fill, told, tmp_path):
    path = tmp_path / "net.h5"
    path.write_bytes(written(fill))
    with pytest.raises(BadInput, match=told):
        read(path)


def test_a_file_that_the_library_hangs_on_is_damaged(tmp_path, monkeypatch):
    path = tmp_path / "net.h5"
    path.write_bytes(written(lambda file: None))
    assert keras_reading.read(path).model == read(path).model
    monkeypatch.setattr(keras_reading, "_SECONDS", 0.0)
    with pytest.raises(BadInput, match=r"net\.h5: damaged: reading it hung"):
        keras_reading.read(path)


def test_an_object_beside_a_models_layers_is_judged_too(tmp_path):
    model = keras_files.dense(8, 2, 8)
    model["config"]["dtype"] = {"class_name": "__lambda__", "config": {"value": "code"}}
    with pytest.raises(BadInput, match="holds a lambda"):
        flatten(read(keras_files.keras(tmp_path / "net.keras", model)))


def test_what_keras_is_given_holds_the_architecture_that_was_judged_and_the_weights(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)

    def fill(file):
        group = file.create_group("model_weights/dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group["kernel"] = values

    path = tmp_path / "net.h5"
    path.write_bytes(written(fill))
    with hdf5.open_hdf5(path, read(path).judged()) as file:
        assert np.array_equal(file["model_weights/dense/kernel"][()], values)
        assert list(file["model_weights/dense"].attrs["weight_names"]) == ["dense/kernel:0"]
        assert json.loads(file.attrs["model_config"]) == keras_files.dense(8, 2, 8, version=2)
        assert "training_config" not in file.attrs


@pytest.mark.parametrize("version", [2, 3])
def test_two_layers_of_one_name_are_refused(version, tmp_path):
    """Keras builds the first of them, whatever the second is."""
    model = keras_files.dense(8, 2, 8, version=version)
    bad = keras_files.layer("Lambda", "d1", "d0", version=version, function="code")
    model["config"]["layers"].insert(1, bad)
    with pytest.raises(BadInput, match="two layers are called d1"):
        flatten(read(keras_files.keras(tmp_path / "net.keras", model, version)))


def test_a_layer_has_one_name(tmp_path):
    model = keras_files.dense(8, 2, 8)
    model["config"]["layers"][1]["config"]["name"] = "other"
    with pytest.raises(BadInput, match="d1 is also called other"):
        flatten(read(keras_files.keras(tmp_path / "net.keras", model)))


def test_an_input_of_a_class_of_its_own_is_refused(tmp_path):
    model = keras_files.dense(8, 2, 8)
    model["config"]["layers"][0] |= {"module": "mine", "registered_name": "mine>InputLayer"}
    with pytest.raises(BadInput, match="mine>InputLayer is a custom class"):
        flatten(read(keras_files.keras(tmp_path / "net.keras", model)))


def test_a_flipped_byte_is_damage(tmp_path):
    path = keras_files.keras(tmp_path / "net.keras", keras_files.dense(8, 2, 8))
    content = bytearray(path.read_bytes())
    content[content.index(b"\x89HDF") + 20] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BadInput, match=r"Bad CRC-32 for file 'model\.weights\.h5'"):
        read(path)


def test_what_is_nested_too_deeply_is_refused(tmp_path):
    deep: list = []
    for _ in range(600):
        deep = [deep]
    model = keras_files.dense(8, 2, 8, kernel_initializer=deep)
    with pytest.raises(BadInput, match="200 deep"):
        read(keras_files.keras(tmp_path / "net.keras", model))


def test_the_code_lies_before_a_block_of_the_decoder_as_narrow_as_itself():
    nodes = [
        Node("image", (), 64),
        Node("code", ("image",), 4),
        Node("wide", ("code",), 16),
        Node("narrow", ("wide",), 4),
        Node("sum", ("code", "narrow"), 4),
        Node("out", ("sum",), 64),
    ]
    assert choose(nodes, "image", "out").name == "code"
