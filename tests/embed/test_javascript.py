"""What JavaScript computes at a part's edges: columns that are standardised, other scales."""

import dataclasses
import json

import numpy as np
import pytest
import wasm_node
from edgeae_cli import ROOT

from edgeae.codegen.part import Part
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Options
from edgeae.embed.javascript import edge, script_parts
from edgeae.embed.record import read
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.quantization import Affine, dequantize, quantize
from edgeae.metrics.standardization import Standardization

RUNTIME = ROOT / "edgeae" / "embed" / "templates" / "web" / "runtime.js"
COLUMNS = Standardization((0.1, -3.7, 1000.25), (0.3, 7.1, 12.5))
_SCRIPT = """
import { Part } from "./runtime.js";
class Columns extends Part { static spec = SPEC; }
const memory = new WebAssembly.Memory({ initial: 1 });
const part = new Columns({ memory, columns_input: () => 0, columns_output: () => 64 });
const quantized = part.quantize(VALUES);
console.log(JSON.stringify([[...quantized], [...part.dequantize(quantized)]]));
"""


def _in_node(
    folder, kind: str, values: np.ndarray, scale: float = 0.017, columns=COLUMNS
) -> tuple[np.ndarray, np.ndarray]:
    """Values as the input stores them, and back, by `runtime.js`."""
    scales = {} if kind == "float32" else {"scales": (scale,), "zero_points": (3,)}
    tensor = dataclasses.replace(Tensor("x", (1, len(values)), kind), **scales)
    both = edge(tensor, columns)
    spec = {"name": "columns", "input": both, "output": both}
    (folder / "runtime.js").write_text(RUNTIME.read_text())
    (folder / "module.js").write_text('export const plain = "";\nexport const simd = [];\n')
    (folder / "package.json").write_text('{"type": "module"}')
    text = _SCRIPT.replace("SPEC", json.dumps(spec)).replace("VALUES", json.dumps(values.tolist()))
    stored, real = wasm_node.script(folder, text)
    return np.array(stored), np.array(real, np.float32)


@pytest.mark.system
@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "float32"])
def test_columns_are_standardised_and_restored_as_the_c_does_it(kind, tmp_path):
    rng = np.random.default_rng(2)
    mean, deviation = np.float32(COLUMNS.mean), np.float32(COLUMNS.deviation)
    values = (mean + deviation * rng.normal(size=(3, 3)).astype(np.float32)).astype(np.float32)
    stored, real = _in_node(tmp_path, kind, values.reshape(-1))
    standard = (values - mean) / deviation
    if kind == "float32":
        expected = back = standard
    else:
        affine = Affine(float(np.float32(0.017)), 3, kind)
        expected = quantize(standard, affine)
        back = dequantize(expected, affine)
    assert np.array_equal(stored.astype(expected.dtype), expected.reshape(-1))
    assert np.array_equal(real, (back * deviation + mean).astype(np.float32).reshape(-1))


@pytest.mark.system
def test_halves_are_rounded_away_from_zero(tmp_path):
    values = np.array([0.25, -0.25, 0.75, -0.75, 0.2, -0.2, 0.3, -0.3, 31.0, 62.1, -99.0])
    stored, real = _in_node(tmp_path, "int8", values, 0.5, None)
    assert stored.tolist() == [4, 2, 5, 1, 3, 3, 4, 2, 65, 127, -128]
    assert real.tolist() == [(item - 3) / 2 for item in stored]


def test_a_score_of_another_scale_quantizes_the_image_as_the_output(tiny_bundle):
    """With a threshold the C compares on the output's scale; the bytes of an image too."""
    record = read(tiny_bundle().root)
    whole = record.parts[-1]
    (place,) = whole.graph.outputs.values()
    tensors = list(whole.graph.tensors)
    tensors[place] = dataclasses.replace(tensors[place], scales=(0.011,), zero_points=(-90,))
    graph = dataclasses.replace(whole.graph, tensors=tuple(tensors))
    changed = dataclasses.replace(whole, graph=graph)
    record = dataclasses.replace(record, parts=(*record.parts[:-1], changed), threshold=7.0)
    made = c_sources(record, Options("wasm32"))
    assert isinstance(made.parts[-1], Part) and not made.parts[-1].compares_input
    spec = script_parts(record, made.parts)[-1].spec
    expected = spec["expected"]
    assert spec["threshold"] == 7.0
    levels = np.arange(256, dtype=np.float32) * np.float32(1 / 255)
    affine = Affine(float(np.float32(0.011)), -90, "int8")
    assert expected["pixels"] == quantize(levels, affine).tolist()
    assert (expected["scale"], expected["zeroPoint"]) == (affine.scale, -90)
    without = dataclasses.replace(record, threshold=None)
    parts = script_parts(without, c_sources(without, Options("wasm32")).parts)
    assert "expected" not in parts[-1].spec and parts[-1].score == ""
