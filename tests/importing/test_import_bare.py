"""Bare `.tflite` and `.onnx` files become bundles as they are, and every verb works on them."""

import hashlib
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from edgeae_cli import ROOT
from onnx import TensorProto, helper
from tampering import corrupt

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.manifest import TensorSpec
from edgeae.cli.main import main
from edgeae.errors import BadInput
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import Graph, Tensor, read, write
from edgeae.gate.budget import Budget
from edgeae.gate.exact import exact_figures
from edgeae.gate.sides import Pair, sides
from edgeae.metrics.quantization import dequantize, quantize
from edgeae.recipe import from_table
from edgeae.verify.run import verify

FLOAT, INT8 = tiny.float_graph(), tiny.int8_graph()
REAL = tiny.images(64).reshape(64, tiny.PIXELS).astype(np.float32) * np.float32(1 / 255)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in `tmp_path`, where `tiny.npz` is; return exit code, output and talk.

    Imports are as is: originals take TensorFlow, and have their own tests.
    """
    tiny.dataset_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)

    def call(*arguments: object) -> tuple[int, str, str]:
        as_is = ["--as-is"] if arguments[0] == "import" else []
        monkeypatch.setattr(sys, "argv", ["edgeae", *map(str, arguments), *as_is])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def tflite(folder: Path, graph: Graph, *parts: str) -> list[Path]:
    cuts, paths = tiny.parts(graph), [folder / f"my_{part}.tflite" for part in parts]
    for part, path in zip(parts, paths, strict=True):
        path.write_bytes(write(cuts[part]))
    return paths


def onnx(folder: Path, *parts: str) -> list[Path]:
    paths = [folder / f"my_{part}.onnx" for part in parts]
    for part, path in zip(parts, paths, strict=True):
        path.write_bytes(tiny.onnx_model(part))
    return paths


ALL = ["encoder", "decoder", "autoencoder"]
HALVES = ALL[:2]
#: What is imported → how it is written, the parts that come of it, and a runtime to bench in.
WAYS: dict[str, tuple[Callable[[Path], list[Path]], list[str], str]] = {
    "int8 encoder": (lambda f: tflite(f, INT8, "encoder"), ["encoder"], "litert-xnnpack"),
    "int8 halves": (lambda f: tflite(f, INT8, *HALVES), HALVES, "litert-builtin"),
    "int8 whole": (lambda f: tflite(f, INT8, "autoencoder"), ALL, "litert-reference"),
    "float encoder": (lambda f: tflite(f, FLOAT, "encoder"), ["encoder"], "litert-reference"),
    "float halves": (lambda f: tflite(f, FLOAT, *HALVES), HALVES, "litert-xnnpack"),
    "float whole": (lambda f: tflite(f, FLOAT, "autoencoder"), ALL, "litert-xnnpack"),
    "onnx encoder": (lambda f: onnx(f, "encoder"), ["encoder"], "onnxruntime-cpu"),
    "onnx halves": (lambda f: onnx(f, *HALVES), HALVES, "onnxruntime-cpu"),
    "onnx whole": (lambda f: onnx(f, "autoencoder"), ALL, "onnxruntime-cpu"),
}


@pytest.mark.parametrize(
    "way",
    [
        way if number % 4 == 0 else pytest.param(way, marks=pytest.mark.ways)
        for number, way in enumerate(WAYS)
    ],
)
def test_a_bare_file_goes_the_whole_way(way, run, tmp_path):
    write_files, parts, runtime = WAYS[way]
    paths = write_files(tmp_path)
    code, out, err = run("import", *paths, "--data", "tiny.npz", "--name", "mine")
    assert code == 0, err
    assert "Warning" not in err and "warning" not in err
    bundle = open_bundle(tmp_path / "build" / "mine" / "as-is")
    assert list(bundle.parts) == parts
    _check_files(bundle, paths)
    _check_golden(bundle, int8=way.startswith("int8"))
    _check_loss(bundle)
    assert ("test MSE" in out) == (parts != ["encoder"])
    assert ("code: code, 4 values" in out) == (parts == ALL)

    code, out, err = run("verify", "build")
    assert code == 0, err
    rows = json.loads((bundle.root / "verify.json").read_text())
    answered = [row for row in rows["rows"] if row["verdict"] != "unavailable"]
    assert {row["part"] for row in answered} == set(parts)
    assert {row["verdict"] for row in answered} == {"pass"}
    assert {row["runtime"] for row in rows["composition"]} == (
        {row["runtime"] for row in answered} if parts == ALL else set()
    )
    assert "all pass" in out and ("decoder(encoder(x))" in out) == (parts == ALL)
    code, out, err = run("verify", "--golden", "build")
    assert (code, "all pass" in out) == (0, True), err

    code, out, err = run("bench", "build", "--runtime", runtime, "--seconds", "0.01")
    assert code == 0, err
    timed = [json.loads(line) for line in Path("build/results.jsonl").read_text().splitlines()]
    assert sorted(row["part"] for row in timed) == sorted(parts)
    assert {(row["recipe"], row["error"]) for row in timed} == {("as-is", None)}
    code, out, err = run("report")
    assert code == 0, err
    assert "no original" in Path("build/report/index.html").read_text()
    assert "no original" in Path("build/report/summary.md").read_text()

    corrupt(bundle.root / bundle.artifact("encoder", bundle.format).path)
    code, out, err = run("verify", "build")
    assert (code, out) == (4, "")
    assert f"encoder.{bundle.format}: sha256" in err


def _check_files(bundle, paths):
    """The files' bytes are those that were given; what was cut out of one says so."""
    given = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    kept = [item for item in bundle.manifest.artifacts if item.parent is None]
    assert [item.sha256 for item in kept] == given
    for item in bundle.manifest.artifacts:
        assert item.path == f"{item.part}.{bundle.format}"
        cut = len(paths) == 1 and item.part != "autoencoder" and len(bundle.parts) == 3
        assert item.parent == (f"autoencoder.{bundle.format}" if cut else None)


def _check_golden(bundle, int8):
    """Golden vectors are numpy's answers; int8 to a few steps."""
    known = tiny.forward(REAL)
    names = {"encoder": "code", "decoder": "reconstruction", "autoencoder": "reconstruction"}
    held = set(bundle.manifest.golden.sha256)
    assert held == {"image", *bundle.parts, *(names[part] for part in bundle.parts)}
    np.testing.assert_allclose(bundle.golden("image"), REAL)
    for part in bundle.parts:
        spec = bundle.artifact(part, bundle.format).output
        own, scale = bundle.golden(part).astype(np.float64), spec.scale or 1.0
        real = (own - (spec.zero_point or 0)) * scale if int8 else own
        assert (spec.dtype == "int8") == int8
        np.testing.assert_allclose(real, known[names[part]], atol=4 * scale if int8 else 1e-5)
        if part != "decoder" or "autoencoder" not in bundle.parts:
            np.testing.assert_allclose(bundle.golden(names[part]), real, atol=1e-6)


def _check_loss(bundle):
    loss = bundle.manifest.loss
    if bundle.parts == ("encoder",):
        assert loss is None
        return
    answer = bundle.golden("reconstruction").astype(np.float64)
    known = float(np.mean((answer - REAL) ** 2))  # 64 golden images are all test images
    assert loss.exported == loss.float32 == pytest.approx(known, rel=1e-6)
    assert (loss.added, loss.ratio, loss.control) == (0, 1, None)


def test_the_rows_of_halves_without_a_whole_have_the_loss_of_both_together(run, tmp_path):
    run("import", *tflite(tmp_path, INT8, *HALVES), "--data", "tiny.npz", "--name", "mine")
    assert run("verify", "build", "--runtime", "litert-xnnpack")[0] == 0
    table = json.loads((tmp_path / "build/mine/as-is/verify.json").read_text())
    encoder, decoder = table["rows"]
    assert (encoder["part"], encoder["loss"]) == ("encoder", None)
    known = float(np.mean((tiny.forward(REAL)["reconstruction"] - REAL) ** 2))
    assert decoder["loss"] == pytest.approx(known, abs=1e-3)
    assert decoder["loss_ratio"] == pytest.approx(1, abs=1e-3)


def test_where_the_encoder_crashes_the_halves_together_have_no_loss(odd, run, tmp_path):
    run("import", *tflite(tmp_path, FLOAT, *HALVES), "--data", "tiny.npz", "--name", "mine")
    bundle = open_bundle(tmp_path / "build" / "mine" / "as-is")
    findings = verify(bundle, None, ["odd-crash-encoder"], lambda line: None)
    encoder, decoder = findings.rows
    assert (encoder.verdict, decoder.verdict) == ("crashed", "fail")
    assert decoder.reasons == ("no input: the part that makes encoder failed",)
    assert findings.codes == (1, 5) and findings.answered


def test_steps_behind_a_float_edge_may_be_of_any_integers():
    for zero_point, values in ((200, [-100.0, 27.5]), (0, [-16384.0, 16383.5])):
        grid = TensorSpec("x", (1, 2), "float32", 0.5, zero_point).grid
        steps = quantize(np.array(values, np.float32), grid)
        assert (dequantize(steps, grid) == values).all()


def test_a_swapped_file_fails_against_its_own_golden_vectors(run, tmp_path):
    """Float files have no other reference than what they gave when they were imported."""
    run("import", *tflite(tmp_path, FLOAT, "encoder"), "--data", "tiny.npz", "--name", "mine")
    root = tmp_path / "build" / "mine" / "as-is"
    golden = np.load(root / "golden" / "encoder.npy")
    golden[3, 1] += 0.01
    np.save(root / "golden" / "encoder.npy", golden)
    table = json.loads((root / "manifest.json").read_text())
    content = (root / "golden" / "encoder.npy").read_bytes()
    table["golden"]["sha256"]["encoder"] = hashlib.sha256(content).hexdigest()
    (root / "manifest.json").write_text(json.dumps(table))
    code, _, err = run("verify", "build", "--runtime", "litert-reference")
    assert code == 1 and "encoder.tflite on litert-reference: golden: max_abs 0.01" in err


def test_names_are_the_files_own(run, tmp_path):
    """Other frameworks call their tensors otherwise, some all alike, some not at all."""
    names = {0: "serving_default_x:0", 1: "same", 2: "same", 3: "StatefulPartitionedCall:0"}
    tensors = tuple(
        replace(tensor, name=names.get(index, "")) for index, tensor in enumerate(FLOAT.tensors)
    )
    graph = replace(FLOAT, tensors=tensors, inputs={"x": 0}, outputs={"out": 3})
    (tmp_path / "net.tflite").write_bytes(write(graph))
    code, out, err = run("import", "net.tflite", "--data", "tiny.npz")
    assert code == 0, err
    assert "code: same#2, 4 values" in out and "alternatives: same#1 (8)" in out
    bundle = open_bundle(tmp_path / "build" / "net" / "as-is")
    whole = bundle.artifact("autoencoder")
    assert (whole.input.name, whole.output.name) == ("x", "out")
    assert run("verify", "--golden", "build")[0] == 0
    again = run("import", "net.tflite", "--data", "tiny.npz", "--code-layer", "same#1", "--force")
    assert "code: same#1, 8 values (as named)" in again[1]
    assert open_bundle(bundle.root).manifest.code.size == 8


def test_a_whole_is_cut_where_the_user_says(run, tmp_path):
    for name, paths in (
        ("lite", tflite(tmp_path, INT8, "autoencoder")),
        ("ox", onnx(tmp_path, "autoencoder")),
    ):
        asked = ("import", *paths, "--data", "tiny.npz", "--code-layer", "hidden", "--name", name)
        code, out, err = run(*asked)
        assert code == 0, err
        assert "code: hidden, 8 values (as named)" in out
        bundle = open_bundle(tmp_path / "build" / name / "as-is")
        assert bundle.artifact("decoder", bundle.format).input.values == (8,)
        real = bundle.golden("code")
        scale = bundle.manifest.code.scale or 0
        np.testing.assert_allclose(real, tiny.forward(REAL)["hidden"], atol=1e-5 + 2 * scale)
    assert run("verify", "build")[0] == 0


def _square() -> Graph:
    """16 → 16, one layer: whole, and nowhere narrower; it darkens each image by a tenth."""
    random = np.random.default_rng(0)
    matrix = (0.9 * np.eye(16) + random.normal(0, 0.01, (16, 16))).astype(np.float32)
    tensors = (
        Tensor("image", (1, 16), "float32"),
        Tensor("out", (1, 16), "float32"),
        Tensor("w", (16, 16), "float32", matrix),
        Tensor("b", (16,), "float32", np.zeros(16, np.float32)),
    )
    dense = tiny.operator("FULLY_CONNECTED", 1, (0, 2, 3), (1,), "FullyConnectedOptions")
    return Graph(tensors, (dense,), {"image": 0}, {"out": 1})


def test_a_whole_without_a_bottleneck_stays_whole(run, tmp_path):
    (tmp_path / "net.tflite").write_bytes(write(_square()))
    code, out, err = run("import", "net.tflite", "--data", "tiny.npz")
    assert code == 0, err
    assert "net.tflite: not cut into encoder, decoder: no bottleneck" in err
    assert "16 → 16" in out and "code:" not in out
    bundle = open_bundle(tmp_path / "build" / "net" / "as-is")
    assert bundle.parts == ("autoencoder",) and bundle.manifest.code is None
    assert sorted(bundle.manifest.golden.sha256) == ["autoencoder", "image", "reconstruction"]
    assert run("verify", "build")[0] == 0
    assert run("verify", "--golden", "build")[0] == 0
    assert run("bench", "build", "--runtime", "litert-builtin", "--seconds", "0.01")[0] == 0
    assert run("report")[0] == 0


def test_an_onnx_with_branches_stays_whole(run, tmp_path):
    branch = helper.make_graph(
        [helper.make_node("Identity", ["reconstruction"], ["chosen"])],
        "branch",
        [],
        [helper.make_tensor_value_info("chosen", TensorProto.FLOAT, ["batch", 16])],
    )
    import onnx as library

    model = library.ModelProto.FromString(tiny.onnx_model())
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    model.graph.initializer.append(always)
    choice = helper.make_node("If", ["always"], ["out"], then_branch=branch, else_branch=branch)
    model.graph.node.append(choice)
    model.graph.output[0].name = "out"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    code, _, err = run("import", "net.onnx", "--data", "tiny.npz")
    assert code == 0, err
    assert "not cut into encoder, decoder: operator If has a subgraph" in err
    assert run("verify", "--golden", "build")[0] == 0


def test_between_float_edges_the_code_is_cut_out_as_int8(run, tmp_path):
    graph = with_edges(INT8, "float32")
    (tmp_path / "net.tflite").write_bytes(write(graph))
    code, _, err = run("import", "net.tflite", "--data", "tiny.npz")
    assert code == 0, err
    bundle = open_bundle(tmp_path / "build" / "net" / "as-is")
    edges = [(item.input.dtype, item.output.dtype) for item in bundle.manifest.artifacts]
    assert edges == [("float32", "int8"), ("int8", "float32"), ("float32", "float32")]
    assert (bundle.manifest.code.scale, bundle.manifest.code.zero_point) == tiny.QUANTIZED["code"]
    assert run("verify", "build")[0] == 0


def test_halves_with_float_edges_need_not_have_the_same_steps_inside(run, tmp_path):
    encoder, decoder = (with_edges(tiny.parts(INT8)[part], "float32") for part in HALVES)
    other = tuple(
        replace(tensor, scales=(0.004,)) if tensor.name == "code_int8" else tensor
        for tensor in decoder.tensors
    )
    (tmp_path / "e.tflite").write_bytes(write(encoder))
    (tmp_path / "d.tflite").write_bytes(write(replace(decoder, tensors=other)))
    code, _, err = run("import", "e.tflite", "d.tflite", "--data", "tiny.npz", "--name", "mine")
    assert code == 0, err
    assert run("verify", "build", "--runtime", "litert-reference")[0] == 0


def test_an_input_that_stands_for_other_values_is_a_warning(run, tmp_path):
    paths = tflite(tmp_path, INT8, "encoder")
    code, _, err = run("import", *paths, "--data", "tiny.npz", "--scale", "1", "--name", "wide")
    assert code == 0
    (line,) = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert "the range of its input is 0 to 1, that of dataset tiny is 0 to 255; --scale" in line
    small = ("import", *paths, "--data", "tiny.npz", "--scale", "0.0001", "--name", "narrow")
    assert "dataset tiny is 0 to 0.0255; --scale" in run(*small)[2]


def _rescaled(graph: Graph) -> Graph:
    tensors = tuple(
        replace(tensor, scales=(0.004,)) if tensor.name == "code" else tensor
        for tensor in graph.tensors
    )
    return replace(graph, tensors=tensors)


def _edge(dtype: str) -> Graph:
    """A graph whose input is of another element type, without a scale."""
    source = Tensor("image", (1, 16), dtype)
    cast = tiny.operator("CAST", 1, (0,), (1,), "CastOptions")
    tensors = (source, Tensor("code", (1, 16), "float32"))
    return Graph(tensors, (cast,), {"image": 0}, {"code": 1})


def _nan() -> Graph:
    tensors = tuple(
        replace(tensor, data=np.full_like(tensor.data, np.nan)) if tensor.name == "w" else tensor
        for tensor in _square().tensors
    )
    return replace(_square(), tensors=tensors)


def _saved(folder: Path, name: str, graph: Graph) -> Path:
    path = folder / name
    path.write_bytes(write(graph))
    return path


def _text(folder: Path) -> Path:
    (folder / "net.tflite").write_text("once upon a time")
    return folder / "net.tflite"


def _without_data() -> Graph:
    """The weights of a layer are a tensor that nothing fills."""
    tensors = tuple(
        replace(tensor, data=None) if tensor.name == "hidden/weights" else tensor
        for tensor in FLOAT.tensors
    )
    return replace(FLOAT, tensors=tensors)


def _without_an_input() -> Graph:
    first, *others = FLOAT.operators
    return replace(FLOAT, operators=(replace(first, inputs=first.inputs[:1]), *others))


def _torch(folder: Path, legacy: bool) -> Path:
    path = folder / "net.pt"
    if legacy:  # the start of a file that PyTorch 1.5 wrote
        path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({}, protocol=2))
    return path


def _narrow(folder: Path) -> Path:
    np.save(folder / "rows.npy", np.zeros((40, 10), np.float32))
    return folder / "rows.npy"


PARTS = {name: tiny.parts(graph) for name, graph in (("float", FLOAT), ("int8", INT8))}
#: What is wrong → the arguments, and words that its line must have.
BROKEN: dict[str, tuple[Callable[[Path], list[object]], tuple[str, ...]]] = {
    "other code": (
        lambda f: [*tflite(f, FLOAT, "encoder"), _saved(f, "d.tflite", _square())],
        ("my_encoder.tflite gives a code of 4", "d.tflite takes 16", "not halves"),
    ),
    "other reconstruction": (
        lambda f: [
            *tflite(f, FLOAT, "encoder"),
            _saved(f, "d.tflite", tiny.cut(FLOAT, {"code": 2}, {"reconstruction": 2})),
        ],
        ("my_encoder.tflite takes 16", "d.tflite gives 4", "not halves"),
    ),
    "other scale": (
        lambda f: [
            *tflite(f, INT8, "encoder"),
            _saved(f, "d.tflite", _rescaled(PARTS["int8"]["decoder"])),
        ],
        (
            "my_encoder.tflite gives the code as int8, scale 0.003",
            "d.tflite takes int8, scale 0.004",
        ),
    ),
    "other type": (
        lambda f: [
            *tflite(f, INT8, "encoder"),
            _saved(f, "d.tflite", PARTS["float"]["decoder"]),
        ],
        ("my_encoder.tflite gives the code as int8", "d.tflite takes float32"),
    ),
    "mixed formats": (
        lambda f: [*tflite(f, FLOAT, "encoder"), *onnx(f, "decoder")],
        ("my_encoder.tflite is .tflite, ", "my_decoder.onnx .onnx"),
    ),
    "not a model": (lambda f: [_text(f)], ("net.tflite: not a model",)),
    "no such file": (lambda f: [f / "net.tflite"], ("net.tflite: no such file",)),
    "other features": (
        lambda f: [*tflite(f, FLOAT, "encoder"), "--data", _narrow(f)],
        ("rows of 10 values", "takes 16"),
    ),
    "a tensor named for an encoder": (
        lambda f: [*tflite(f, FLOAT, "encoder"), "--code-layer", "hidden"],
        ("--code-layer hidden", "my_encoder.tflite takes 16 and gives 4"),
    ),
    "no such tensor": (
        lambda f: [*tflite(f, FLOAT, "autoencoder"), "--code-layer", "hiden"],
        ("my_autoencoder.tflite", "'hiden'; did you mean 'hidden'?"),
    ),
    "indices": (
        lambda f: [_saved(f, "e.tflite", _edge("int32"))],
        ("e.tflite: input 'image' is int32", "allowed are float32, int8, uint8, int16"),
    ),
    "integers without a scale": (
        lambda f: [_saved(f, "e.tflite", _edge("uint8"))],
        ("e.tflite: input 'image' is uint8 without a scale",),
    ),
    "an output of NaN": (
        lambda f: [_saved(f, "e.tflite", _nan())],
        ("e.tflite: its autoencoder gives NaN or infinity on tiny",),
    ),
    "weights that are not there": (
        lambda f: [_saved(f, "a.tflite", _without_data())],
        ("a.tflite: its autoencoder fails at run time: ", "lacks data"),
    ),
    "an operator without its input": (
        lambda f: [_saved(f, "a.tflite", _without_an_input())],
        ("a.tflite: FULLY_CONNECTED: lacks an input",),
    ),
    "the decoder first": (
        lambda f: [*tflite(f, FLOAT, "decoder", "encoder")],
        ("my_decoder.tflite: ", "my_encoder.tflite takes them: the encoder comes first"),
    ),
    "a PyTorch file": (
        lambda f: [_torch(f, legacy=False)],
        ("net.pt: a PyTorch file", "torch.onnx.export(model, example, 'model.onnx')"),
    ),
    "an old PyTorch file": (lambda f: [_torch(f, legacy=True)], ("torch.onnx.export",)),
    "three files": (
        lambda f: [*tflite(f, FLOAT, *ALL)],
        ("my_autoencoder.tflite: allowed are one path, or two",),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_fit_is_one_line(case, run, tmp_path):
    make, words = BROKEN[case]
    arguments = make(tmp_path)
    data = [] if "--data" in arguments else ["--data", "tiny.npz"]
    code, out, err = run("import", *arguments, *data, "--name", "mine")
    assert (code, out) == (2, "")
    *said, line = err.splitlines()
    assert line.startswith("edgeae: ")
    for word in words:
        assert word in line
    assert ".part" not in err and not any("as is" in item for item in said)
    assert not list(tmp_path.rglob("train.json")) and not list(tmp_path.rglob("manifest.json"))
    assert not list(tmp_path.rglob("*.part"))


def test_a_damaged_file_behind_the_same_name_is_refused_and_the_bundle_stays(run, tmp_path):
    (path,) = tflite(tmp_path, FLOAT, "encoder")
    asked = ("import", path, "--data", "tiny.npz", "--name", "mine")
    assert run(*asked)[0] == 0
    known = (tmp_path / "build/mine/as-is/manifest.json").read_bytes()
    path.write_bytes(path.read_bytes()[:500])
    code, _, err = run(*asked)
    assert code == 2 and "damaged or truncated" in err
    assert (tmp_path / "build/mine/as-is/manifest.json").read_bytes() == known
    assert run("verify", "--golden", "build")[0] == 0


def test_the_same_import_again_does_nothing_and_another_file_replaces_it(run, tmp_path):
    (path,) = tflite(tmp_path, FLOAT, "encoder")
    asked = ("import", path, "--data", "tiny.npz", "--name", "mine")
    assert run(*asked)[0] == 0
    root = (tmp_path / "build" / "mine" / "as-is").resolve()
    assert "up to date" in run(*asked)[2]
    assert (tmp_path / "build" / "mine" / "as-is").resolve() == root
    tflite(tmp_path, INT8, "encoder")
    assert run(*asked)[0] == 0
    assert not root.exists()
    assert open_bundle(tmp_path / "build/mine/as-is").artifact("encoder").flavour == "int8"


def test_there_is_nothing_to_export(run, tmp_path):
    run("import", *tflite(tmp_path, FLOAT, "encoder"), "--data", "tiny.npz", "--name", "mine")
    code, _, err = run("export", "mine", "--recipe", "int8")
    assert code == 2 and "imported as is: there is no original" in err
    with pytest.raises(BadInput, match="name = 'as-is'"):
        from_table({"name": "as-is"})


def test_gates_and_baselines_take_it(run, tmp_path):
    run("import", *tflite(tmp_path, INT8, *HALVES), "--data", "tiny.npz", "--name", "mine")
    run("import", *tflite(tmp_path, INT8, "encoder"), "--data", "tiny.npz", "--name", "half")
    code, out, err = run("baseline", "save", "build/mine/as-is", "build/half/as-is")
    assert code == 0, err
    for path in ("mine", "half"):
        code, out, err = run("gate", f"build/{path}/as-is", f"bench/baselines/{path}/as-is")
        assert code == 0, err
        assert "identical" in out
    mine, half = (sides(tmp_path / "build" / name / "as-is") for name in ("mine", "half"))
    for side, verdict in ((mine[0], "pass"), (half[0], "missing")):
        (figure,) = exact_figures(Pair(side, side, "litert-xnnpack"), Budget(max_loss_ratio=1.1))
        assert figure.verdict == verdict
    assert figure.reason == "loss: an encoder without a decoder has no loss"


def test_without_an_original_a_manifest_says_so_and_is_read_back(run, tmp_path):
    run("import", *tflite(tmp_path, FLOAT, "encoder"), "--data", "tiny.npz", "--name", "mine")
    root = tmp_path / "build" / "mine" / "as-is"
    table = json.loads((root / "manifest.json").read_text())
    assert table["loss"] is None and table["code"]["size"] == 4
    assert table["tools"].keys() == {"edgeae", "ai-edge-litert"}
    training = json.loads((root.parent / "train.json").read_text())
    assert (training["form"], training["family"]) == ("as-is", "imported")
    assert training["description"] == "16 → 4, float32 .tflite as is"
    assert (training["input_shape"], training["code_shape"]) == ([16], [4])
    assert (training["parameters"], training["losses"]) == (16 * 8 + 8 + 8 * 4 + 4, {})
    table["recipe"] = "int8"
    (root / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(BadInput, match="loss is null"):
        open_bundle(root)


def test_the_cut_halves_hold_what_the_whole_holds(run, tmp_path):
    run("import", *tflite(tmp_path, INT8, "autoencoder"), "--data", "tiny.npz", "--name", "mine")
    root = tmp_path / "build" / "mine" / "as-is"
    known = {name: write(graph) for name, graph in PARTS["int8"].items()}
    for part in ALL:
        graph, expected = (
            read(content, part) for content in ((root / f"{part}.tflite").read_bytes(), known[part])
        )
        assert (graph.inputs, graph.outputs) == (expected.inputs, expected.outputs)
        for one, other in zip(graph.tensors, expected.tensors, strict=True):
            assert one == other
            np.testing.assert_array_equal(one.data, other.data)


def test_no_tensorflow_is_needed(tmp_path):
    tiny.dataset_file(tmp_path)
    (path,) = tflite(tmp_path, INT8, "autoencoder")
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'tf_keras', 'keras', 'onnx', 'h5py'):\n"
        "    sys.modules[name] = None\n"
        "sys.argv = ['edgeae', *sys.argv[1:]]\n"
        "from edgeae.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "import", str(path), "--data", "tiny.npz"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert open_bundle(tmp_path / "build" / path.stem / "as-is").parts == tuple(ALL)
