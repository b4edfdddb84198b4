"""onnxruntime's int8 and float16 of a tiny model made by hand: no TensorFlow."""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny
from edgeae_cli import ROOT, TESTS
from onnx_models import dense, halves, run, with_every_shape

from edgeae.conversion.onnx import fast as onnx_fast
from edgeae.conversion.onnx.fast import fast, with_gemm
from edgeae.conversion.onnx.float16 import float16
from edgeae.conversion.onnx.graph import finished, in_order, joined
from edgeae.conversion.onnx.micro_benchmark import p50_us
from edgeae.errors import BadInput
from edgeae.formats.onnx import file as onnx_file
from edgeae.formats.onnx import graph_statistics as onnx_statistics
from edgeae.formats.onnx.metadata import Stamp
from edgeae.recipe import PARTS, Recipe

FORMS = ("qdq", "qoperator")
FAST = Recipe(
    "fast",
    quantization="int8",
    io="int8",
    formats=("tflite", "onnx"),
    onnx="fast",
    per_channel=True,
)
IMAGES = (tiny.images(200, seed=8) / np.float32(255)).astype(np.float32).reshape(200, 16)
CALIBRATING = IMAGES[:100]
MACS = {"encoder": 16 * 8 + 8 * 4, "decoder": 4 * 16, "autoencoder": 16 * 8 + 8 * 4 + 4 * 16}
_HASHES = """
import hashlib, sys
import test_onnx_fast as test
made = test.forced("qoperator"), test.forced("qdq")
print(*(hashlib.sha256(content).hexdigest() for parts in made for content in parts.values()))
"""


def stamp(part: str, flavour: str = "fast-qdq") -> Stamp:
    return Stamp("r", "1" * 64, "2" * 64, part, flavour, tiny.CODE)


def files(parts: dict) -> dict[str, bytes]:
    return {part: finished(parts[part], "test", stamp(part)) for part in PARTS}


@contextlib.contextmanager
def winner(form: str) -> Iterator[None]:
    """Let one form be the faster, whatever this machine is busy with."""
    known = onnx_fast.p50_us
    onnx_fast.p50_us = lambda models, x: {name: 2.0 - (name == form) for name in models}
    try:
        yield
    finally:
        onnx_fast.p50_us = known


def forced(form: str) -> dict[str, bytes]:
    """The files in one form."""
    with winner(form):
        chosen = fast(*halves(), CALIBRATING, FAST)
    assert chosen.form == form
    return files(chosen.parts)


@pytest.fixture(scope="module", params=FORMS)
def integer(request) -> dict[str, bytes]:
    return forced(request.param)


def test_the_whole_is_both_halves_in_a_row(integer):
    for batch in (1, 7, 200):
        codes = run(integer["encoder"], IMAGES, batch)
        composed = run(integer["decoder"], codes, batch)
        np.testing.assert_array_equal(composed, run(integer["autoencoder"], IMAGES, batch))


def test_it_answers_as_the_model_in_numpy_does(integer):
    exact = tiny.forward(CALIBRATING)  # others may lie beyond the ranges
    for part, name in (("encoder", "code"), ("autoencoder", "reconstruction")):
        apart = np.abs(run(integer[part], CALIBRATING) - exact[name])
        # steps of 1/255 of each layer's range, which is about 1
        assert apart.max() < 5 / 255 and apart.mean() < 1 / 255


def test_edges_are_float_with_a_free_batch(integer):
    for content in integer.values():
        model = onnx_file.read(content, "m")
        for spec in (*onnx_file.inputs(model), *onnx_file.outputs(model)):
            assert (spec.dtype, spec.shape[0], spec.scale) == ("float32", "batch", None)


def test_its_products_are_counted_and_compute_with_integers(integer):
    for part, content in integer.items():
        model = onnx_file.read(content, "m")
        assert onnx_statistics.macs(model) == MACS[part]
        products = {"Gemm", "QGemm"} & {node.op_type for node in model.nodes}
        assert len(products) == 1
        weights = [item for item in model.constants.values() if len(item.dims) == 2]
        assert {item.data_type for item in weights} == {onnx.TensorProto.UINT8}
        biases = [item for item in model.constants.values() if item.data_type == 6]
        assert sum(int(np.prod(item.dims)) for item in biases) >= (4 if part == "decoder" else 12)
        sizes = onnx_statistics.size_by_cause(content, model)
        assert sizes["weights"] == MACS[part]  # a byte a weight
        assert sum(sizes.values()) == len(content)


def test_zeros_are_counted_at_each_columns_own_zero_point():
    matrix = np.array([[0.0, 0.5, -1.0], [0.0, 0.0, 3.0]], np.float32)
    bias = np.zeros(2, np.float32)
    encoder = dense("image", [(matrix, bias)], "code")
    decoder = dense("code", [(matrix.T.copy(), np.zeros(3, np.float32))], "reconstruction")
    images = np.random.default_rng(1).random((50, 3)).astype(np.float32)
    for form in FORMS:
        with winner(form):
            content = files(fast(encoder, decoder, images, FAST).parts)["encoder"]
        found = onnx_statistics.sparsity(onnx_file.read(content, "m"))
        assert list(found.values()) == [pytest.approx(3 / 6)]


def test_all_shapes_are_known_to_anybodys_shape_inference(integer):
    for content in integer.values():
        with_every_shape(content)


def test_codes_lie_on_the_grid_that_is_told():
    chosen = fast(*halves(), CALIBRATING, FAST)
    codes = run(files(chosen.parts)["encoder"], IMAGES)
    scale, zero_point = chosen.code.scale, chosen.code.zero_point
    integers = np.rint(codes / np.float32(scale)) + zero_point
    assert integers.min() >= 0 and integers.max() <= 255 and len(np.unique(integers)) > 50
    steps = (integers - zero_point).astype(np.float32)
    np.testing.assert_array_equal(codes, steps * np.float32(scale))


@pytest.mark.parametrize(("qdq", "qoperator", "form"), [
    (20.0, 10.0, "qoperator"),
    (10.0, 20.0, "qdq"),
    (10.0, 9.7, "qdq"),  # within what two timings differ: the form that more runtimes open
])  # fmt: skip
def test_the_faster_form_is_kept(qdq, qoperator, form, monkeypatch):
    timed = []

    def times(models, x):
        timed.append((list(models), x.shape))
        return {"float32": 5.0, "qdq": qdq, "qoperator": qoperator}

    monkeypatch.setattr(onnx_fast, "p50_us", times)
    chosen = fast(*halves(), CALIBRATING, FAST)
    assert chosen.form == form and chosen.p50_us["qdq"] == qdq
    assert timed == [(["float32", *FORMS], (1, 16))]
    kinds = {node.op_type for node in chosen.parts["autoencoder"].graph.node}
    assert ("QGemm" in kinds) == (form == "qoperator")


def test_the_race_tells_a_larger_model_from_a_smaller():
    random = np.random.default_rng(0)
    models = {}
    for name, width in (("small", 4), ("large", 1500)):
        there = random.normal(size=(width, 16)).astype(np.float32), np.zeros(width, np.float32)
        middle = random.normal(size=(width, width)).astype(np.float32), there[1]
        models[name] = dense("image", [there, middle], "code")
    times = p50_us(models, IMAGES[:1])
    assert 0 < 5 * times["small"] < times["large"]


@pytest.mark.system
def test_the_same_model_gives_the_same_bytes_in_every_process():
    found = []
    for seed in ("1", "2"):
        path = os.pathsep.join([str(Path(__file__).parent), str(TESTS), str(ROOT)])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", _HASHES]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.append(done.stdout.splitlines()[-1].split())
    own = [
        hashlib.sha256(item).hexdigest() for form in FORMS[::-1] for item in forced(form).values()
    ]
    assert found[0] == found[1] == own and len(set(own)) == 6


def test_a_calibration_that_onnxruntime_does_not_have_is_refused():
    recipe = Recipe(
        "fast", quantization="int8", io="int8", formats=("tflite", "onnx"), calibration="mse"
    )
    with pytest.raises(BadInput, match=r"^calibration = 'mse': allowed is min-max or percentile"):
        fast(*halves(), CALIBRATING, recipe)


def test_what_onnxruntime_cannot_quantize_is_told_in_one_line():
    encoder, decoder = halves()
    encoder.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(BadInput, match=r"^onnx = 'fast': onnxruntime cannot quantize it: [^\n]+$"):
        fast(encoder, decoder, CALIBRATING, FAST)


def test_float16_halves_the_weights_and_keeps_the_answers():
    parts = float16(*halves())
    made = {part: finished(parts[part], "test", stamp(part, "fp16")) for part in PARTS}
    exact = tiny.forward(IMAGES)
    codes = run(made["encoder"], IMAGES)
    assert np.abs(codes - exact["code"]).max() < 1e-2
    whole = run(made["autoencoder"], IMAGES)
    assert 0 < np.abs(whole - exact["reconstruction"]).max() < 1e-2
    for batch in (1, 200):
        composed = run(made["decoder"], run(made["encoder"], IMAGES, batch), batch)
        np.testing.assert_array_equal(composed, run(made["autoencoder"], IMAGES, batch))
    for part, content in made.items():
        model = onnx_file.read(content, "m")
        assert {item.data_type for item in model.constants.values()} == {onnx.TensorProto.FLOAT16}
        assert onnx_statistics.macs(model) == MACS[part]
        assert onnx_statistics.size_by_cause(content, model)["weights"] == 2 * MACS[part]
        for spec in (*onnx_file.inputs(model), *onnx_file.outputs(model)):
            assert (spec.dtype, spec.shape[0]) == ("float32", "batch")


def test_the_code_is_rounded_inside_the_whole_as_it_is_when_it_leaves():
    graph = float16(*halves())["autoencoder"].graph
    (leaves,) = [node for node in graph.node if "code" in node.output]
    (enters,) = [node for node in graph.node if "code" in node.input]
    assert [leaves.op_type, enters.op_type] == ["Cast", "Cast"]
    assert [item.i for node in (leaves, enters) for item in node.attribute] == [
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
    ]


def test_dense_layers_become_one_operator_and_answer_the_same():
    whole = joined(*halves())
    merged = with_gemm(whole)
    assert [node.op_type for node in merged.graph.node] == ["Gemm", "Relu", "Gemm", "Gemm"]
    before, after = (run(item.SerializeToString(), IMAGES) for item in (whole, merged))
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_product_that_is_needed_elsewhere_stays():
    whole = joined(*halves())
    product = whole.graph.node[0].output[0]
    whole.graph.output.append(
        onnx.helper.make_tensor_value_info(product, onnx.TensorProto.FLOAT, ["batch", 8])
    )
    kinds = [node.op_type for node in with_gemm(whole).graph.node]
    assert kinds == ["MatMul", "Add", "Relu", "Gemm", "Gemm"]


def test_nodes_are_sorted_by_what_they_read():
    encoder, _ = halves()
    kinds = [node.op_type for node in encoder.graph.node]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in encoder.graph.node]
    del encoder.graph.node[:]
    encoder.graph.node.extend(reversed(nodes))
    assert [node.op_type for node in in_order(encoder).graph.node] == kinds


def test_a_file_that_would_be_no_valid_onnx_is_told_in_one_line():
    encoder, _ = halves()
    encoder.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    line = r"^encoder\.onnx, fp32: not valid ONNX: [^\n]+$"
    with pytest.raises(BadInput, match=line):
        finished(encoder, "test", stamp("encoder", "fp32"))


def test_a_stamp_is_sorted_and_says_null_of_floats():
    found = Stamp("r", "1", "2", "encoder", "fp32", 4).properties()
    assert found["edgeae.code"] == '{"scale": null, "size": 4, "zero_point": null}'
    assert list(found) == sorted(found) and "edgeae.p50_us" not in found
    assert all(re.fullmatch(r"edgeae\.\w+", key) for key in found)
