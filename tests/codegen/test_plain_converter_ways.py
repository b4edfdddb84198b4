"""Models that tf.lite's converter makes in several ways without edgeae answer as LiteRT does."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from c_files import case
from c_models import check

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

CHILD = Path(__file__).parents[1] / "plain_converter_child.py"
MODELS = ("separable", "residual", "decoder", "upsampling", "pools", "branches", "dense")
FORMS = (
    *("float32", "float16", "int8", "int8_per_tensor"),
    *("uint8_edges", "float_edges", "int16x8", "int16_float_edges"),
)
MADE = [
    (name, form)
    for name, form in itertools.product(MODELS, FORMS)
    if name != "dense" or not form.startswith("int16")  # it has operators without int16 form
]


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
    assert made == {f"{name}-{form}" for name, form in MADE}


@pytest.mark.parametrize(("name", "form"), MADE)
def test_it_answers_as_the_reference_does(name, form, folder):
    (path,) = folder.glob(f"{name}-{form}-*.tflite")
    check([case(path.read_bytes(), path.name)])
