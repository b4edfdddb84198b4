"""`edgeae.formats.inspection`: one file in, everything about it out."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tampering
import tiny
from c_models import model, operator
from onnx import TensorProto, helper, numpy_helper
from snapshots import snapshot
from typer.testing import CliRunner

import edgeae.formats.onnx
from edgeae.artifacts.manifest import OpVersion, TensorSpec
from edgeae.cli.main import app
from edgeae.codegen.program import program
from edgeae.errors import BadInput, ManifestMismatch, RuntimeUnavailable
from edgeae.formats.bundle_inspection import inspect_bundle
from edgeae.formats.inspection import InspectedOperator, Inspection, inspect
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import Graph, Tensor, read, write

MACS = 16 * 8 + 8 * 4 + 4 * 16


@pytest.fixture
def tflite_file(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(write(with_edges(tiny.int8_graph(), "float32")))
    return path


@pytest.fixture
def onnx_file(tmp_path):
    path = tmp_path / "model.onnx"
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 3))],
        [numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_tflite_file(tflite_file):
    content = tflite_file.read_bytes()
    found = inspect(tflite_file)
    assert (found.format, found.bytes) == ("tflite", len(content))
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.gzip_bytes == len(gzip.compress(content, 9, mtime=0))
    scale = float(np.float32(1 / 255))  # of the tensor behind the float edge
    assert found.inputs == (TensorSpec("image", (1, 16), "float32", scale, -128),)
    assert found.outputs == (TensorSpec("reconstruction", (1, 16), "float32", 1 / 256, -128),)
    assert OpVersion("FULLY_CONNECTED", 4, 3) in found.operators
    assert found.minimum_runtime == "1.14.0"
    assert (found.macs, found.parameters) == (MACS, MACS + 8 + 4 + 16)
    assert sum(found.size_by_cause.values()) == found.bytes
    assert [layer.name for layer in found.layers] == [
        "QUANTIZE",
        *["FULLY_CONNECTED"] * 3,
        "DEQUANTIZE",
    ]
    assert found.layers[1] == InspectedOperator(
        "FULLY_CONNECTED", 4, (1, 8), "int8", 128, 128 + 4 * 8
    )
    assert sum(layer.macs for layer in found.layers) == MACS


def test_a_tflite_file_packed(tflite_file):
    found = inspect(tflite_file)
    assert list(found.packed) == ["weights", "biases", "scales", "tables"]
    assert found.packed_bytes == sum(found.packed.values())
    assert (found.packed["biases"], found.packed["scales"]) == (4 * (8 + 4 + 16), 3 * 5)
    assert found.packed["weights"] == sum(item.bytes for item in found.encodings)
    assert [item.dense_bytes for item in found.encodings] == [16 * 8, 8 * 4, 4 * 16]
    assert found.encodings[0].name == "hidden/weights"
    zeros = sum(
        int((tensor.data == 0).sum())
        for tensor in tiny.int8_graph().tensors
        if tensor.name.endswith("/weights")
    )
    assert found.nonzero_macs == MACS - zeros


def test_an_onnx_file(onnx_file):
    found = inspect(onnx_file)
    assert (found.format, found.minimum_runtime) == ("onnx", "opset 18")
    assert found.inputs == (TensorSpec("x", ("batch", 2), "float32"),)
    assert found.layers == (InspectedOperator("MatMul", 18, (1, 3), "float32", 6, 24),)
    assert found.sparsity == {"w": 1.0}
    assert (found.nonzero_macs, found.packed, found.encodings) == (0, None, ())
    assert sum(found.size_by_cause.values()) == found.bytes


def test_the_content_tells_the_format_and_not_the_suffix(tflite_file, onnx_file, tmp_path):
    for file, name in ((tflite_file, "a.onnx"), (onnx_file, "b.tflite")):
        other = tmp_path / name
        other.write_bytes(file.read_bytes())
        assert inspect(other).sha256 == inspect(file).sha256


def test_json_is_plain_and_complete(tflite_file):
    found = inspect(tflite_file)
    table = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert table == found.to_json()
    assert table["outputs"][0]["shape"] == [1, 16]
    assert table["layers"][1]["weight_bytes"] == 160
    assert table.keys() == vars(found).keys()


def test_the_text_of_a_file(tflite_file):
    found = inspect(tflite_file)
    text = found.to_text()
    snapshot(without_versions(text, tflite_file.parent, found), "inspect-file.txt")
    assert "\x1b" not in text and all(line == line.rstrip() for line in text.splitlines())
    _, heading, *rows = text.split("\n\n")[-1].splitlines()
    assert {len(row) for row in rows} == {len(heading)}


def without_versions(text: str, folder: Path, *found: Inspection) -> str:
    """Return a text without paths, hashes, and the bytes after gzip, which depend on zlib."""
    for item in found:
        size = rf"\b{item.gzip_bytes:,}\b( B \(.*\))?"
        text = re.sub(size, lambda found: "#" * len(found[0]), text)
        text = text.replace(item.sha256, "(sha256)")
    return text.replace(str(folder), "(folder)") + "\n"


def test_text_of_a_file_without_work(tmp_path):
    path = tmp_path / "identity.tflite"
    tensor = Tensor("x", (1, 2), "float32")
    path.write_bytes(write(Graph((tensor,), (), {"x": 0}, {"x": 0})))
    found = inspect(path)
    assert (found.macs, found.minimum_runtime) == (0, "unknown")
    assert "inputs" in found.to_text()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04 a zip", "neither a .tflite nor an .onnx file"),
        (b"\x00\x00\x00\x00TFL3", "a damaged or truncated TFLite model"),
        (b"\x08\x08 not protobuf", "not an ONNX model"),
    ],
)
def test_foreign_and_damaged_files_are_bad_input_in_one_line(tmp_path, content, reason):
    path = tmp_path / "file.tflite"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=reason) as caught:
        inspect(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_devices_are_bad_input(tmp_path):
    places = [("none.tflite", "no such file"), ("", "a folder"), ("/dev/null", "not a regular")]
    for path, reason in places:
        with pytest.raises(BadInput, match=reason):
            inspect(tmp_path / path)


def test_an_operator_that_cannot_be_counted_names_the_file(tmp_path):
    graph = tiny.float_graph()
    path = tmp_path / "broken.tflite"
    operator = tiny.operator("FULLY_CONNECTED", 1, (0,), (3,), "FullyConnectedOptions")
    path.write_bytes(write(type(graph)(graph.tensors, (operator,), graph.inputs, graph.outputs)))
    with pytest.raises(BadInput, match=r"broken\.tflite: FULLY_CONNECTED"):
        inspect(path)


def test_an_onnx_file_without_the_package_onnx_says_what_installs_it(onnx_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in ("file", "graph_statistics"):  # read again
        monkeypatch.delitem(sys.modules, f"edgeae.formats.onnx.{name}", raising=False)
        monkeypatch.delattr(edgeae.formats.onnx, name, raising=False)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'edgeae\[onnx\]'$"):
        inspect(onnx_file)


def test_readers_are_imported_only_for_a_file_of_their_format(tflite_file):
    script = (
        "import sys; from pathlib import Path; from edgeae.formats.inspection import inspect;"
        "heavy = {'onnx', 'ai_edge_litert', 'tensorflow'};"
        "assert not heavy & sys.modules.keys();"
        f"inspect(Path({str(tflite_file)!r}));"
        "assert heavy & sys.modules.keys() == {'ai_edge_litert'}"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_text_of_a_bundle(tiny_bundle, tmp_path):
    bundle = tampering.add_onnx(tiny_bundle())
    done = CliRunner().invoke(app, ["inspect", str(bundle.root)])
    assert done.exit_code == 0
    files = [inspect(path) for path in sorted(bundle.root.glob("*.*[xe]"))]
    assert len(files) == 6
    snapshot(without_versions(done.stdout, tmp_path, *files), "inspect-bundle.txt")
    rows = [line.split() for line in done.stdout.split("\n\n")[0].splitlines()[2:]]
    sizes = {row[0]: [int(cell.replace(",", "")) for cell in row[1:]] for row in rows}
    assert sizes == {
        Path(item.path).name: [
            figure
            for figure in (
                item.bytes,
                item.gzip_bytes,
                item.packed_bytes,
                item.macs,
                item.nonzero_macs,
            )
            if figure is not None
        ]
        for item in files
    }


def test_packed_bytes_of_what_c_refuses_are_an_estimate(tmp_path):
    graph = tiny.int8_graph()
    for name, outputs, heading in (
        ("one", graph.outputs, "packed by cause"),
        ("two", {**graph.outputs, "code": 1}, "packed by cause (an estimate)"),
    ):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(write(replace(graph, outputs=outputs)))
        done = CliRunner().invoke(app, ["inspect", str(path)])
        assert heading in done.stdout.splitlines()


def test_a_bundle_as_json(tiny_bundle):
    bundle = tiny_bundle()
    done = CliRunner().invoke(app, ["inspect", str(bundle.root), "--json"])
    found = json.loads(done.stdout)
    assert found["name"] == "tiny/int8"
    assert [item["packed"]["biases"] for item in found["artifacts"]] == [48, 64, 112]


def test_what_is_no_bundle_or_not_its_manifests_is_said(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    tampering.corrupt(bundle.root / "decoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"decoder\.tflite"):
        inspect_bundle(bundle.root)
    with pytest.raises(BadInput, match="not a bundle"):
        inspect_bundle(tmp_path)


def test_a_tflite_file_has_what_its_portable_c_takes(tflite_file):
    done = CliRunner().invoke(app, ["inspect", str(tflite_file), "--json"])
    found = json.loads(done.stdout)
    assert found["c"]["refused"] == "" and found["arena_bytes"] > 0
    graph = program(read(tflite_file.read_bytes(), "m"), "m", optimize="size")
    assert found["c"]["constant_bytes"] == graph.constant_bytes
    text = CliRunner().invoke(app, ["inspect", str(tflite_file)]).stdout
    assert f"as C\n  constants  {graph.constant_bytes:,} B\n  arena " in text


def test_the_compiler_of_a_core_tells_its_code(tflite_file):
    """ziglang is there where no cross compiler is, but it does not tell the stack."""
    command = ["inspect", str(tflite_file), "--target", "cortex-m4"]
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["c"]
    assert 100 < found["code_bytes"] < 20_000 and "-Os, cortex-m4" in found["measured"]
    assert (found["stack_bytes"] is None) == ("ziglang" in found["measured"])
    text = CliRunner().invoke(app, command).stdout
    assert (
        f"as C ({found['measured']})\n" in text
        and f"  code       {found['code_bytes']:,} B" in text
    )
    refused = CliRunner().invoke(app, [*command[:-1], "cortex"])
    assert isinstance(refused.exception, BadInput)
    assert "did you mean 'cortex-m4'" in str(refused.exception)


def test_a_tflite_file_that_c_does_not_take_says_why(tmp_path):
    tensors = [Tensor(name, (1, 4), "float32") for name in ("x", "y")]
    (tmp_path / "abs.tflite").write_bytes(model(tensors, [operator("ABS", [0], [1])]))
    done = CliRunner().invoke(app, ["inspect", str(tmp_path / "abs.tflite"), "--json"])
    found = json.loads(done.stdout)["c"]
    assert found["constant_bytes"] is found["arena_bytes"] is None
    assert found["refused"].startswith("operator 0, ABS: ")
    text = CliRunner().invoke(app, ["inspect", str(tmp_path / "abs.tflite")]).stdout
    assert "as C\n  not supported  operator 0, ABS: " in text


def test_an_onnx_file_has_no_portable_c(onnx_file):
    done = CliRunner().invoke(app, ["inspect", str(onnx_file), "--json"])
    assert "c" not in json.loads(done.stdout)
