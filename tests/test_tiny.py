import numpy as np
import pytest
import tiny

from edgeae.formats.tflite.graph import write


@pytest.mark.parametrize("resolver", tiny.RESOLVERS)
def test_the_float_model_is_the_one_in_numpy(resolver):
    x = tiny.images().reshape(-1, 16).astype(np.float32) / np.float32(255)
    for part, graph in tiny.parts(tiny.float_graph()).items():
        source, target = tiny.EDGES[part]
        known = tiny.forward(x)
        answer = tiny.run(write(graph), known[source].astype(np.float32), tiny.RESOLVERS[resolver])
        assert np.abs(answer - known[target]).max() < 1e-5


def test_the_int8_model_is_close_to_the_float_one():
    pixels = tiny.images().reshape(-1, 16)
    stored = (pixels.astype(int) - 128).astype(np.int8)
    answer = tiny.run(write(tiny.int8_graph()), stored, tiny.RESOLVERS["litert-reference"])
    expected = np.clip(tiny.forward(pixels / 255)["reconstruction"], 0, 255 / 256)
    assert np.abs((answer.astype(int) + 128) / 256 - expected).max() < 0.02


def test_the_code_and_hidden_layer_fit_their_ranges():
    known = tiny.forward(tiny.images().reshape(-1, 16) / 255)
    for name in ("hidden", "code"):
        scale, zero_point = tiny.QUANTIZED[name]
        low, high = (scale * (edge - zero_point) for edge in (-128, 127))
        assert low <= known[name].min() and known[name].max() <= high
        assert np.ptp(known[name]) > (high - low) / 4


def test_a_bundle_of_each_kind_tells_true_figures(tiny_bundle):
    for flavour, io in (
        ("float32", None),
        ("int8", "int8"),
        ("int8", "uint8"),
        ("int8", "float32"),
    ):
        bundle = tiny_bundle(flavour, io=io)
        loss = bundle.manifest.loss
        assert loss.added == loss.exported - loss.float32
        assert abs(loss.added) < (1e-6 if flavour == "float32" else 3e-4)
        for part in tiny.EDGES:
            assert bundle.golden(part).dtype == bundle.artifact(part).output.dtype
