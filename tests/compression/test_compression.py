"""Zeros, clusters and grids hold through training; channels equalized answer alike."""

import pytest
from edgeae_cli import child

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def found() -> dict:
    return child("compression_child.py")


def test_training_moves_weights_and_loses_no_constraint(found):
    made = found["constraints"]
    assert made["losses"][1] < 0.8 * made["losses"][0]
    assert min(made["moved"]) > 1e-3
    assert all(made["zeros_kept"])
    assert max(made["values"]) <= 8
    assert not any(made["zeros_below_zero"])
    assert max(made["off_grid"]) == 0 or max(made["off_grid"]) < 1e-6


def test_layers_have_their_own_weights_again(found):
    assert found["constraints"]["variables_are_back"]
    assert found["untouched"]


def test_what_is_baked_answers_as_what_was_trained(found):
    """But for the ranges, which follow the batches with a delay."""
    assert found["constraints"]["baked_apart"] < 0.1


def test_equalized_channels_answer_as_before_and_lie_closer_together(found):
    assert found["equalized"]["apart"] < 1e-4
    before, after = found["equalized"]["spread"]
    assert after < before / 2


def test_the_simulation_errs_as_much_as_the_integer_kernels(found):
    """Ranges differ in the last digits, so that single roundings fall either way."""
    made = found["converter"]
    assert made["real"] > 0.002
    assert made["simulated"] == pytest.approx(made["real"], rel=0.2)


def test_kernels_know_their_output_channels(found):
    assert found["kernels"] == {
        "conv": [False, [0, 1, 2]],
        "depthwise": [True, [0, 1]],
        "wide": [False, [0, 1, 2]],
        "code": [False, [0]],
        "hidden": [False, [0]],
        "last": [False, [0]],
    }
