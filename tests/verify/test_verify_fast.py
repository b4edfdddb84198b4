"""Verify on `fast` .onnx files beside int8 `.tflite` files: other integers, the same values."""

import dataclasses
import json

import numpy as np
import pytest
import tiny
from onnx import numpy_helper
from onnx_models import halves
from tampering import rewrite

from edgeae.artifacts.bundle import MANIFEST
from edgeae.conversion.onnx.fast import fast
from edgeae.conversion.onnx.graph import finished
from edgeae.formats import describe
from edgeae.formats.onnx.metadata import Stamp
from edgeae.metrics.tolerance import Tolerance
from edgeae.recipe import PARTS, Recipe
from edgeae.verify.run import verify

IMAGES = (tiny.images(64) / np.float32(255)).astype(np.float32).reshape(64, 16)
FAST = Recipe("fast", quantization="int8", io="int8", formats=("tflite", "onnx"), onnx="fast")


@pytest.fixture
def bundle(tiny_bundle):
    """The tiny int8 bundle with `fast` files."""

    def build(max_abs: float, shifted: bool = False):
        # parity and composition are what these tests are about, whatever the loss is
        tolerance = Tolerance(max_lsb=1, max_abs=max_abs, added_loss=1.0, added_p99=1.0)
        bundle = tiny_bundle("int8", tolerance=tolerance)
        chosen = fast(*halves(), IMAGES, FAST)
        if shifted:  # a decoder that reads codes on another grid than the whole does
            graph = chosen.parts["decoder"].graph
            quantize = next(node for node in graph.node if "code" in node.input)
            scale = next(item for item in graph.initializer if item.name == quantize.input[1])
            other = (numpy_helper.to_array(scale) * 1.02).astype(np.float32)
            scale.CopyFrom(numpy_helper.from_array(other, scale.name))
        table = json.loads((bundle.root / MANIFEST).read_text())
        for part in PARTS:
            stamp = Stamp("fast", "1", "2", part, f"fast-{chosen.form}", tiny.CODE)
            content = finished(chosen.parts[part], "test", stamp)
            (bundle.root / f"{part}.onnx").write_bytes(content)
            described = describe.onnx(part, content, f"{part}.onnx", stamp.flavour)
            table["artifacts"].append(dataclasses.asdict(described))
        return rewrite(bundle.root, table)

    return build


def found(bundle):
    return verify(bundle, None, ["onnxruntime-cpu"], lambda line: None)


def test_fast_is_compared_with_the_reference_in_real_units(bundle):
    findings = found(bundle(0.02))
    assert findings.breaches == [] and len(findings.rows) == 3
    for row in findings.rows:
        assert row.max_lsb is None and 0 < row.max_abs < 0.02
        assert (row.reference, row.loss is None) == ("golden", row.part == "encoder")
    (composed,) = findings.compositions
    assert composed.max_abs == 0


def test_fast_outside_its_tolerance_fails(bundle):
    lines = found(bundle(1e-4)).breaches
    assert len(lines) == 3 and all("max_abs" in line for line in lines)


def test_a_code_on_two_grids_is_no_composition(bundle):
    lines = found(bundle(0.05, shifted=True)).breaches
    assert len(lines) == 1 and "composition: max_abs" in lines[0]
