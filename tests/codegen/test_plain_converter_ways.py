"""Models that tf.lite's converter makes in several ways without edgeae answer as LiteRT does."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from c_models import Case, check

from edgeae.formats.tflite.graph import read, write

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

CHILD = Path(__file__).parents[1] / "plain_converter_child.py"
MODELS = ("separable", "residual", "decoder", "upsampling", "pools", "branches", "dense")
FORMS = (
    *("float32", "float16", "int8", "int8_per_tensor"),
    *("uint8_edges", "float_edges", "int16x8", "int16_float_edges"),
)
#: The converter writes versions that LiteRT's kernels do not claim, though they compute them.
NEWEST = {"TILE": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All models in all forms, made by a process of its own: Keras here is not edgeae's."""
    place = tmp_path_factory.mktemp("plain")
    command = [sys.executable, str(CHILD), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return place


def test_there_is_a_test_of_each_file(folder):
    made = {path.name.rsplit("-", 1)[0] for path in folder.iterdir()}
    assert made == {f"{name}-{form}" for name in MODELS for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_it_answers_as_the_reference_does(name, form, folder):
    (path,) = folder.glob(f"{name}-{form}-*.tflite")
    check([case(path.read_bytes(), path.name)])


def case(content: bytes, origin: str) -> Case:
    """Random inputs, the first all of the type's smallest value and the second of its largest."""
    graph = read(content, origin)
    rng, source = np.random.default_rng(0), graph.tensors[next(iter(graph.inputs.values()))]
    if source.dtype == "float32":
        inputs = rng.uniform(0, 1, (24, *source.shape)).astype(np.float32)
    else:
        ends = np.iinfo(source.dtype)
        inputs = rng.integers(ends.min, ends.max + 1, (24, *source.shape)).astype(source.dtype)
        inputs[0], inputs[1] = ends.min, ends.max
    if any(item.version > NEWEST.get(item.name, item.version) for item in graph.operators):
        known = [
            dataclasses.replace(item, version=min(item.version, NEWEST.get(item.name, 99)))
            for item in graph.operators
        ]
        content = write(dataclasses.replace(graph, operators=tuple(known)))
    return Case(content, inputs)
