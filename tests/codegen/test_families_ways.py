"""Every part of every family, under recipes without fine-tuning, answers as LiteRT does."""

import dataclasses

import numpy as np
import pytest
from c_files import case
from c_models import Case, check
from family_models import MODELS, build_all, train_all

from edgeae.embed import record

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

RECIPES = ("float32", "float16", "int8", "int8-per-tensor", "int16x8")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("families")
    train_all(place, "digits", MODELS, steps=20)
    build_all(place, MODELS, RECIPES)
    return place


@pytest.mark.parametrize("layout", ["portable", "dsp", "helium"])
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("model", MODELS)
def test_it_answers_as_the_reference_does(model, recipe, layout, place):
    folder = place / "build" / model / recipe
    check([_case(folder, item) for item in record.read(folder).parts], layout)


def _case(folder, part) -> Case:
    """Images of the digits or their codes, and random inputs."""
    found = case((folder / f"{part.part}.tflite").read_bytes(), part.part)
    given = part.inputs.reshape(-1, *found.inputs.shape[1:])
    return dataclasses.replace(found, inputs=np.concatenate([given, found.inputs]))
