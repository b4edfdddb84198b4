"""Every recipe on every family keeps, in the files, what it promises.

Recipes that fine-tune do so for as few steps as there can be: whatever the loss, a file must hold
the zeros, values and operators that its recipe names, and `decoder(encoder(x))` of integers must be
`autoencoder(x)`, on 10,000 images and to the last integer.
"""

import os
from pathlib import Path

import numpy as np
import promises
import pytest
from family_models import MODELS, train_all

from edgeae import data

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

N = 10_000
PROMISING = [name for name, plan in promises.RECIPES.items() if promises.promises(plan)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ladder")
    train_all(place, "digits", MODELS, steps=60)
    return place


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """MNIST's test images if they are here, else digits moved, dimmed and soiled; uint8."""
    if os.environ.get("EDGEAE_MNIST"):
        return data.load("mnist").test
    draw = np.random.default_rng(11)
    digits = data.load("digits")
    known = np.concatenate([digits.test, digits.train])
    moved = np.stack(
        [
            np.roll(known[index], (down, right), (0, 1))
            for index, down, right in zip(
                draw.integers(len(known), size=N), *draw.integers(-4, 5, (2, N)), strict=True
            )
        ]
    )
    dimmed = moved * draw.uniform(0.2, 1, (N, 1, 1))
    soiled = dimmed + draw.normal(0, 1, dimmed.shape) * draw.choice([0, 20, 90], (N, 1, 1))
    found = np.clip(np.rint(soiled), 0, 255).astype(np.uint8)
    found[: len(digits.test)] = digits.test
    found[-2], found[-1] = 0, 255
    return found


@pytest.mark.parametrize("name", PROMISING)
def test_every_family_keeps_what_the_recipe_promises(name, place, pixels):
    assert pixels.shape == (N, 28, 28)
    plan = promises.RECIPES[name]
    for model, bundle in promises.build(place, name, promises.least(plan), MODELS).items():
        promises.check(bundle, plan)
        if promises.is_integer(plan):
            # two epochs leave its code at the mean
            promises.check_composition(bundle, pixels, collapsed=model == "variational")
