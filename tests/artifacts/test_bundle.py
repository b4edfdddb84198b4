import copy
import gzip
import hashlib
import inspect
import io
import json
import re
from typing import get_args

import numpy as np
import pytest
import tampering
import tiny

from edgeae.artifacts.bundle import MANIFEST, find_bundles, gzip_size, npy_bytes, open_bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.metrics.quantization import Affine
from edgeae.recipe.schema import Quantization


def damage(bundle, change) -> None:
    """Rewrite a bundle's manifest after `change(table)`."""
    path = bundle.root / "manifest.json"
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def test_a_manifest_goes_to_the_disk_and_back(tiny_bundle):
    for flavour in ("int8", "float32"):
        bundle = tiny_bundle(flavour)
        again = open_bundle(bundle.root)
        assert again.manifest == bundle.manifest
        assert again.manifest.to_json() == (bundle.root / "manifest.json").read_text()


def test_a_manifest_that_an_older_edgeae_wrote_still_opens(tiny_bundle):
    """Without each key that came later."""
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    assert table.pop("settings") == {}
    for artifact in table["artifacts"]:
        for key in ("nonzero_macs", "causes", "packed", "encodings"):
            artifact.pop(key)
    assert tampering.rewrite(bundle.root, table).manifest == bundle.manifest


def test_every_flavour_is_described():
    told = inspect.getdoc(Artifact).split("flavour:")[1].split("path:")[0]
    in_onnx = {"fp32", "fp16", "qdq", "qoperator", "fast-qdq", "fast-qoperator"}
    assert set(re.findall(r"`([\w-]+)`", told)) == {*get_args(Quantization), *in_onnx}


def test_equal_manifests_are_equal_bytes_and_hold_no_nan(tiny_bundle):
    manifest = tiny_bundle().manifest
    assert copy.deepcopy(manifest).to_json() == manifest.to_json()
    manifest.normalization["scale"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        manifest.to_json()


def test_artifacts_are_found_by_part_and_format(tiny_bundle):
    bundle = tiny_bundle()
    assert bundle.name == "tiny/int8"
    for part in ("encoder", "decoder", "autoencoder"):
        artifact = bundle.artifact(part)
        assert artifact.part == part
        assert bundle.read(artifact) == (bundle.root / f"{part}.tflite").read_bytes()
    with pytest.raises(BadInput, match=r"encoder\.onnx"):
        bundle.artifact("encoder", "onnx")


def test_edges_say_what_their_integers_stand_for(tiny_bundle):
    encoder = tiny_bundle().artifact("encoder")
    assert encoder.input.affine == Affine(float(np.float32(1 / 255)), -128, "int8")
    assert encoder.output.affine == Affine(*tiny.QUANTIZED["code"], "int8")
    assert (encoder.input.values, encoder.output.values) == ((16,), (4,))
    assert tiny_bundle("float32").artifact("encoder").input.affine is None
    edge = tiny_bundle(io="float32").artifact("encoder").output
    assert edge.affine is None
    assert edge.grid is not None and edge.grid.scale == tiny.QUANTIZED["code"][0]


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_changed_byte_is_a_mismatch(tiny_bundle, place):
    bundle = tiny_bundle()
    path = bundle.root / "decoder.tflite"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ManifestMismatch, match=r"decoder\.tflite: sha256"):
        bundle.read(bundle.artifact("decoder"))
    bundle.read(bundle.artifact("encoder"))


def test_a_missing_artifact_is_a_mismatch(tiny_bundle):
    bundle = tiny_bundle()
    (bundle.root / "encoder.tflite").unlink()
    with pytest.raises(ManifestMismatch, match=r"encoder\.tflite: .*No such file"):
        bundle.read(bundle.artifact("encoder"))


def test_golden_arrays_come_checked(tiny_bundle):
    bundle = tiny_bundle()
    for name in ("image", "code", "reconstruction", "encoder", "decoder", "autoencoder"):
        assert len(bundle.golden(name)) == bundle.manifest.golden.n == 64
    np.testing.assert_array_equal(bundle.golden("decoder"), bundle.golden("autoencoder"))
    path = bundle.root / "golden" / "code.npy"
    path.write_bytes(npy_bytes(bundle.golden("code") + 1e-7))
    with pytest.raises(ManifestMismatch, match=r"code\.npy"):
        bundle.golden("code")
    with pytest.raises(ManifestMismatch, match=r"latent\.npy"):
        bundle.golden("latent")


@pytest.mark.parametrize("name", ["image", "code", "encoder", "autoencoder"])
@pytest.mark.parametrize(
    "change",
    {
        "no axis": lambda array: array.reshape(-1)[0],
        "fewer rows": lambda array: array[:-1],
        "fewer values": lambda array: array[:, :-1],
        "another type": lambda array: array.astype(np.int64),
        "text": lambda array: np.array(["a"] * len(array)),
        "NaN": lambda array: np.full(array.shape, np.nan, np.float32),
    }.items(),
    ids=lambda item: item[0],
)
def test_golden_arrays_are_what_the_manifest_s_artifacts_take_and_give(tiny_bundle, name, change):
    bundle = tiny_bundle("float32")
    bundle = tampering.replace_golden(bundle, name, change[1](bundle.golden(name)))
    with pytest.raises(ManifestMismatch, match=rf"golden/{name}\.npy: ") as caught:
        bundle.golden(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(ManifestMismatch):
        bundle.check()


def test_a_pickled_golden_array_is_refused_whatever_its_hash(tiny_bundle):
    bundle = tiny_bundle()
    stream = io.BytesIO()
    np.save(stream, np.array([{}], object), allow_pickle=True)
    (bundle.root / "golden" / "code.npy").write_bytes(stream.getvalue())
    table = json.loads((bundle.root / MANIFEST).read_text())
    table["golden"]["sha256"]["code"] = hashlib.sha256(stream.getvalue()).hexdigest()
    with pytest.raises(ManifestMismatch, match="pickled objects are refused") as caught:
        tampering.rewrite(bundle.root, table).check()
    assert "allow_pickle" not in str(caught.value)


def replace_all(*path, value):
    """A change that puts `value` at a place in the manifest."""

    def change(table):
        *way, last = path
        for key in way:
            table = table[key]
        table[last] = value

    return change


DAMAGE = {
    "a key too many": replace_all("colour", value="red"),
    "a key too few": lambda table: table.pop("loss"),
    "a key too few below": lambda table: table["loss"].pop("ratio"),
    "an artifact's key too few": lambda table: table["artifacts"][1].pop("sha256"),
    "null for a table": replace_all("loss", value=None),
    "a list for a table": replace_all("code", value=[1]),
    "null for a list": replace_all("artifacts", value=None),
    "a number for a list": replace_all("artifacts", value=3),
    "text for a list": replace_all("artifacts", value="abc"),
    "a table for a list": replace_all("artifacts", 0, "inputs", value={"name": "x"}),
    "null for text": replace_all("model", value=None),
    "a number for text": replace_all("artifacts", 0, "path", value=3),
    "text for a number": replace_all("loss", "float32", value="0.1"),
    "text for a count": replace_all("artifacts", 0, "macs", value="many"),
    "a bool for a count": replace_all("code", "size", value=True),
    "null for golden": replace_all("golden", value=None),
    "no inputs": replace_all("artifacts", 0, "inputs", value=[]),
    "inputs without a shape": replace_all("artifacts", 0, "inputs", 0, "shape", value=[]),
    "a shape with words": replace_all("artifacts", 0, "inputs", 0, "shape", value=[1, "many"]),
    "a shape without values": replace_all("artifacts", 0, "outputs", 0, "shape", value=[1, 0]),
    "another element type": replace_all("artifacts", 0, "outputs", 0, "dtype", value="complex"),
    "a negative tolerance": replace_all("tolerance", "max_abs", value=-1.0),
    "text for a size": replace_all("artifacts", 0, "inputs", 0, "shape", value="116"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_manifest_is_named(tiny_bundle, kind):
    bundle = tiny_bundle()
    damage(bundle, DAMAGE[kind])
    with pytest.raises(BadInput) as caught:
        open_bundle(bundle.root)
    line = str(caught.value)
    assert line.startswith(f"{bundle.root / 'manifest.json'}: ") and "\n" not in line


def test_a_damaged_manifest_says_which_keys(tiny_bundle):
    bundle = tiny_bundle()
    tiny_bundle("float32")
    damage(bundle, lambda table: (table.pop("artifacts"), table.pop("code")))
    with pytest.raises(BadInput) as caught:
        find_bundles([bundle.root.parent])
    assert str(caught.value) == (
        f"{bundle.root / 'manifest.json'}: damaged manifest: code, artifacts are missing"
    )


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_told(tiny_bundle, schema):
    bundle = tiny_bundle()
    damage(bundle, replace_all("schema", value=schema))
    with pytest.raises(BadInput, match=f"schema = {schema!r}"):
        open_bundle(bundle.root)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"schema": 1}', "\udcff"])
def test_what_is_no_manifest_is_told(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match=r"manifest\.json"):
        open_bundle(tmp_path)


def test_every_cut_of_a_manifest_is_refused(tiny_bundle):
    bundle = tiny_bundle()
    path = bundle.root / "manifest.json"
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 41):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            open_bundle(bundle.root)


def test_a_folder_without_manifest_is_told(tmp_path):
    with pytest.raises(BadInput, match="edgeae export"):
        open_bundle(tmp_path)


def test_bundles_are_found_by_name_once_each(tiny_bundle, tmp_path):
    for flavour in ("int8", "float32"):
        tiny_bundle(flavour, model="b")
    tiny_bundle(model="a")
    hidden = tiny_bundle(model="c").root.parent
    hidden.rename(hidden.with_name(".hidden"))
    (tmp_path / "link").symlink_to(tmp_path / "build" / "a" / "int8")
    names = [bundle.name for bundle in find_bundles([tmp_path, tmp_path / "build" / "b"])]
    assert names == ["a/int8", "b/float32", "b/int8"]
    (only,) = find_bundles([tmp_path / "link"])
    assert only.name == "a/int8"


def test_links_that_lead_back_up_end(tiny_bundle):
    build = tiny_bundle().root.parent.parent
    for name in ("a", "b", "z"):
        (build / name).symlink_to(".")
        (build / "tiny" / name).symlink_to("..")
    (build / "itself").symlink_to("itself")
    (only,) = find_bundles([build])
    assert only.name == "tiny/int8"


def test_nothing_found_and_nowhere_to_look_differ(tmp_path):
    with pytest.raises(NotMeasured, match="edgeae export"):
        find_bundles([tmp_path])
    with pytest.raises(BadInput, match="no such folder"):
        find_bundles([tmp_path / "gone"])


def test_sizes_and_bytes_are_reproducible():
    content = b"edge" * 1000
    assert gzip_size(content) == gzip_size(content) < 100
    assert len(gzip.decompress(gzip.compress(content, 9, mtime=0))) == 4000
    array = np.arange(6, dtype=np.int8).reshape(2, 3)
    assert hashlib.sha256(npy_bytes(array)).digest() == hashlib.sha256(npy_bytes(array)).digest()
