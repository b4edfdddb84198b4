"""The rules of widths: any row gets a code that is smaller than itself, and layers to reach it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.families.table import FAMILIES, fitted, model_name, settings

BY_RULE = [name for name, family in FAMILIES.items() if family.rule]


@given(width=st.integers(2, 65_536))
def test_a_table_of_any_width_gets_a_smaller_code_and_a_wider_layer(width):
    plan = fitted(settings("dense"), (width,))
    assert 1 <= plan.size < width
    assert all(1 <= units <= 65_536 for units in plan.widths)


@given(time=st.integers(2, 100_000), channels=st.integers(1, 16))
def test_a_signal_of_any_length_becomes_a_few_steps_and_an_eighth(time, channels):
    plan = fitted(settings("conv1d"), (time, channels))
    assert 1 <= plan.size < time * channels
    assert plan.size == max(1, min(time * channels // 8, 4_096))
    steps = time
    for _ in plan.widths:
        steps = math.ceil(steps / 4)
    assert steps <= 16
    assert len(plan.widths) == 1 or 4 * steps > 16  # no convolution too many


@pytest.mark.parametrize("family", BY_RULE)
def test_what_is_asked_for_is_not_chosen(family):
    plan = settings(family, code=3, hidden=(5,))
    assert fitted(plan, (64,)) == plan
    assert fitted(settings(family, hidden=(5,)), (64,)).widths == (5,)
    assert fitted(settings(family, code=3), (64,)).size == 3


def test_families_of_images_keep_their_settings():
    plan = settings("deep")
    assert fitted(plan, (28, 28)) is plan


def test_the_usual_code_is_not_part_of_a_name():
    assert model_name(settings("dense")) == "dense"
    assert model_name(settings("dense", code=32)) == "dense-c32"
    assert model_name(settings("deep")) == model_name(settings("deep", code=32)) == "deep"


@pytest.mark.parametrize("family", BY_RULE)
def test_a_linear_output_has_no_cross_entropy(family):
    with pytest.raises(BadInput, match=f"--loss bce: allowed with {family} is mse"):
        settings(family, loss="bce")
